//! A pair of barriers of unequal price: next to nothing on the side that is
//! passed all the time, a system call on the other.
//!
//! If a thread runs `store; light; load` and another `store; heavy; load`, at
//! least one of the loads sees the other's store, as if both were
//! `fence(SeqCst)`. Linux's `membarrier` makes every processor that runs a thread
//! of the process pass a full barrier; the light side then only has to keep
//! the compiler from reordering. (The idea is as old as Dice, Huang, Yang,
//! *Asymmetric Dekker Synchronization*, 2001.)
//!
//! Where the kernel lacks it, on other systems and under Miri, both sides are
//! `fence(SeqCst)`. Which it is, is settled once, before the first light barrier.

use std::sync::LazyLock;
use std::sync::atomic::{Ordering, compiler_fence, fence};

/// Does the heavy side do the light side's work?
static ASYMMETRIC: LazyLock<bool> = LazyLock::new(membarrier::register);

/// Whether [`light`] may be passed `true`: ask once a thread and keep the answer.
pub fn asymmetric() -> bool {
    *ASYMMETRIC
}

/// The cheap side. `asymmetric` is what [`asymmetric`] answered.
#[inline(always)]
pub fn light(asymmetric: bool) {
    if asymmetric {
        compiler_fence(Ordering::SeqCst);
    } else {
        // Ordering: SeqCst, pairs with the fence in `heavy`.
        fence(Ordering::SeqCst);
    }
}

/// The dear side. Says false when it could not be had: then nothing is ordered.
#[must_use]
pub fn heavy() -> bool {
    // Ordering: SeqCst, pairs with the fence in `light`. With `membarrier` it
    // orders this thread's own accesses before and after the call.
    fence(Ordering::SeqCst);
    let passed = !asymmetric() || membarrier::pass();
    // Ordering: SeqCst, as above.
    fence(Ordering::SeqCst);
    passed
}

#[cfg(all(target_os = "linux", not(miri)))]
mod membarrier {
    use libc::{c_int, c_long};

    // From <linux/membarrier.h>.
    const PRIVATE_EXPEDITED: c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: c_int = 1 << 4;

    fn call(command: c_int) -> c_long {
        // SAFETY: the call takes three integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0 as c_int, 0 as c_int) }
    }

    pub(super) fn register() -> bool {
        call(REGISTER_PRIVATE_EXPEDITED) == 0
    }

    pub(super) fn pass() -> bool {
        call(PRIVATE_EXPEDITED) == 0
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod membarrier {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn pass() -> bool {
        false
    }
}
