#![allow(
    unsafe_code,
    reason = "the standard library does not tell what time a thread has had"
)]
//! How much of the processor's time a thread has had, as another thread may ask.
//!
//! The thread leaves the number of its clock, which the system keeps; who asks reads that. A thread
//! that has ended has no clock any more, or another thread has its number: the answer is advice.
//! Where the system has no such clocks there is no answer.

use std::sync::OnceLock;
use std::time::Duration;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct ThreadClock(OnceLock<system::Number>);

impl ThreadClock {
    /// Of no thread yet.
    pub(crate) fn new() -> Self {
        ThreadClock(OnceLock::new())
    }

    /// It is that of the calling thread, from now on.
    pub(crate) fn set_to_this_thread(&self) {
        if let Some(number) = system::of_this_thread() {
            let _ = self.0.set(number);
        }
    }

    /// What the thread has had so far.
    pub(crate) fn read(&self) -> Option<Duration> {
        system::read(*self.0.get()?)
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use std::mem::MaybeUninit;
    use std::time::Duration;

    pub(super) type Number = libc::clockid_t;

    pub(super) fn of_this_thread() -> Option<Number> {
        // SAFETY: it has no preconditions.
        let thread = unsafe { libc::pthread_self() };
        let mut number: Number = 0;
        // SAFETY: the thread is this one, so it lives, and the place is one for a number.
        let error = unsafe { libc::pthread_getcpuclockid(thread, &raw mut number) };
        (error == 0).then_some(number)
    }

    pub(super) fn read(number: Number) -> Option<Duration> {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: any number may be asked for; the place is one for a time.
        let error = unsafe { libc::clock_gettime(number, time.as_mut_ptr()) };
        if error != 0 {
            return None;
        }
        // SAFETY: written, since the call has not failed.
        let time = unsafe { time.assume_init() };
        let seconds = u64::try_from(time.tv_sec).ok()?;
        let nanos = u32::try_from(time.tv_nsec).ok()?;
        Some(Duration::new(seconds, nanos))
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    use std::time::Duration;

    pub(super) type Number = std::convert::Infallible;

    pub(super) fn of_this_thread() -> Option<Number> {
        None
    }

    pub(super) fn read(number: Number) -> Option<Duration> {
        match number {}
    }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::ThreadClock;

    #[test]
    fn the_clock_of_a_thread_that_computes_advances() {
        let clock = ThreadClock::new();
        assert_eq!(clock.read(), None);
        clock.set_to_this_thread();
        let before = clock.read().unwrap();
        while clock.read().unwrap() == before {}
    }
}
