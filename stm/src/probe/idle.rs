//! The probe of a shipped build: nothing at all.

use super::{Chaos, Failure, Point, Trace};

#[inline(always)]
pub(crate) fn begin() {}

#[inline(always)]
pub(crate) fn end(_committed: bool) {}

#[inline(always)]
pub(crate) fn read(_variable: usize, _version: u64, _word: usize) {}

#[inline(always)]
pub(crate) fn stored(_variable: usize, _before: u64, _word: usize) {}

#[inline(always)]
pub(crate) fn ticked(_version: u64) {}

#[inline(always)]
pub(crate) fn point(_point: Point) {}

#[inline(always)]
pub(crate) fn fails(_step: Failure) -> bool {
    false
}

/// Has this thread keep records from now on: not in this build.
#[inline(always)]
pub fn record(_room: Trace) {}

/// Ends the recording: there is nothing in this build.
#[inline(always)]
pub fn take() -> Trace {
    Trace::default()
}

/// Disturbs this thread's transactions from now on: not in this build.
#[inline(always)]
pub fn disturb(_chaos: Chaos) {}

/// Ends the disturbance.
#[inline(always)]
pub fn calm() {}
