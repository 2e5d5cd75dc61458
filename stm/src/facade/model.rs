//! The model side of the facade: loom, under the shipped side's names.

pub mod barrier;

/// For the macros below, wherever they are used.
#[doc(hidden)]
pub use loom;

/// Atomics with companions; see the facade's head comment.
pub mod atomic {
    use ::loom::sync::atomic as loom_atomic;
    pub use loom_atomic::{Ordering, fence};

    use std::fmt;

    /// The access that makes loom consider every schedule of the next one.
    struct Companion(Option<loom_atomic::AtomicUsize>);

    impl Companion {
        fn new() -> Self {
            let plain = std::env::var_os("HIVEWORK_LOOM_PLAIN").is_some();
            Companion((!plain).then(|| loom_atomic::AtomicUsize::new(0)))
        }

        #[track_caller]
        fn touch(&self) {
            if let Some(companion) = &self.0 {
                companion.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    macro_rules! atomic {
        ([$($generic:ident)?] $name:ident, $value:ty) => {
            /// loom's atomic of the same name behind a companion.
            pub struct $name$(<$generic>)? {
                value: loom_atomic::$name$(<$generic>)?,
                companion: Companion,
            }

            impl$(<$generic>)? $name$(<$generic>)? {
                /// A new atomic.
                #[track_caller]
                pub fn new(value: $value) -> Self {
                    Self { value: loom_atomic::$name::new(value), companion: Companion::new() }
                }

                /// As `std`'s.
                #[track_caller]
                pub fn load(&self, order: Ordering) -> $value {
                    self.companion.touch();
                    self.value.load(order)
                }

                /// As `std`'s.
                #[track_caller]
                pub fn store(&self, value: $value, order: Ordering) {
                    self.companion.touch();
                    self.value.store(value, order);
                }

                /// As `std`'s.
                #[track_caller]
                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    self.companion.touch();
                    self.value.swap(value, order)
                }

                /// As `std`'s.
                #[track_caller]
                pub fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    self.companion.touch();
                    self.value.compare_exchange(current, new, success, failure)
                }

                /// As `std`'s, without spurious failures.
                #[track_caller]
                pub fn compare_exchange_weak(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    self.compare_exchange(current, new, success, failure)
                }
            }

            impl$(<$generic>)? fmt::Debug for $name$(<$generic>)? {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(stringify!($name))
                }
            }
        };
    }

    macro_rules! fetch {
        ($name:ident, $value:ty: $($method:ident)*) => {
            impl $name {
                $(
                    /// As `std`'s.
                    #[track_caller]
                    pub fn $method(&self, value: $value, order: Ordering) -> $value {
                        self.companion.touch();
                        self.value.$method(value, order)
                    }
                )*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self::new(Default::default())
                }
            }
        };
    }

    atomic!([] AtomicBool, bool);
    atomic!([] AtomicU8, u8);
    atomic!([] AtomicU32, u32);
    atomic!([] AtomicU64, u64);
    atomic!([] AtomicUsize, usize);
    atomic!([T] AtomicPtr, *mut T);
    fetch!(AtomicBool, bool: fetch_or fetch_and);
    fetch!(AtomicU8, u8: fetch_add fetch_sub fetch_or fetch_and);
    fetch!(AtomicU32, u32: fetch_add fetch_sub fetch_or fetch_and fetch_max);
    fetch!(AtomicU64, u64: fetch_add fetch_sub fetch_or fetch_and fetch_max fetch_min);
    fetch!(AtomicUsize, usize: fetch_add fetch_sub fetch_or fetch_and fetch_max fetch_min);
}

/// loom's cell, which notices whoever is not its owner.
pub mod cell {
    pub use ::loom::cell::UnsafeCell;
}

/// Locks and shared ownership, with parking_lot's calls over loom's locks.
pub mod sync {
    use std::fmt;
    use std::ops::{Deref, DerefMut};
    use std::time::{Duration, Instant};

    pub use std::sync::{Arc, Weak};

    /// A lock without poisoning.
    #[derive(Default)]
    pub struct Mutex<T>(::loom::sync::Mutex<T>);

    /// A held [`Mutex`].
    pub struct MutexGuard<'a, T>(Option<::loom::sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        /// A new, free lock.
        pub fn new(value: T) -> Self {
            Mutex(::loom::sync::Mutex::new(value))
        }

        /// Waits for the lock.
        #[track_caller]
        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap()))
        }

        /// Takes the lock if it is free.
        #[track_caller]
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
        }
    }

    impl<T> fmt::Debug for Mutex<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Mutex")
        }
    }

    impl<T> fmt::Debug for MutexGuard<'_, T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("MutexGuard")
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0.as_ref().expect("held")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("held")
        }
    }

    /// A condition variable. Under the model a wait never times out.
    #[derive(Debug, Default)]
    pub struct Condvar(::loom::sync::Condvar);

    /// Whether a bounded wait ran out: never, under the model.
    #[derive(Debug, Clone, Copy)]
    pub struct WaitTimeoutResult(());

    impl WaitTimeoutResult {
        /// Always false here.
        pub fn timed_out(self) -> bool {
            false
        }
    }

    impl Condvar {
        /// A new condition variable.
        pub fn new() -> Self {
            Condvar(::loom::sync::Condvar::new())
        }

        /// Waits for a notification.
        #[track_caller]
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let held = guard.0.take().expect("held");
            guard.0 = Some(self.0.wait(held).unwrap());
        }

        /// As [`Condvar::wait`]: time does not pass in a model.
        #[track_caller]
        pub fn wait_until<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            _: Instant,
        ) -> WaitTimeoutResult {
            self.wait(guard);
            WaitTimeoutResult(())
        }

        /// As [`Condvar::wait`]: time does not pass in a model.
        #[track_caller]
        pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) -> WaitTimeoutResult {
            self.wait(guard);
            WaitTimeoutResult(())
        }

        /// Wakes one waiter.
        #[track_caller]
        pub fn notify_one(&self) -> bool {
            self.0.notify_one();
            true
        }

        /// Wakes every waiter.
        #[track_caller]
        pub fn notify_all(&self) -> usize {
            self.0.notify_all();
            0
        }
    }
}

/// Threads.
pub mod thread {
    use std::mem::ManuallyDrop;
    use std::sync::Arc;
    use std::time::Duration;

    use super::sync::{Condvar, Mutex};

    pub use loom::thread::{AccessError, Builder, JoinHandle, spawn, yield_now};

    /// Whom to unpark. loom's own tokens are lost on a thread that happens to be
    /// blocked on something else.
    #[derive(Clone, Debug, Default)]
    pub struct Thread(Arc<(Mutex<bool>, Condvar)>);

    crate::facade::local! {
        static THREAD: Thread = Thread::default();
    }

    impl Thread {
        /// As `std`'s.
        #[track_caller]
        pub fn unpark(&self) {
            *self.0.0.lock() = true;
            self.0.1.notify_one();
        }
    }

    /// As `std`'s.
    pub fn current() -> Thread {
        THREAD.with(Thread::clone)
    }

    /// As `std`'s.
    #[track_caller]
    pub fn park() {
        let Thread(place) = current();
        let mut token = place.0.lock();
        while !*token {
            place.1.wait(&mut token);
        }
        *token = false;
    }

    /// As `park`: time does not pass in a model.
    #[track_caller]
    pub fn park_timeout(_: Duration) {
        park();
    }

    /// A thread-local variable that is never dropped.
    ///
    /// loom lets a thread be joined before it has dropped its thread-locals,
    /// and takes the globals down when its main thread returns: a destructor
    /// that needs a global could come too late. What thread-local destructors
    /// do is therefore left to Miri and the sanitizers.
    #[derive(Debug)]
    pub struct LocalKey<T: 'static>(&'static loom::thread::LocalKey<ManuallyDrop<T>>);

    impl<T: 'static> LocalKey<T> {
        #[doc(hidden)]
        pub const fn new(key: &'static loom::thread::LocalKey<ManuallyDrop<T>>) -> Self {
            LocalKey(key)
        }

        /// Lends the calling thread's value.
        pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
            self.0.with(|value| f(value))
        }

        /// As `with`.
        ///
        /// # Errors
        ///
        /// None here.
        pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
            self.0.try_with(|value| f(value))
        }
    }
}

std::thread_local! {
    static RECLAIMS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Is memory reclaimed? Only in models of that: the fence that every pin is under
/// the model would hide what other models look for.
///
/// The setting is one of the operating system's thread on which loom runs all
/// threads of a model.
pub fn reclaims() -> bool {
    RECLAIMS.get()
}

/// Sets whether models on this thread reclaim.
pub fn set_reclaims(reclaims: bool) {
    RECLAIMS.set(reclaims);
}

/// Hints to the processor.
pub mod hint {
    pub use loom::hint::spin_loop;
}

/// Orders a committer's lock acquisitions before its validation.
///
/// loom treats SeqCst accesses as acquire-release, and models only this fence.
pub fn commit_fence() {
    atomic::fence(atomic::Ordering::SeqCst);
}

/// Is this a build whose schedules a model checker explores?
pub const MODELLED: bool = true;

/// A thread-local variable: `local! { static NAME: Type = value; }`.
#[doc(hidden)]
#[macro_export]
macro_rules! __local {
    ($(#[$attr:meta])* $vis:vis static $name:ident: $type:ty = const $value:block;) => {
        $crate::facade::local! { $(#[$attr])* $vis static $name: $type = $value; }
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $type:ty = $value:expr;) => {
        $(#[$attr])*
        $vis static $name: $crate::facade::thread::LocalKey<$type> = {
            $crate::facade::loom::thread_local! {
                static INNER: ::std::mem::ManuallyDrop<$type> =
                    ::std::mem::ManuallyDrop::new($value);
            }
            $crate::facade::thread::LocalKey::new(&INNER)
        };
    };
}

/// A global that races: `global! { static NAME: Type = value; }`.
#[doc(hidden)]
#[macro_export]
macro_rules! __global {
    ($(#[$attr:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $crate::facade::loom::lazy_static! {
            $(#[$attr])*
            static ref $name: $type = $value;
        }
    };
}

/// An array of one value: `filled!(value; LENGTH)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __filled {
    ($value:expr; $length:expr) => {
        ::std::array::from_fn::<_, { $length }, _>(|_| $value)
    };
}

#[doc(inline)]
pub use crate::{__filled as filled, __global as global, __local as local};
