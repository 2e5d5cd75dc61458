#![allow(
    unsafe_code,
    reason = "the standard library does not tell what time a thread has had"
)]
//! How much of the processor's time a thread has had, and whether it wants more, as another thread
//! may ask.
//!
//! The thread leaves its number and that of its clock, which the system keeps; who asks reads
//! those. A thread that has ended has no clock any more, or another one has its number: the
//! answers are advice. Where the system does not tell there is none.

use std::sync::OnceLock;
use std::time::Duration;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct ThreadClock(OnceLock<system::Thread>);

impl ThreadClock {
    /// Of no thread yet.
    pub(crate) fn new() -> Self {
        ThreadClock(OnceLock::new())
    }

    /// It is that of the calling thread, from now on.
    pub(crate) fn set_to_this_thread(&self) {
        if let Some(thread) = system::Thread::current() {
            let _ = self.0.set(thread);
        }
    }

    /// What the thread has had so far.
    pub(crate) fn read(&self) -> Option<Duration> {
        self.0.get()?.time()
    }

    /// Does it run, or wait for a processor to run on? Dear beside [`read`](ThreadClock::read).
    pub(crate) fn is_runnable(&self) -> bool {
        self.0.get().is_some_and(system::Thread::is_runnable)
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use std::mem::MaybeUninit;
    use std::time::Duration;

    #[derive(Debug)]
    pub(super) struct Thread {
        clock: libc::clockid_t,
        number: libc::c_long,
    }

    impl Thread {
        pub(super) fn current() -> Option<Thread> {
            // SAFETY: it has no preconditions.
            let thread = unsafe { libc::pthread_self() };
            let mut clock = 0;
            // SAFETY: the thread is this one, so it lives, and the place is one for a clock's
            // number.
            let error = unsafe { libc::pthread_getcpuclockid(thread, &raw mut clock) };
            if error != 0 {
                return None;
            }
            // SAFETY: the call takes nothing and touches no memory of ours.
            let number = unsafe { libc::syscall(libc::SYS_gettid) };
            Some(Thread { clock, number })
        }

        pub(super) fn time(&self) -> Option<Duration> {
            let mut time = MaybeUninit::<libc::timespec>::uninit();
            // SAFETY: any number may be asked for; the place is one for a time.
            let error = unsafe { libc::clock_gettime(self.clock, time.as_mut_ptr()) };
            if error != 0 {
                return None;
            }
            // SAFETY: written, since the call has not failed.
            let time = unsafe { time.assume_init() };
            let seconds = u64::try_from(time.tv_sec).ok()?;
            let nanos = u32::try_from(time.tv_nsec).ok()?;
            Some(Duration::new(seconds, nanos))
        }

        pub(super) fn is_runnable(&self) -> bool {
            let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", self.number));
            // The state follows the name, which may hold anything, in parentheses.
            let state = stat.as_deref().ok().and_then(|stat| stat.rsplit_once(") "));
            state.is_some_and(|(_, state)| state.starts_with('R'))
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    use std::time::Duration;

    #[derive(Debug)]
    pub(super) enum Thread {}

    impl Thread {
        pub(super) fn current() -> Option<Thread> {
            None
        }

        pub(super) fn time(&self) -> Option<Duration> {
            match *self {}
        }

        pub(super) fn is_runnable(&self) -> bool {
            match *self {}
        }
    }
}

#[cfg(all(test, target_os = "linux", not(any(miri, hivework_loom))))]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::ThreadClock;

    #[test]
    fn the_clock_of_a_thread_that_computes_advances() {
        let clock = ThreadClock::new();
        assert_eq!(clock.read(), None);
        clock.set_to_this_thread();
        let before = clock.read().unwrap();
        while clock.read().unwrap() == before {}
        assert!(clock.is_runnable());
    }

    #[test]
    fn a_thread_that_waits_is_not_runnable() {
        let clock = Arc::new(ThreadClock::new());
        let theirs = Arc::clone(&clock);
        let (open, gate) = channel::<()>();
        let (set, sets) = channel();
        let thread = thread::spawn(move || {
            theirs.set_to_this_thread();
            set.send(()).unwrap();
            let _ = gate.recv();
        });
        sets.recv().unwrap();
        while clock.is_runnable() {
            thread::yield_now();
        }
        drop(open);
        thread.join().unwrap();
    }
}
