//! A worker: the loop that takes items and runs them.
//!
//! # The loop
//!
//! 1. If the run is ending: done.
//! 2. A spare that is not needed rests, and ends if nobody called it for a while
//!    (`worker/away.rs`).
//! 3. If it was called: read its mail (`broadcast/mailbox.rs`), and retire if there are to be
//!    fewer workers than its number needs (`staff.rs`).
//! 4. Take an item: from the own deque, from the injector, from another worker
//!    ([search]), and run it, unwinding contained (`work/task.rs`).
//! 5. Nothing anywhere: park (`idle.rs`).
//!
//! # The end
//!
//! Told to end, a worker reads its mail for the last time, puts what its deque holds back into the injector, where it
//! waits for the next run, and leaves its seat. One that retires does so, too; others run what
//! it puts back. A worker that unwinds (nothing
//! that a user's code does can make it, a defect of ours can) leaves its seat as
//! crashed and rings the supervisor, which puts its items back for it.

pub(crate) mod away;
pub(crate) mod current;
pub(crate) mod deque;
pub(crate) mod search;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hivework_stm::facade::atomic::{Ordering, fence};
use hivework_stm::facade::sync::Arc;
use hivework_stm::set_block_hook;

use crate::crew::{Parting, Seat};
use crate::event::Event;
use crate::fork::latents::{Around, Seed};
use crate::idle::Parked;
use crate::injector::Item;
use crate::local::{self, Local};
use crate::shared::Shared;
use crate::work::unwind::{message, shield};
use away::{InTransaction, Rest};
use deque::Deque;
use search::Search;

/// How long a spare sleeps before it looks whether it is still needed; doubled
/// each time that it is.
const SPARE_SLEEP: Duration = Duration::from_millis(500);

/// Why a worker's loop ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The run ends.
    Halt,
    /// Fewer workers are wanted.
    Retired,
    /// It is a spare that has been counted out.
    Discharged,
}

/// The thread of a worker.
pub(crate) fn main(shared: Arc<Shared>, seat: Arc<Seat>, deque: Deque<Item>, seed: Seed) {
    let around: Arc<dyn Around> = Arc::<Shared>::clone(&shared);
    let local = Rc::new(Local {
        shared: Arc::clone(&shared),
        seat: Arc::clone(&seat),
        deque,
        latents: seed.grow(Arc::downgrade(&around)),
        searches: Cell::new(false),
        runs_other: Cell::new(true),
    });
    drop(around);
    seat.books.times.arrive();
    seat.clock.set_to_this_thread();
    local::serve(&shared);
    local::become_worker(Some(Rc::clone(&local)));
    set_block_hook(Some(Arc::new(InTransaction(Arc::clone(&shared)))));
    shared.crew.wait_to_be_listed();
    // Not `contain`: this is where a crash on purpose ends, too.
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&local)));
    set_block_hook(None);
    local::become_worker(None);
    let parting = match &run {
        Ok(End::Retired) => Parting::Retired,
        Ok(End::Halt | End::Discharged) => Parting::Left,
        Err(payload) => Parting::Crashed(message(&**payload).into()),
    };
    if seat.is_spare && !matches!(run, Ok(End::Discharged)) {
        shared.away.discharge();
    }
    // The deque goes first, so that whoever finds the seat left finds every
    // item through the stealer.
    drop(local);
    // A worker that crashed has not parked since its last item, and a drain may
    // wait for that one's end.
    //
    // Ordering: SeqCst fence between the end and the look at the drain's flag;
    // partner: the fence in `Quiet::wait`.
    fence(Ordering::SeqCst);
    shared.quiet.tell();
    seat.books.times.leave();
    seat.leave(parting);
    shared.supervisor.ring();
}

/// From the first hook to the last.
fn work(local: &Local) -> End {
    let _current = local.latents.make_current();
    let (shared, seat) = (&local.shared, &local.seat);
    let worker = seat.number;
    if let Some(hook) = &shared.config.on_thread_start {
        shield(|| hook(worker));
    }
    shared.announce(|| Some(Event::WorkerStarted { worker }));
    let end = run(local);
    local.runs_other.set(true);
    if end == End::Halt {
        seat.mailbox.close();
    } else {
        seat.mailbox.retire();
        // The hook may take its time, or wait for one of these.
        shared.put_back(std::iter::from_fn(|| local.deque.pop()));
    }
    if let Some(hook) = &shared.config.on_thread_stop {
        shield(|| hook(worker));
    }
    shared.put_back(std::iter::from_fn(|| local.deque.pop()));
    end
}

/// Steps 1 to 5, until told to end.
fn run(local: &Local) -> End {
    let (shared, seat) = (&local.shared, &local.seat);
    let mut search = Search::new(local);
    // What came before it, or was left by a worker that crashed.
    local.run_other(|| seat.mailbox.read());
    let mut sleep = SPARE_SLEEP;
    loop {
        if shared.is_halting() {
            return End::Halt;
        }
        if seat.is_spare && shared.away.has_surplus() {
            search.end();
            shared.put_back(std::iter::from_fn(|| local.deque.pop()));
            search.show_up();
            let rest = || shared.away.rest(&**shared, &seat.parker);
            if seat.books.times.parked(rest) == Rest::Retire {
                return End::Discharged;
            }
            search.rise();
        }
        if seat.parker.take_call() {
            search.end();
            local.run_other(|| seat.mailbox.read());
            if seat.is_surplus(shared.workers_kept()) {
                return End::Retired;
            }
        }
        if let Some(found) = search.next() {
            found.run(local);
            sleep = SPARE_SLEEP;
            continue;
        }
        seat.books.parked.add(1);
        let until = seat.is_spare.then(|| Instant::now() + sleep);
        match seat.books.times.parked(|| search.park(until)) {
            Parked::Woken => {}
            Parked::TimedOut => sleep = (sleep * 2).min(60 * SPARE_SLEEP),
        }
    }
}
