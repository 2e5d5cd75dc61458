//! What the containers, ports and channels promise, one promise a test.

mod bounded;
mod broadcast;
mod channel;
mod line;
mod message;
mod model;
mod queue;
mod queue_threads;
mod semaphore;
mod support;
