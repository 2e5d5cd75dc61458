//! Bounded models of the transactional engine, one file a subject. Each names
//! the anomaly that it forbids; a deadlock (a lost wake-up) fails a model too.

mod clocks;
mod conflict;
mod grace;
mod isolation;
mod nesting;
mod reclamation;
mod rows;
mod single;
mod support;
mod waiting;
