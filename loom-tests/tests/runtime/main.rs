//! Models of the scheduler's protocols, one file a protocol, and its canary.

mod away;
mod bell;
mod canary;
mod completion;
mod idle;
mod quiet;
mod state;
mod task;
