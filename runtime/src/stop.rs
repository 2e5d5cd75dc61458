//! Starting and ending a run, step by step.
//!
//! A scheduler is *closed* or it has a *run*: its workers and its supervisor. One
//! thread at a time changes that (`Shared::changing`). Work that is queued outlives
//! a run: it lies in the injector until the next one.
//!
//! # Start
//!
//! 1. A scheduler that runs: nothing to do.
//! 2. Lower the halt flag, open the gate and the mailboxes, make the workers, then the supervisor,
//!    which would otherwise fill the seats that are still vacant.
//! 3. If a thread cannot be had: end the run as a stop does, and say so.
//!
//! # End of a run (stop and drain share it)
//!
//! 1. Raise the halt flag, then close the gate: who has seen the gate closed can
//!    rely on nothing more being begun that is in a queue. What is put from
//!    outside stays in the queue either way.
//! 2. Wake every sleeping worker and resting spare, and every join that has left its item
//!    to others (`handle/deep.rs`). A worker looks at the flag
//!    before each item, and as the last thing before it sleeps; the idle
//!    protocol (`idle.rs`) treats it as work.
//! 3. Each worker finishes its item, puts its deque back into the injector, ends.
//! 4. Join the workers. Meanwhile the supervisor goes on: deadlines of running
//!    works are kept, and a worker that crashes is buried, but no seat is filled
//!    while the flag is up.
//! 5. Tell the supervisor to quit and join it. It may have been filling a seat
//!    when the flag went up: join that worker, too. Nobody reads mail any more: drop
//!    what a crashed worker has left.
//!
//! It ends when the items that are running end; a stop waits as long as they
//! take. All threads are joined on return.
//!
//! # Drain
//!
//! 1. Set the gate to *draining*, in a transaction. What was put before is in
//!    the queue now; what comes from outside later answers `Stopped`. Works put
//!    by running work are let in: a work is counted in the books before it can
//!    be seen, and ends only after it has put all it puts.
//! 2. Wait until the books say that nothing is live, or for the time-out. A
//!    zero there was true at that moment, and stays true: nobody inside is left
//!    to put work, nobody outside may.
//!    Where all that is live waits to be woken (`polled.rs`), nobody inside will wake
//!    it, once what has been told is forwarded (`event/on.rs` waits for that): the
//!    transactions among it are answered `Stopped`, and so is what is held (`rooms.rs`), and the wait goes on.
//!    Futures are waited for; what they await may come from anywhere.
//!    What waits for its time (`supervisor/timers.rs`) is answered `Stopped` before that, and so is
//!    what would wait from now on: a work that is put with a delay, a periodic work after its turn.
//! 3. End the run. What is still live is queued, or waits; the error says how much.
//!
//! Who tells the drain to look: a worker about to sleep, and whoever ends an
//! item on another thread ([quiet]).
//!
//! # The last handle goes
//!
//! 1. The supervisor is told. It raises the flag, shuts the gate for ever, and
//!    goes on with its rounds until every worker is buried. In each it answers
//!    what is queued with `Stopped`, in the injector and in the deques: works
//!    that run may be waiting for it, other than by `join`, and would never end.
//! 2. It answers what is left, waits for what the transport still carries and
//!    answers that, closes the events and ends. A drop on a thread
//!    outside joins it; a thread of the scheduler's own cannot join itself, and
//!    inside a transaction nothing may block: there it is left to itself.
//!
//! A put whose transaction is still open at that moment has read the gate, so it
//! conflicts, runs again, and is refused.
//!
//! Where there is no run, what is left is answered on the spot, or, where a
//! transaction is open, by a thread made for it.
//!
//! A stop does none of this, and leaves the timers as they are: what is delayed waits for its time
//! and for the next start, and a periodic work for its next turn. What is queued waits for the next start, and so does a
//! running work that waits for it in a transaction or on a channel: the stop
//! then waits as well.
//!
//! # From inside
//!
//! Stop and drain from a thread of the scheduler's own are errors: they would wait
//! for themselves. Start from there has no effect: whoever asks is running. A
//! worker of *another* scheduler may ask for either; it counts as away there
//! while it waits.

pub(crate) mod error;
pub(crate) mod quiet;

use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::thread;
use hivework_stm::in_transaction;
use stm_ports::Refusal;

use crate::crew::Crew;
use crate::event::Event;
use crate::gate::Gate;
use crate::injector::Item;
use crate::local;
use crate::outlet::trace;
use crate::polled::lobby::Kind;
use crate::shared::Shared;
use crate::supervisor::health::Leftovers;
use crate::supervisor::{Supervisor, health};
use crate::time::after;
use crate::work::unwind::shield;
use crate::worker::away::Absence;
use error::{Drained, StartError, StopError};

/// How many times a drain finds that what it has forwarded wakes somebody, before it no longer
/// waits for that: a thread outside may send events without end.
const PATIENCE: u32 = 1000;

/// How many items are answered at a time when the last handle goes.
const BATCH: usize = 64;

pub(crate) fn start(shared: &Arc<Shared>) -> Result<(), StartError> {
    assert!(
        !in_transaction(),
        "start inside a transaction: start the scheduler before or after it"
    );
    if local::is_inside(shared) {
        return Ok(());
    }
    let _changing = shared.changing.lock();
    if Gate::load(&shared.gate) != Gate::Closed {
        return Ok(());
    }
    shared.set_halt(false);
    Gate::Open.set(&shared.gate);
    shared.crew.open_mail();
    let workers = shared.workers();
    let started = (0..workers)
        .try_for_each(|number| Crew::fill(shared, number, false))
        .map_err(StartError::from)
        .and_then(|()| Supervisor::start(shared).map_err(StartError::Spawn));
    match started {
        Ok(()) => shared.announce(|| Some(Event::Started { workers })),
        Err(_) => end_run(shared),
    }
    started
}

pub(crate) fn stop(shared: &Arc<Shared>) -> Result<(), StopError> {
    assert!(
        !in_transaction(),
        "stop inside a transaction: stop the scheduler before or after it"
    );
    if local::is_inside(shared) {
        return Err(StopError::InsideWork);
    }
    let _absence = Absence::begin();
    let _changing = shared.changing.lock();
    if matches!(Gate::load(&shared.gate), Gate::Open | Gate::Draining) {
        end_run(shared);
        shared.announce(|| Some(Event::Stopped));
    }
    Ok(())
}

pub(crate) fn drain(shared: &Arc<Shared>, limit: Duration) -> Result<(), Drained> {
    assert!(
        !in_transaction(),
        "drain inside a transaction: drain the scheduler before or after it"
    );
    if local::is_inside(shared) {
        return Err(Drained::InsideWork);
    }
    let deadline = after(limit);
    let _absence = Absence::begin();
    let _changing = shared.changing.lock();
    if Gate::load(&shared.gate) == Gate::Closed {
        return match shared.books.live() {
            0 => Ok(()),
            queued => Err(Drained::NotRunning { queued }),
        };
    }
    Gate::Draining.set(&shared.gate);
    shared.announce(|| Some(Event::Draining));
    shared.supervisor.timers.close();
    answer_sleepers(shared);
    let mut patience = PATIENCE;
    loop {
        shared.quiet.wait(deadline, || shared.unsettled());
        let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_late || shared.books.live() == 0 {
            break;
        }
        if is_told(shared) || patience == 0 {
            shared
                .lobby
                .each(Kind::Transaction, |guest| guest.give_up());
            shared.rooms.give_up();
        } else {
            patience -= 1;
        }
    }
    end_run(shared);
    shared.supervisor.timers.open();
    shared.announce(|| Some(Event::Stopped));
    match shared.books.live() {
        0 => Ok(()),
        queued => Err(Drained::TimedOut { queued }),
    }
}

/// Answers what waits for its time with `Stopped`. The timers are closed.
fn answer_sleepers(shared: &Shared) {
    loop {
        let sleepers = shared.supervisor.timers.take_sleepers(BATCH);
        if sleepers.is_empty() {
            return;
        }
        for item in sleepers {
            shield(|| item.refuse(Refusal::Stopped));
        }
    }
}

/// Forwards what works have told, which may wake those that wait for it, and says whether
/// nobody was.
///
/// Everybody waits, and nobody comes from outside; so whoever tells something more has been
/// taken up after the first look at the figures. What was told before the second has been
/// forwarded.
fn is_told(shared: &Shared) -> bool {
    let taken_up = shared.books.taken_up();
    if shared.unsettled() > 0 {
        return false;
    }
    shared.forward();
    shared.unsettled() == 0 && shared.books.taken_up() == taken_up
}

/// The last handle is gone.
pub(crate) fn close(shared: &Arc<Shared>) {
    let inside = local::is_inside(shared) || in_transaction();
    let mut supervisor = shared.supervisor.thread.lock();
    if supervisor.is_some() {
        let thread = supervisor.take();
        drop(supervisor);
        shared.supervisor.orphan();
        if let Some(thread) = thread.filter(|_| !inside) {
            let _absence = Absence::begin();
            // The supervisor contains its panics: there is no news in the answer.
            let _ = thread.join();
        }
        return;
    }
    drop(supervisor);
    if in_transaction() {
        let shared = Arc::clone(shared);
        let name = format!("{}-closer", shared.config.name);
        // Without a thread what is queued stays unanswered: there is nobody
        // who could do it.
        let _ = thread::Builder::new()
            .name(name)
            .spawn(move || answer_left(&shared));
    } else {
        answer_left(shared);
    }
}

/// Steps 1 to 5.
fn end_run(shared: &Arc<Shared>) {
    halt(shared);
    bury_all(shared);
    shared.supervisor.quit();
    let supervisor = shared.supervisor.thread.lock().take();
    if let Some(thread) = supervisor {
        // The supervisor contains its panics: there is no news in the answer.
        let _ = thread.join();
    }
    bury_all(shared);
    shared.crew.abandon_mail();
    trace::write_out(shared);
}

/// Steps 1 and 2.
fn halt(shared: &Shared) {
    shared.set_halt(true);
    Gate::Closed.set(&shared.gate);
    shared.idle.wake_all();
    shared.away.wake_all();
    shared.deep.nudge();
}

/// Step 4.
fn bury_all(shared: &Arc<Shared>) {
    for member in shared.crew.take_all() {
        let _ = health::bury(shared, member);
    }
}

/// The end of a run whose scheduler is gone, on the supervisor's thread, a step
/// each round; true when it is done.
pub(crate) fn end_orphaned(shared: &Arc<Shared>) -> bool {
    if !shared.is_halting() {
        halt(shared);
        Gate::Gone.set(&shared.gate);
    }
    if !shared.crew.is_empty() {
        // Works that run may be waiting for queued ones.
        answer_queued(shared);
        return false;
    }
    shared.crew.abandon_mail();
    answer_left(shared);
    true
}

/// Answers what is queued, in the injector and in the workers' deques, and what waits
/// to be woken, with `Stopped`.
pub(crate) fn answer_queued(shared: &Shared) {
    let refuse = |item: Item| shield(|| item.refuse(Refusal::Stopped));
    loop {
        let left = shared.injector.take_any(BATCH);
        if left.is_empty() {
            break;
        }
        left.into_iter().for_each(refuse);
    }
    shared.lobby.close(|guest| shield(|| guest.stop()));
    shared.rooms.close();
    shared.supervisor.timers.close();
    answer_sleepers(shared);
    for seat in shared.crew.roster().iter() {
        Leftovers(&seat.stealer).for_each(refuse);
    }
}

/// Answers what is left, closes the events, and lets nothing in any more: a put
/// whose transaction is still open has read the gate.
fn answer_left(shared: &Shared) {
    Gate::Gone.set(&shared.gate);
    answer_queued(shared);
    // What a transport still carries would be answered by nobody.
    while let Some(item) = shared.injector.take_last() {
        shield(|| item.refuse(Refusal::Stopped));
    }
    trace::close(shared);
    shared.announce(|| Some(Event::Stopped));
    shared.forwarder.close(&shared.hub);
}
