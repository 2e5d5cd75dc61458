//! What the containers, ports and channels promise, one promise a test.

mod barrier;
mod bounded;
mod broadcast;
mod caught;
mod cell;
mod channel;
mod conformance;
mod delaying;
mod hash_map;
mod line;
mod list;
mod message;
mod model;
mod multicast;
mod once;
mod ordered_map;
mod ordered_map_threads;
mod priority_queue;
mod pump;
mod queue;
mod queue_threads;
mod semaphore;
mod stack;
mod support;
mod teeth;
