//! What runs a program: loom under the cfg, the program itself without it.

#[cfg(not(hivework_loom))]
mod once;
#[cfg(not(hivework_loom))]
pub(crate) use once::explore;

#[cfg(hivework_loom)]
mod every;
#[cfg(hivework_loom)]
pub(crate) use every::explore;

pub use hivework_stm::facade::MODELLED;
