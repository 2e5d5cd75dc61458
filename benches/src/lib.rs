//! Hivework beside its peers: what is measured ([`workload`]), how one workload
//! runs on several transactional memories ([`system`]), how measurements are
//! compared ([`report`]), how containers and the number of works grow ([`growth`]), how long
//! one waits ([`latency`]), what idling costs ([`idle`]) and what must come of it
//! ([`report::targets`]).
//!
//! ```text
//! cargo bench -p hivework-benches                              criterion, with its history
//! cargo run --release -p hivework-benches --bin report         writes benches/REPORT.md
//! … --bin report -- --only WORD          measures what has the word in its name, writes nothing
//! ```
//!
//! All run the same workloads. What counts is the ratio to a peer taken in one
//! run on one machine; the figures themselves move from machine to machine and
//! from hour to hour.

pub mod growth;
pub mod idle;
pub mod latency;
pub mod picture;
mod plot;
pub mod report;
pub mod suite;
pub mod system;
pub mod tuning;
pub mod workload;
