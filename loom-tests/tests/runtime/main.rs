//! Models of the scheduler's protocols, one file a protocol, and its canary.

mod away;
mod bell;
mod canary;
mod completion;
mod forking;
mod idle;
mod quiet;
mod scope;
mod state;
mod task;
