//! What the containers, ports and channels promise, one promise a test.

mod broadcast;
mod channel;
mod conformance;
mod delaying;
mod message;
mod multicast;
mod pump;
mod queue;
mod queue_threads;
mod support;
mod teeth;
