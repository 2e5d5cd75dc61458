//! The supervisor: one thread that watches over the workers.
//!
//! # Purpose
//!
//! It replaces workers that died, sends spares for workers that are blocked, has as many workers
//! as there are to be, reports works that run for too long, answers works whose deadline has
//! passed, queues those whose time has come, and passes events on. It looks
//! every `run_interval` while somebody works, and sleeps without a tick while
//! nobody does, once it has given back the memory of what they did.
//!
//! # A round
//!
//! 1. [Health](health): members whose threads have ended are taken off the
//!    roster, what a crashed one had queued is put back, its seat is filled; who is one too many is called.
//! 2. [Overrun](overrun): works that run for longer than their time slices are reported, and asked to stop
//!    where that is wanted.
//! 3. [Spares](spares): while work is queued and more are away than are stood
//!    in for, a spare is made.
//!    [Scaling](scaling): the number of workers follows the load, or the cores.
//! 4. [Timers](timers): works whose deadline has passed are answered, and those whose time has
//!    come are queued; some of them at a time. While there are more, the next round follows
//!    at once.
//! 5. Who has [slept](parked) for long is told of. Events of the workers are passed on to the
//!    subscribers (`event/forward.rs`).
//! 6. Where work can arrive without a putter's notification (a transport that
//!    is not local), the queue is looked at, and a worker is woken for it. For
//!    that, and while a worker's events are on their way, it looks at least every
//!    millisecond.
//! 7. While a worker sleeps or searches, the busy ones are reminded to share what they
//!    have forked (`fork.rs`).
//! 8. Memory of items that has not been needed for a while is given back
//!    (`work/memory/shelves.rs`), and what there is when the supervisor leaves.
//! 9. If it was told to quit: done. If the last handle of the scheduler is
//!    gone: end the run (see `stop.rs`) and be done.
//! 10. Sleep until the next tick, the earliest timer, or a ring ([bell]). Where the clock is turned
//!     by hand (`clock/manual.rs`): until a ring.
//!
//! Between two rounds it keeps in mind how far the queues had come at the first, for
//! the books (`books/ages.rs`).
//!
//! Every step is bounded: by the number of workers, of due timers, of events
//! that lie in the channels at that moment, and step 8, once a second, by a number of blocks.
//!
//! # Who wakes it
//!
//! What it is needed for rings: a worker that ended, a spare that is to be made, a deadline that has
//! become the earliest, the end of a run. An event of a worker's stirs it, and so does who puts what
//! comes over a transport that carries, and so unannounced.
//!
//! A work that runs, ends and leaves no news needs none of that. But it may run for long, and
//! nobody knows before. So the supervisor ticks while anybody runs items, and must not doze over one:
//! - R1 A worker *rises*: it leaves its sleep, its rest as a spare, its being away. R2 It passes a
//!   `fence(SeqCst)`, R3 and stirs; all that before it begins an item, goes on with one, or rests.
//! - The supervisor dozes if by the counts of those who sleep, rest and are away, read one after
//!   the other behind the doze's barrier, nobody else is there ([bell]).
//!
//! Let somebody run an item while those counts are read, and the supervisor doze all the same. Then
//! the counts have the one that runs, or have somebody else twice; so one that was seen in a
//! count has risen since. Had its R2 been before the barrier, it would not have been seen there. So
//! R3 sees `dozing`, or that somebody has ended the doze. Who rises and finds a half of a fork, not an
//! item, puts R3 off: such sections stir by themselves, every so many forks.
//!
//! Where a notification wakes a sleeper, the notifier stirs in its place, when the sleeper is on
//! its way: then that finds it done. A supervisor that has only been stirred makes no round
//! at once, which would be in the way of what begins, but sleeps to the tick. To wake it is
//! dear all the same, where there is hardly a processor for it; so it goes on ticking for some
//! rounds after the last work, and works that come in short intervals find it awake.

pub(crate) mod bell;
pub(crate) mod cpu_time;
pub(crate) mod health;
pub(crate) mod overrun;
mod parked;
mod scaling;
mod spares;
pub(crate) mod timers;

use std::time::{Duration, Instant};

use hivework_stm::facade::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread::{self, JoinHandle};

use crate::clock::manual::Post;
use crate::crew::Seat;
use crate::event::Event;
use crate::fork::beat::Beat;
use crate::local;
use crate::outlet::trace;
use crate::shared::Shared;
use crate::stop;
use crate::time::{after, earlier};
use crate::work::memory;
use crate::work::unwind::{contain, message};
use bell::{Bell, Roused};
use health::Health;
use overrun::Watch;
use parked::Parked;
use scaling::Scaling;
use spares::Spares;
use timers::Timers;

/// How often it looks for what a transport brings, which nobody notifies it of, if
/// the run interval is longer.
const ARRIVALS: Duration = Duration::from_millis(1);

/// How many rounds in a row find nobody at work before it sleeps without a tick.
const LINGER: u32 = 8;

/// What others see of the supervisor.
#[derive(Debug)]
pub(crate) struct Supervisor {
    bell: Bell,
    quit: AtomicBool,
    orphaned: AtomicBool,
    /// How many events workers have sent, so that none is slept over.
    sent: AtomicU64,
    pub(crate) timers: Timers,
    pub(crate) thread: Mutex<Option<JoinHandle<()>>>,
}

impl Supervisor {
    pub(crate) fn new(now: Instant) -> Self {
        Supervisor {
            bell: Bell::new(),
            quit: AtomicBool::new(false),
            orphaned: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            timers: Timers::new(now),
            thread: Mutex::new(None),
        }
    }

    /// Wakes the supervisor.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// Wakes it if it sleeps without a tick; see [`Bell::stir`].
    #[inline]
    pub(crate) fn stir(&self) {
        self.bell.stir();
    }

    /// A worker has risen and begins or goes on to work; see the [module](self).
    pub(crate) fn rise(&self) {
        self.bell.rise();
    }

    /// Does it sleep without a tick, as far as can be seen?
    pub(crate) fn is_dozing(&self) -> bool {
        self.bell.is_dozing()
    }

    /// A worker has sent an event.
    pub(crate) fn events_sent(&self) {
        // Ordering: ordered by the fence below.
        self.sent.fetch_add(1, Ordering::Relaxed);
        // Ordering: SeqCst fence between the event and the look at `dozing`;
        // partner: the barrier in `Bell::doze`.
        fence(Ordering::SeqCst);
        self.stir();
    }

    /// Tells it to be done after this round.
    pub(crate) fn quit(&self) {
        // Ordering: Release; partner: the Acquire in `is_quitting`.
        self.quit.store(true, Ordering::Release);
        self.ring();
    }

    fn is_quitting(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `quit`.
        self.quit.load(Ordering::Acquire)
    }

    /// Tells it that the last handle is gone and that it is to end the run.
    pub(crate) fn orphan(&self) {
        // Ordering: Release; partner: the Acquire in `is_orphaned`.
        self.orphaned.store(true, Ordering::Release);
        self.ring();
    }

    fn is_orphaned(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `orphan`.
        self.orphaned.load(Ordering::Acquire)
    }

    /// Makes the thread, for a new run.
    pub(crate) fn start(shared: &Arc<Shared>) -> std::io::Result<()> {
        // Ordering: nobody else looks at it before the thread is there.
        shared.supervisor.quit.store(false, Ordering::Relaxed);
        let name = format!("{}-supervisor", shared.config.name);
        let theirs = Arc::clone(shared);
        let post = shared.config.clock.watch(shared);
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || supervise(&theirs, post.as_ref()))?;
        *shared.supervisor.thread.lock() = Some(thread);
        Ok(())
    }
}

/// The thread.
fn supervise(shared: &Arc<Shared>, post: Option<&Post>) {
    local::serve(shared);
    let mut rounds = Rounds::default();
    loop {
        // Users' code that a round can reach (a transport, a deadline's waker)
        // is contained where it is called; this is the last line.
        let seen = Seen::now(&shared.supervisor);
        let asked = post.map(Post::asked);
        let round = contain(|| rounds.round(shared));
        if let Err(payload) = round {
            let reason = message(&*payload);
            shared.announce(|| {
                Some(Event::SupervisorTroubled {
                    reason: reason.into(),
                })
            });
        }
        shared.books.ticks.add(1);
        if shared.supervisor.is_quitting() {
            break;
        }
        if shared.supervisor.is_orphaned() && stop::end_orphaned(shared) {
            break;
        }
        if rounds.more {
            continue;
        }
        if let (Some(post), Some(asked)) = (post, asked) {
            post.answer(asked);
        }
        sleep(shared, seen, &mut rounds);
    }
    memory::clear_out();
}

/// What it keeps in mind from one round to the next.
#[derive(Default)]
struct Rounds {
    health: Health,
    spares: Spares,
    watch: Watch,
    scaling: Scaling,
    parked: Parked,
    beat: Beat,
    /// For how many rounds nobody has been at work.
    quiet: u32,
    /// How many works had ended by the last of them.
    ended: u64,
    /// Was there more that is due than fits into a round?
    more: bool,
}

impl Rounds {
    /// Steps 1 to 8.
    fn round(&mut self, shared: &Arc<Shared>) {
        let _seen = trace::tick(shared);
        let now = shared.now();
        self.more = false;
        // Before anything is put back, which would seem to have been put just now.
        shared.note_ages();
        // By the time that the machine has: what it damps takes that, whatever clock is turned.
        self.health.round(shared, Instant::now());
        self.watch.round(shared);
        let health = &mut self.health;
        self.spares
            .round(shared, || health.may_make_spare(Instant::now()));
        self.scaling.round(shared, now, self.health.is_complete());
        self.more = timers::round(shared, now);
        self.parked.round(shared, now);
        shared.forward();
        if !shared.injector.is_local() && !shared.injector.is_empty() {
            shared.notify();
        }
        self.beat.round(shared);
        memory::trim();
        trace::write_out(shared);
    }
}

impl Rounds {
    /// Has anybody been at work since the last round?
    fn look(&mut self, shared: &Shared) {
        let ended = shared.books.ended();
        let quiet = ended == self.ended && !is_busy(shared, self);
        self.ended = ended;
        self.quiet = if quiet { self.quiet + 1 } else { 0 };
    }
}

/// What others had asked for when a round began.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    sent: u64,
    rings: u64,
}

impl Seen {
    fn now(supervisor: &Supervisor) -> Seen {
        Seen {
            // Ordering: ordered by the barrier in `Bell::doze`, where it must not be old;
            // partner: the fence in `events_sent`.
            sent: supervisor.sent.load(Ordering::Relaxed),
            rings: supervisor.bell.rings(),
        }
    }
}

/// Step 10.
fn sleep(shared: &Shared, seen: Seen, rounds: &mut Rounds) {
    if shared.config.clock.is_manual() {
        return sleep_untimed(shared, seen, rounds);
    }
    rounds.look(shared);
    let rounds = &*rounds;
    let beat = &rounds.beat;
    let supervisor = &shared.supervisor;
    let due = || {
        let due = earlier(rounds.scaling.due(), rounds.health.due());
        let due = earlier(due, rounds.parked.due());
        let due = earlier(due, trace::due(shared));
        earlier(supervisor.timers.earliest(), due)
    };
    let forking = beat.is_needed(shared);
    if forking || rounds.quiet < LINGER {
        let mut interval = shared.config.run_interval;
        if forking || !shared.injector.is_local() || expects_events(shared) {
            interval = interval.min(ARRIVALS);
        }
        let tick = after(interval);
        supervisor.bell.sleep(earlier(tick, due()));
        return;
    }
    let trimming = memory::trim().then(|| Instant::now() + memory::PACE);
    let roused = supervisor.bell.doze(earlier(trimming, due()), || {
        Seen::now(supervisor).sent != seen.sent
            || beat.is_needed(shared)
            || is_busy(shared, rounds)
            || rounds.parked.is_behind(shared)
    });
    let nothing_yet = roused == Roused::Stirred
        && Seen::now(supervisor) == seen
        && shared.injector.is_local()
        && !beat.is_needed(shared);
    if nothing_yet {
        let tick = after(shared.config.run_interval);
        supervisor.bell.sleep(earlier(tick, due()));
    }
}

/// Step 10 where no time passes while it sleeps. What a transport carries goes by no clock, and
/// workers that are to be replaced go by the real one.
fn sleep_untimed(shared: &Shared, seen: Seen, rounds: &Rounds) {
    let supervisor = &shared.supervisor;
    if !shared.injector.is_local() && is_busy(shared, rounds) || expects_events(shared) {
        supervisor.bell.sleep(after(ARRIVALS));
        return;
    }
    if rounds.health.is_understaffed(shared) {
        // A thread that could not be had.
        supervisor.bell.sleep(after(shared.config.run_interval));
        return;
    }
    let _ = supervisor.bell.doze(rounds.health.due(), || {
        Seen::now(supervisor).sent != seen.sent
            || !shared.injector.is_local() && is_busy(shared, rounds)
    });
}

/// Is there something to look after at every tick? Works that wait do not count.
fn is_busy(shared: &Shared, rounds: &Rounds) -> bool {
    is_anybody_awake(shared)
        || !shared.injector.is_local()
            && shared.books.live() > shared.away.count() as u64 + shared.at_rest()
        || shared.away.is_short() && shared.has_work()
        || rounds.health.is_understaffed(shared)
        || expects_events(shared)
}

/// Does a worker work, or look for work?
fn is_anybody_awake(shared: &Shared) -> bool {
    let (_, asleep) = shared.idle.counts();
    let blocked = shared.away.count() + shared.away.resting();
    shared.crew.present().len() > asleep as usize + blocked
}

/// Is an event of a worker on its way?
fn expects_events(shared: &Shared) -> bool {
    let roster = shared.crew.roster();
    shared.forwarder.is_behind() || roster.iter().any(|seat| seat.line.expects_events())
}

/// Passes the last events of a worker on that has ended.
pub(crate) fn pass_last_events_on(shared: &Shared, seat: &Arc<Seat>) {
    shared.forwarder.remove(seat, &shared.hub);
}
