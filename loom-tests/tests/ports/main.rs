//! Models of `stm-ports`, one file a protocol, and its canary.

mod broadcast;
mod canary;
mod channel;
mod pump;
mod queue;
