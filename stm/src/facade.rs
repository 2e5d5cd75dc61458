//! The one seam between the code and what it is built on: the standard library
//! and parking_lot in a shipped build, [loom](https://docs.rs/loom) under
//! `--cfg hivework_loom`.
//!
//! Every atomic, lock, thread, thread-local and racy static of the three
//! library crates comes from here, so that a model runs the code that ships.
//! The two sides offer the same names:
//!
//! | name | shipped | model |
//! |---|---|---|
//! | `atomic` | `std::sync::atomic` | loom's atomics, each with a companion (below) |
//! | `cell` | std's `UnsafeCell`, with loom's calls | loom's, which checks who owns it |
//! | `sync` | parking_lot's `Mutex`, `Condvar`; std's `Arc` | loom's, with parking_lot's calls |
//! | `thread`, `hint` | std | loom |
//! | `barrier` | a compiler fence and `membarrier`, or two fences | a word that both sides modify, or two fences |
//! | `reclaims` | true | only in models of reclamation |
//! | `commit_fence` | nothing: the accesses around it are SeqCst | `fence(SeqCst)` |
//! | `local!`, `global!`, `filled!` | `thread_local!`, `static`, a constant array | loom's per-execution forms |
//!
//! **Companions.** loom 0.7.2 prunes schedules when a thread's first access to
//! an atomic is a load (tokio-rs/loom issues 166 and 392), and that is every
//! read path of a transactional engine. Each modelled atomic therefore carries
//! a second one that every access first touches with a Relaxed `fetch_add`.
//! Where that extra access could hide a defect of fence-based code, a model
//! is run a second time with the environment variable
//! `HIVEWORK_LOOM_PLAIN=1`, which leaves the companions untouched.
//!
//! This module is public so that the crates above and the models can use it;
//! it is not part of the stable interface.

#[cfg(not(hivework_loom))]
mod real;
#[cfg(not(hivework_loom))]
pub use real::*;

#[cfg(hivework_loom)]
mod model;
#[cfg(hivework_loom)]
pub use model::*;
