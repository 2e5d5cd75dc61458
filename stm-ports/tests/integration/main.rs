//! What the containers, ports and channels promise, one promise a test.

mod broadcast;
mod channel;
mod message;
mod ordered_map;
mod ordered_map_threads;
mod priority_queue;
mod queue;
mod queue_threads;
mod support;
