//! What the containers, ports and channels promise, one promise a test.

mod barrier;
mod bounded;
mod broadcast;
mod cell;
mod channel;
mod line;
mod list;
mod message;
mod model;
mod once;
mod queue;
mod queue_threads;
mod semaphore;
mod stack;
mod support;
