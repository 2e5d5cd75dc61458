//! What a thread does whose forked half somebody else has.
//!
//! 1. It looks for its result for a while, and meanwhile *leapfrogs*: it steals from the thief, whose
//!    halves are all parts of the one that is waited for. It runs nothing else on top of its
//!    frame: other work there could want a lock that this very frame holds. The thief is asked to offer more.
//! 2. Then it sleeps, [away](crate::worker::away), until the thief wakes it.
//!
//! # Nothing but parts of what is waited for
//!
//! A thief takes a half when it has nothing in its own deque: a worker between two items, or somebody
//! who waits here for a half that is gone itself. So what it promotes from then on until it sets DONE
//! are forks of the half that it took, or of what it takes meanwhile by these rules, which are
//! parts of it again. What must not happen is that it sets DONE, turns to something else, and promotes some of
//! that between the waiter's look at the latch and its steal:
//!
//! - V1 The waiter counts itself as a visitor of the thief, V2 `fence(SeqCst)`, V3 it looks at the
//!   latch, and only if that is not DONE, V4 steals; then it leaves.
//! - P1 The thief has set DONE, P2 `fence(SeqCst)`, P3 before it promotes anything it looks for
//!   visitors, and if there are some puts it off.
//!
//! V2 and P2 are in one order. If P2 is first, V3 sees DONE; if V2 is first, P3 sees the visitor, for as
//! long as it may steal. A thief that still is at the waiter's half puts a promotion off in vain
//! now and then; the waiter asks again.
//!
//! # The stack
//!
//! does not grow without bound. What is leapfrogged is a part of what is waited for,
//! so a frame on top of a frame is deeper in the computation, as in plain recursion.

use std::mem;
use std::process;
use std::ptr::NonNull;

use hivework_stm::facade::MODELLED;
use hivework_stm::facade::hint;
use hivework_stm::facade::thread;

use super::frame::{Frame, latch};
use super::latents::Latents;
use crate::worker::away::Absence;

/// How often it looks before it sleeps. A model must see it sleep.
const ROUNDS: u32 = if MODELLED { 1 } else { 64 };

impl Latents {
    /// Returns when the half, promoted and stolen, is done. `help` says whether the thread may
    /// run other halves meanwhile.
    pub(super) fn wait(&self, frame: NonNull<Frame>, help: bool) {
        let bound = Bound;
        self.wait_bound(frame, help);
        mem::forget(bound);
    }

    fn wait_bound(&self, frame: NonNull<Frame>, help: bool) {
        // SAFETY: the half is promoted, and its frame alive, since the caller waits for it.
        let latch = unsafe { latch(frame) };
        let mut peers = None;
        let mut round = 0;
        while round < ROUNDS {
            if latch.is_done() {
                return;
            }
            if let Some(thief) = latch.thief().filter(|_| help) {
                let peers = peers.get_or_insert_with(|| self.around().map(|around| around.peers()));
                let thief = peers
                    .iter()
                    .flat_map(|peers| peers.iter())
                    .find(|peer| peer.id == thief);
                if let Some(thief) = thief {
                    if let Some(stolen) = thief.visit(latch) {
                        stolen.run(self);
                        round = 0;
                        continue;
                    }
                    thief.request();
                }
            }
            pause(round);
            round += 1;
        }
        let _absence = Absence::begin();
        if latch.wait() {
            self.peer().parker.park(None);
        }
    }
}

/// Ends the process rather than letting the owner unwind past a frame that a thief works in.
/// Nothing in a wait is known to panic: what users' code says is caught where it is called.
struct Bound;

impl Drop for Bound {
    fn drop(&mut self) {
        process::abort();
    }
}

/// Longer from time to time, and at last to the benefit of who wants the processor.
fn pause(round: u32) {
    if MODELLED || round < ROUNDS / 2 {
        for _ in 0..1 << round.min(5) {
            hint::spin_loop();
        }
    } else {
        thread::yield_now();
    }
}
