//! Models of the scheduler's protocols, one file a protocol, and its canary.

mod away;
mod bands;
mod bell;
mod canary;
mod completion;
mod current;
mod deep;
mod forking;
mod hand_over;
mod idle;
mod numbers;
mod parker;
mod quiet;
mod scope;
mod slots;
mod state;
mod task;
mod timers;
