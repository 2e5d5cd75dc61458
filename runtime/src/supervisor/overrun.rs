//! Works that take longer than their time slices.
//!
//! # Purpose
//!
//! A work may hold its worker for as long as it likes: nothing is taken from it. But one that does so
//! for longer than it was meant to is reported, once, with what its thread does meanwhile, and asked
//! to stop where its own policy or the scheduler's says so.
//!
//! # Steps
//!
//! Each round, for each worker, by the stamp of what it runs (`worker/current.rs`):
//! 1. A stamp that was not there in the round before: an item *is seen*, at that round's time.
//! 2. The same stamp again: it *lasts*. What it has been seen to run for is the time since then, less
//!    what its worker has waited for meanwhile, announced.
//! 3. When that reaches the least budget that a work can have, the item is looked at, for its own
//!    budget: as many time slices as it was given. So most items that last cost no look, and
//!    most that are looked at overrun; one with a longer budget is looked at once more.
//! 4. It has reached its budget: in that look it is asked to stop, if that is wanted, since
//!    it cannot end and be taken apart on this thread meanwhile; and its name is copied. Then it is
//!    counted and reported, and not looked at any more.
//!
//! The worker reads no clock. It writes the stamp, and the supervisor has the time.
//!
//! # When
//!
//! Never too early, and within two ticks after its budget is used up: [course] has the argument. The
//! supervisor ticks while an item runs, because it does not doze over one (`supervisor.rs`); so t comes
//! for an item that is put into a scheduler that idles, too.
//!
//! # Computing or blocked
//!
//! The clock of the worker's own processor time is read when the item is seen and at the report. A
//! thread that has had a tenth of the time between or more computes; one that waits for a lock or
//! sleeps has had next to nothing. So has one that computes on a machine with many more threads than
//! processors; the system tells that it wants one. The time between is the real one, whatever
//! clock the scheduler goes by.

mod course;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::global;
use hivework_stm::facade::sync::Arc;

use crate::builder::OverrunPolicy;
use crate::crew::Seat;
use crate::event::{Event, Stall};
use crate::injector::Item;
use crate::shared::Shared;
use crate::worker::current;
use course::{Course, Sight};

/// How many time slices a work may run for unless it was given a number of its own.
const SLICES: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// The part of the time that a thread must have had to count as computing.
const COMPUTING: u32 = 10;

global! {
    /// The least number of slices that any work of the process was ever given.
    static LEAST: AtomicUsize = AtomicUsize::new(SLICES.get() as usize);
}

/// A work is given this many slices.
pub(crate) fn expect_slices(slices: NonZeroU32) {
    // Ordering: Relaxed; the put of the work publishes it, through the stamp at which it is seen.
    LEAST.fetch_min(slices.get() as usize, Ordering::Relaxed);
}

/// What the supervisor keeps in mind about who runs what for how long.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// By the address of the seat, which is kept with it.
    watched: HashMap<usize, Watched>,
}

/// A worker that was seen to run something.
#[derive(Debug)]
struct Watched {
    seat: Arc<Seat>,
    course: Course,
    share: Option<Share>,
}

impl Watch {
    /// One round.
    pub(super) fn round(&mut self, shared: &Shared) {
        // Ordering: Relaxed; see `expect_slices`.
        let slices = u32::try_from(LEAST.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        let least = shared.config.time_slice.saturating_mul(slices);
        let present = shared.crew.present();
        for seat in &present {
            let place = Arc::as_ptr(seat) as usize;
            let stamp = seat.current.stamp();
            // Each time the order matters: the stamp, the clock, the waits (`course.rs`).
            let now = shared.now();
            let waited = seat.current.waited(now);
            let sight = Sight { stamp, waited };
            match self.watched.get_mut(&place) {
                Some(watched) if watched.course.is_of(sight) => watched.go_on(shared, now, sight),
                _ if current::runs(stamp) => {
                    let watched = Watched {
                        seat: Arc::clone(seat),
                        // By the clock once more.
                        course: Course::begin(shared.now(), sight, least),
                        share: Share::begin(seat),
                    };
                    self.watched.insert(place, watched);
                }
                _ => _ = self.watched.remove(&place),
            }
        }
        // Of workers that have gone.
        self.watched.retain(|_, watched| !watched.seat.has_ended());
    }
}

impl Watched {
    /// Steps 2 to 4.
    fn go_on(&mut self, shared: &Shared, now: Instant, sight: Sight) {
        let Some(elapsed) = self.course.is_due(now, sight) else {
            return;
        };
        match look(shared, &self.seat, sight.stamp, elapsed) {
            // It is over, or the barrier could not be had: the next round tells.
            None => {}
            Some(Looked::HasTime(budget)) => self.course.budget = budget,
            Some(Looked::Overran { item, cancelled }) => {
                self.course.is_told = true;
                shared.books.overran.add(1);
                let stall = match &self.share {
                    Some(share) => share.stall(&self.seat),
                    None => Stall::Unknown,
                };
                let worker = self.seat.number;
                let event = |work| Event::WorkOverran {
                    work,
                    worker,
                    elapsed,
                    stall,
                    cancelled,
                };
                shared.tell_meanwhile(&item.head().info, Some(worker), event);
            }
        }
    }
}

/// What a look at an item told.
enum Looked {
    /// It may go on for as long as this in all.
    HasTime(Duration),
    /// It has used up its time; whether it was asked to stop.
    Overran { item: Item, cancelled: bool },
}

/// Steps 3 and 4, as far as they need the item.
fn look(shared: &Shared, seat: &Seat, stamp: u64, elapsed: Duration) -> Option<Looked> {
    let config = &shared.config;
    seat.current.look(stamp, |item| {
        let info = &item.head().info;
        let slices = info.slices().unwrap_or(SLICES).get();
        let budget = config.time_slice.saturating_mul(slices);
        if elapsed < budget {
            return Looked::HasTime(budget);
        }
        let cancels = info
            .cancels_on_overrun()
            .unwrap_or(config.on_overrun == OverrunPolicy::Cancel);
        Looked::Overran {
            item: item.clone(),
            cancelled: cancels && item.cancel(),
        }
    })
}

/// What part of the processor's time a thread has, from a moment on.
#[derive(Debug)]
struct Share {
    had: Duration,
    since: Instant,
}

impl Share {
    fn begin(seat: &Seat) -> Option<Share> {
        Some(Share {
            had: seat.clock.read()?,
            since: Instant::now(),
        })
    }

    fn stall(&self, seat: &Seat) -> Stall {
        let Some(has) = seat.clock.read() else {
            return Stall::Unknown;
        };
        let had_enough = has.saturating_sub(self.had) * COMPUTING >= self.since.elapsed();
        if had_enough || seat.clock.is_runnable() {
            Stall::Computing
        } else {
            Stall::Blocked
        }
    }
}
