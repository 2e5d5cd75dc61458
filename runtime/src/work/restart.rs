//! Work that can be sent back and be run again: it leaves its slot to something more urgent, and
//! takes one again later.
//!
//! It is an item that runs in turns ([polled](crate::polled)). A turn that ends without a
//! result is followed by another: at once, behind whoever is queued; or, where it was
//! [asked](super::asked) to go back, once its attendant lets it in again. Asked to begin anew it
//! loses what it has reached, which is a value beside the closure and nothing else.

use std::ops::ControlFlow;
use std::task::Waker;

use super::Work;
use super::asked::Asked;
use super::context::WorkContext;
use super::ends::Fresh;
use super::item::Item;
use crate::polled::lobby::Kind;
use crate::polled::{Next, Polled, Turns};

/// Makes work that can be interrupted and run again, for a [stream](crate::Stream) whose
/// scheduler [evicts](crate::Evict): the job that has to leave its slot need not be lost.
///
/// `turn` is called again and again, with the work's context and what it has *reached*, until it
/// breaks with its result. What it has reached is `start` at first, and what a turn has made of it
/// afterwards. It should return [`ControlFlow::Continue`] now and then, when its context says that
/// it is to [stop](WorkContext::cancelled) at the latest. If nothing wants its slot it is called
/// again soon, behind whoever is queued on its worker. Otherwise it goes back into its stream, to its
/// old place, and is called again when it is drawn the next time: with what it had reached, or with
/// `start` again, as the policy [says](crate::Fate).
///
/// It is one work: it begins and ends once, and a [time-out](Work::timeout) counts from its first
/// beginning on. Where nobody evicts it, it is a work like any other, which can be put anywhere.
///
/// ```
/// use std::ops::ControlFlow;
/// use hivework::{make_restartable, make_scheduler, WorkContext};
///
/// let scheduler = make_scheduler();
/// let sum = make_restartable((0, 0), |_: &WorkContext, (next, sum): &mut (u64, u64)| {
///     if *next == 1000 {
///         return ControlFlow::Break(*sum);
///     }
///     *sum += *next;
///     *next += 1;
///     ControlFlow::Continue(()) // a place to be interrupted at
/// });
/// assert_eq!(scheduler.put_work(sum.name("sum")).join().unwrap(), 499_500);
/// ```
pub fn make_restartable<S, T, F>(start: S, turn: F) -> Work<T>
where
    S: Clone + Send + 'static,
    F: FnMut(&WorkContext, &mut S) -> ControlFlow<T> + Send + 'static,
    T: Send + 'static,
{
    let restartable = Restartable {
        start,
        reached: None,
        turn,
    };
    let mut fresh = Fresh::of(|head| Polled::new(head, restartable, Kind::Held));
    fresh.info_mut().set_restartable();
    Work::fresh(fresh)
}

struct Restartable<S, F> {
    start: S,
    reached: Option<S>,
    turn: F,
}

impl<S, T, F> Turns for Restartable<S, F>
where
    S: Clone + Send + 'static,
    F: FnMut(&WorkContext, &mut S) -> ControlFlow<T> + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn turn(&mut self, this: &Item, _: &mut Option<Waker>) -> Next<T> {
        if let Some(back) = self.go_back(this) {
            return back;
        }
        let reached = self.reached.get_or_insert_with(|| self.start.clone());
        match (self.turn)(&WorkContext::new(this.clone()), reached) {
            ControlFlow::Break(result) => Next::Over(result),
            ControlFlow::Continue(()) => self.go_back(this).unwrap_or_else(|| {
                // Woken while it has its turn, it is queued when that is over. A drain waits for it.
                this.woken();
                Next::Woken
            }),
        }
    }
}

impl<S, F> Restartable<S, F> {
    /// If it is asked to.
    fn go_back<T>(&mut self, this: &Item) -> Option<Next<T>> {
        match this.head().info.asked() {
            Asked::Return => self.reached = None,
            Asked::Pause => {}
            Asked::Nothing | Asked::Leave | Asked::Back => return None,
        }
        Some(Next::Back)
    }
}
