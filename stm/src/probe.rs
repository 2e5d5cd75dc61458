//! What an independent judge of the engine may see of it, and where it may
//! disturb it: nothing, unless built with `--cfg hivework_probe`.
//!
//! The engine calls the probe at a few places, each one line. Without the cfg
//! every function is empty and inlined away. With it:
//!
//! * **Trace.** A thread that asked for it keeps one record for each attempt: when
//!   it began and ended, what it read and wrote, under which versions. Nothing
//!   is shared between threads, and nothing but the clock is asked: a probe that
//!   synchronises hides the races it is there to find.
//! * **Chaos.** A thread that asked for it yields, spins or fails where the engine
//!   is most easily hurt, as a seeded generator of its own decides. The same seed
//!   decides the same again, call by call; what the other threads do meanwhile is
//!   not part of it.
//!
//! | call | where | what it tells |
//! |---|---|---|
//! | `begin`, `end` | an attempt | that it began, that it is over and how |
//! | `read` | when a read is logged | variable, version, data word |
//! | `stored` | when a commit stores data | variable, the version replaced, data word |
//! | `ticked` | when a commit knows its version | that version |
//! | `point` | between two steps | a place for delays |
//! | `fails` | before a step that may fail | is it to fail? |
//!
//! Plain numbers only, so that it depends on nothing of the engine: a variable is
//! its address, a version its word without flags, data the bits of its word.
//!
//! Public for the judge, and not part of the stable interface.

use std::time::Instant;

#[cfg(hivework_probe)]
mod chaos;
#[cfg(hivework_probe)]
mod trace;
#[cfg(hivework_probe)]
pub use chaos::{calm, disturb};
#[cfg(hivework_probe)]
pub(crate) use chaos::{fails, point};
#[cfg(hivework_probe)]
pub(crate) use trace::{begin, end, read, stored, ticked};
#[cfg(hivework_probe)]
pub use trace::{record, take};

#[cfg(not(hivework_probe))]
mod idle;
#[cfg(not(hivework_probe))]
pub(crate) use idle::{begin, end, fails, point, read, stored, ticked};
#[cfg(not(hivework_probe))]
pub use idle::{calm, disturb, record, take};

/// Is there a probe in this build?
pub const PROBED: bool = cfg!(hivework_probe);

/// What one thread did, attempt by attempt.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// In order of time.
    pub attempts: Vec<Attempt>,
    /// The reads of all attempts, one after the other.
    pub reads: Vec<Read>,
    /// The writes of all attempts, one after the other.
    pub writes: Vec<Write>,
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Before its first read.
    pub begin: Instant,
    /// After its last publication.
    pub end: Instant,
    /// Did it commit?
    pub committed: bool,
    /// Where its reads end in [`Trace::reads`]; they begin where those before end.
    pub reads: usize,
    /// Where its writes end in [`Trace::writes`].
    pub writes: usize,
}

/// One read of committed data.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// The variable, by its address.
    pub variable: usize,
    /// The version under which it was read.
    pub version: u64,
    /// The data word.
    pub word: usize,
}

/// One write that was published.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// The variable, by its address.
    pub variable: usize,
    /// The version that its lock replaced.
    pub before: u64,
    /// The version that was published.
    pub after: u64,
    /// The data word.
    pub word: usize,
}

/// A place between two steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Point {
    /// A read has loaded the data, and not yet the version.
    Loaded,
    /// An extension is about to check one variable that was read.
    Extending,
    /// A commit has taken one lock.
    Locked,
    /// A commit has all locks and is about to check one variable that was read.
    Checking,
    /// A commit has checked its reads.
    Checked,
    /// A commit has stored the data of one variable.
    Stored,
    /// A commit has ticked its clock.
    Ticked,
    /// A commit has published one version.
    Published,
    /// A waiter has queued an entry, and not yet said so in the version word.
    Registering,
    /// An attempt is about to unpin.
    Unpinning,
}

impl Point {
    /// All of them.
    pub const ALL: [Point; 10] = [
        Point::Loaded,
        Point::Extending,
        Point::Locked,
        Point::Checking,
        Point::Checked,
        Point::Stored,
        Point::Ticked,
        Point::Published,
        Point::Registering,
        Point::Unpinning,
    ];
}

/// A step that chaos can make fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A lock is held, so it seems.
    Lock,
    /// Something that was read has changed, so it seems.
    Validation,
}

/// How a thread's transactions are disturbed. Chances are in 65536ths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chaos {
    /// Decides everything.
    pub seed: u64,
    /// Where to delay: one bit for each [`Point`], by its number.
    pub points: u32,
    /// The chance that a point yields to other threads.
    pub yields: u16,
    /// The chance that a point spins for a random while.
    pub spins: u16,
    /// The chance that a step which may fail does.
    pub failures: u16,
}
