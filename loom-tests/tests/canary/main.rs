//! Models that must fail: they turn the run red when the facade is dead, when
//! loom explores nothing, or when a library crate no longer goes through the
//! facade. Each stands beside the right form of the same program, which must pass.

mod companion;
mod stm;
