//! Models of `stm-ports`, one file a protocol, and its canary.

mod bounded;
mod broadcast;
mod canary;
mod channel;
mod hash_map;
mod line;
mod ordered_map;
mod pump;
mod queue;
mod segments;
mod semaphore;
