//! Berths: what the tests of task_semaphore say, that its defects are absent, and what is promised beyond.

mod asking;
mod bad_input;
mod crowd;
mod defects;
mod disk;
mod model;
mod probe;
mod seed;
mod slots;
mod stores;
