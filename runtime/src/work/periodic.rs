//! Work that is run again and again: at a fixed rate, or with a fixed pause.
//!
//! It is an item that runs in several turns ([polled](crate::polled)), as a future does, and what
//! it waits for between two of them is a time (`supervisor/timers.rs`). So no thread is held up,
//! one series never overlaps itself, and cancelling, deadlines and ends are those of any item.
//!
//! # When the next turn is due
//!
//! *At a fixed rate* the turns are due at start + k · period, for whole k, whatever they take:
//! nothing adds up. The start is when the first turn was due, where the work was put with a delay, and
//! when it began, otherwise. The next turn is the first after this one whose time has not passed
//! when this one ends; those before it are left out, counted and told
//! ([`Event::PeriodsSkipped`]). A turn that comes late, because the scheduler was stopped or its
//! workers were busy, comes nevertheless, and the one after it is in time again.
//!
//! *With a pause* the next turn is due that long after the end of this one.
//!
//! A turn that is due at once, and with a period of zero each is, goes to the back of the
//! worker's queue: whoever is queued has its turn first.
//!
//! # How it ends
//!
//! By a turn that says so, or panics; by a cancel or a deadline; when the scheduler drains, after
//! the turn that runs or is queued; when its last handle goes. A stop ends nothing.

mod pace;

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::Work;
use super::context::WorkContext;
use super::ends::Fresh;
use super::info::Info;
use super::item::Item;
use super::kind;
use crate::event::Event;
use crate::local;
use crate::polled::lobby;
use crate::polled::{Next, Polled, Turns};
use pace::Pace;

/// What can be run again and again: a closure `FnMut() -> R` or `FnMut(&WorkContext) -> R`, where
/// `R` [says](Continues) whether it goes on.
///
/// `Kind` tells the two apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run again and again",
    note = "it takes a closure `FnMut() -> R` or `FnMut(&WorkContext) -> R`, where `R` is `()` or `ControlFlow<T>`"
)]
pub trait IntoTurns<Kind>: Send + 'static {
    /// What the series ends with.
    type End: Send + 'static;

    /// One turn.
    fn turn(&mut self, context: &dyn Fn() -> WorkContext) -> ControlFlow<Self::End>;
}

/// What a turn of a periodic work answers.
#[diagnostic::on_unimplemented(
    message = "a turn of a periodic work answers `()` or `ControlFlow<T>`, not `{Self}`"
)]
pub trait Continues {
    /// What the series ends with.
    type End: Send + 'static;

    /// Does it go on?
    fn flow(self) -> ControlFlow<Self::End>;
}

/// Goes on until it is cancelled.
impl Continues for () {
    type End = ();

    fn flow(self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// `Break` ends the series, and is its result.
impl<T: Send + 'static> Continues for ControlFlow<T> {
    type End = T;

    fn flow(self) -> ControlFlow<T> {
        self
    }
}

impl<R: Continues, F: FnMut() -> R + Send + 'static> IntoTurns<kind::Plain> for F {
    type End = R::End;

    fn turn(&mut self, _: &dyn Fn() -> WorkContext) -> ControlFlow<R::End> {
        self().flow()
    }
}

impl<R, F> IntoTurns<kind::Contextual> for F
where
    R: Continues,
    F: FnMut(&WorkContext) -> R + Send + 'static,
{
    type End = R::End;

    fn turn(&mut self, context: &dyn Fn() -> WorkContext) -> ControlFlow<R::End> {
        self(&context()).flow()
    }
}

impl<T: Send + 'static> Work<T> {
    /// Work that is run at a fixed rate: at once (or after its [`delay`](Work::delay)), and
    /// then whenever another `period` has passed since. What a turn takes does not add up: the
    /// k-th is due k periods after the first, exactly.
    ///
    /// It never overlaps itself. Turns that fall due while an earlier one runs are left out, and
    /// counted ([`Stats::skipped`](crate::Stats::skipped)); so are those of the time for which the
    /// scheduler is stopped. A period of zero is as often as possible: all that is queued has its
    /// turn before the next one.
    ///
    /// The closure takes nothing, or the work's [`WorkContext`], and is called again and again:
    /// so it is given here, and not to [`make_work`](crate::make_work), whose closures are
    /// called once. One that answers nothing is called until the work is cancelled; one that
    /// answers a [`ControlFlow`] until it breaks, with what the handle then answers. A panic ends
    /// the series, and so does a cancel, between two turns or after the one that runs. The work
    /// takes a name, a deadline, a callback as any other, for all its turns together.
    ///
    /// A [`drain`](crate::Scheduler::drain) ends the series after the turn that runs, with
    /// [`WorkError::Stopped`](crate::WorkError::Stopped). A [`stop`](crate::Scheduler::stop)
    /// interrupts it until the next start.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use std::time::Duration;
    /// use hivework::{make_scheduler, Work};
    ///
    /// let scheduler = make_scheduler();
    /// let mut ticks = 0;
    /// let clockwork = Work::every(Duration::from_millis(1), move || {
    ///     ticks += 1;
    ///     if ticks < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(ticks) }
    /// });
    /// assert_eq!(scheduler.put_work(clockwork.name("clockwork")).join().unwrap(), 5);
    /// ```
    pub fn every<Kind: 'static>(period: Duration, turn: impl IntoTurns<Kind, End = T>) -> Work<T> {
        repeat(Pace::rate(period), turn)
    }

    /// Work that is run again and again, with a fixed pause from the end of each turn to the next.
    /// In all else as [`every`](Work::every); no turn is ever left out.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework::{make_scheduler, Work, WorkContext, WorkError};
    ///
    /// let scheduler = make_scheduler();
    /// let polls = Work::every_after(Duration::from_millis(1), |work: &WorkContext| {
    ///     assert_eq!(work.name(), Some("polls"));
    /// });
    /// let polls = scheduler.put_work(polls.name("polls"));
    /// polls.cancel();
    /// assert!(matches!(polls.join(), Err(WorkError::Cancelled)));
    /// ```
    pub fn every_after<Kind: 'static>(
        pause: Duration,
        turn: impl IntoTurns<Kind, End = T>,
    ) -> Work<T> {
        repeat(Pace::Pause(pause), turn)
    }
}

fn repeat<T: Send + 'static, Kind: 'static>(
    pace: Pace,
    turn: impl IntoTurns<Kind, End = T>,
) -> Work<T> {
    let periodic = Periodic {
        pace,
        closure: turn,
        kind: PhantomData,
    };
    Work::fresh(Fresh::of(|head| {
        Polled::new(head, periodic, lobby::Kind::Periodic)
    }))
}

struct Periodic<F, Kind> {
    pace: Pace,
    closure: F,
    kind: PhantomData<fn() -> Kind>,
}

impl<F: IntoTurns<Kind>, Kind: 'static> Turns for Periodic<F, Kind> {
    type Output = F::End;

    fn turn(&mut self, this: &Item, _: &mut Option<Waker>) -> Next<F::End> {
        let info = &this.head().info;
        self.pace.begin(|| began(info));
        let flow = self.closure.turn(&|| WorkContext::new(this.clone()));
        if let ControlFlow::Break(end) = flow {
            return Next::Over(end);
        }
        let now = info.now();
        let (due, skipped) = self.pace.next(now);
        if skipped > 0 {
            tell_skipped(info, skipped);
        }
        match due {
            Some(due) if due <= now => Next::Again,
            due => Next::At(due),
        }
    }
}

/// When the first turn was due, or begins.
fn began(info: &Info) -> Instant {
    let shared = info.shared();
    let was_due = shared.and_then(|shared| shared.supervisor.timers.was_due(info));
    was_due.unwrap_or_else(|| info.now())
}

#[cold]
fn tell_skipped(info: &Info, skipped: u64) {
    let Some(shared) = info.shared() else { return };
    shared.books.skipped.add(skipped);
    // Its deadline may have passed meanwhile: then it is over for who listens.
    let worker = local::worker_of(&shared).map(|worker| worker.seat.number);
    shared.tell_meanwhile(info, worker, |work| Event::PeriodsSkipped { work, skipped });
}
