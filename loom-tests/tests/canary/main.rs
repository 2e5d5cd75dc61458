//! Models that must fail: they turn the run red when the facade is dead, when
//! loom explores nothing, or when the engine no longer goes through the facade.
//! Each stands beside the right form of the same program, which must pass. The
//! crates above have theirs beside their models.

mod companion;
mod stm;
