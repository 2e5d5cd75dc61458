//! What runs a program: loom under the cfg, the program itself without it.

#[cfg(not(hivework_loom))]
mod once;
#[cfg(not(hivework_loom))]
pub use once::Witness;
#[cfg(not(hivework_loom))]
pub(crate) use once::{explore, explore_barriers, explore_reclaiming};

#[cfg(hivework_loom)]
mod every;
#[cfg(hivework_loom)]
pub use every::Witness;
#[cfg(hivework_loom)]
pub(crate) use every::{explore, explore_barriers, explore_reclaiming};

pub use hivework_stm::facade::MODELLED;
