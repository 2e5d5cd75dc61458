//! Starting and ending a run, step by step.
//!
//! A scheduler is *closed* or it has a *run*: its workers and its supervisor. One
//! thread at a time changes that ([changing], which tells who waits for whom). Work that is queued
//! outlives a run: it lies in the injector until the next one.
//!
//! # Start
//!
//! 1. A scheduler that runs: nothing to do.
//! 2. Lower the halt flag, open the gate and the mailboxes, make the workers, then the supervisor,
//!    which would otherwise fill the seats that are still vacant.
//! 3. If a thread cannot be had: end the run as a stop does, and say so. The workers that were there
//!    by then may have run what was queued.
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
//! 2. Wait until the books say that nothing is live, or for the time-out, or until a stop asks. A
//!    zero there was true at that moment, and stays true: nobody inside is left
//!    to put work, nobody outside may.
//!    Where all that is live waits to be woken (`polled.rs`), nobody inside will wake
//!    it, once what has been told is forwarded (`event/on.rs` waits for that): where they are all
//!    transactions or held (`rooms.rs`), they are answered `Stopped`, and the wait goes on.
//!    Futures are waited for; what they await may come from anywhere, and what they do then may wake
//!    a transaction.
//!    What waits for its time (`supervisor/timers.rs`) is answered `Stopped` before that, and so is
//!    what would wait from now on: a work that is put with a delay, a periodic work after its turn.
//! 3. End the run. What is still live is queued, or waits; the error says how much.
//!
//! Who tells the drain to look: a worker about to sleep, whoever ends an
//! item on another thread ([quiet]), and whoever asks for a stop. What it answers it answers on its own
//! thread; [answer] tells what becomes of callbacks that join there.
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
//! for themselves. So they are on any thread that runs or answers one of its items (a callback of a work
//! that is cancelled, what a closure drops), and on the one that is starting, stopping or draining it.
//! Start from there does not wait: it has no effect where the scheduler runs or somebody
//! is at it. A
//! worker of *another* scheduler may ask for either; it counts as away there
//! while it waits.

pub(crate) mod answer;
pub(crate) mod changing;
pub(crate) mod error;
pub(crate) mod quiet;

use std::mem;
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::thread;
use hivework_stm::in_transaction;

use crate::crew::Crew;
use crate::event::Event;
use crate::gate::Gate;
use crate::local;
use crate::outlet::trace;
use crate::shared::Shared;
use crate::supervisor::{Supervisor, health};
use crate::time::after;
use crate::worker::away::Absence;
use error::{Drained, StartError, StopError};

/// How many times a drain finds that what it has forwarded wakes somebody, before it no longer
/// waits for that: a thread outside may send events, or wake works, without end. It does not count a
/// time where all that was told was told by workers: a chain of works that tell is waited for as one
/// of works that put is.
const PATIENCE: u32 = 1000;

pub(crate) fn start(shared: &Arc<Shared>) -> Result<(), StartError> {
    assert!(
        !in_transaction(),
        "start inside a transaction: start the scheduler before or after it"
    );
    if local::serves(shared) || shared.changing.is_mine() {
        return Ok(());
    }
    let waits = !local::is_inside(shared);
    let Some(_change) = shared.changing.take_to_start(&shared.gate, waits) else {
        return Ok(());
    };
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
    let _change = shared.changing.take(&shared.quiet);
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
    let Some(_change) = shared.changing.take_within(limit) else {
        let queued = shared.books.live();
        return Err(Drained::TimedOut { queued });
    };
    if Gate::load(&shared.gate) == Gate::Closed {
        return match shared.books.live() {
            0 => Ok(()),
            queued => Err(Drained::NotRunning { queued }),
        };
    }
    Gate::Draining.set(&shared.gate);
    shared.announce(|| Some(Event::Draining));
    shared.supervisor.timers.close();
    answer::sleepers(shared);
    let mut patience = PATIENCE;
    let mut brought = shared.forwarder.brought();
    let is_asked = || shared.changing.is_asked();
    loop {
        let unsettled = || if is_asked() { 0 } else { shared.unsettled() };
        shared.quiet.wait(deadline, unsettled);
        let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_late || is_asked() || shared.books.live() == 0 {
            break;
        }
        if is_told(shared) || patience == 0 {
            answer::guests(shared);
            continue;
        }
        let before = mem::replace(&mut brought, shared.forwarder.brought());
        if !brought.is_by_workers_alone(before) {
            patience -= 1;
        }
    }
    let is_cut = is_asked();
    end_run(shared);
    shared.supervisor.timers.open();
    shared.announce(|| Some(Event::Stopped));
    match shared.books.live() {
        0 => Ok(()),
        queued if is_cut => Err(Drained::CutShort { queued }),
        queued => Err(Drained::TimedOut { queued }),
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
        answer::all(shared);
        return false;
    }
    shared.crew.abandon_mail();
    answer_left(shared);
    true
}

/// Answers what is left, closes the events, and lets nothing in any more: a put
/// whose transaction is still open has read the gate.
fn answer_left(shared: &Shared) {
    Gate::Gone.set(&shared.gate);
    answer::last(shared);
    trace::close(shared);
    shared.announce(|| Some(Event::Stopped));
    shared.forwarder.close(&shared.hub);
}
