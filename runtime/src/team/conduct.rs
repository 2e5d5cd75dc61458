//! The items of a team: the conductor, and the members. Steps 3 to 7 of [a team's life](super).

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread::yield_now;
use hivework_stm::{after_transaction, atomically_async, check};

use super::core::{Core, Muster, Phase, Why};
use super::member::{Member, Post};
use crate::handle::WorkHandle;
use crate::local;
use crate::polled::Polled;
use crate::polled::lobby::Kind;
use crate::spawn::make_future;
use crate::work::Work;
use crate::work::ends::Fresh;
use crate::work::error::WorkError;
use crate::work::priority::Priority;
use crate::work::unwind::{Payload, contain, drop_contained};

/// What a team comes to.
pub(super) type Results<T> = Result<Vec<T>, WorkError>;

/// What the members have answered, or panicked with.
type Answers<T> = Arc<[Mutex<Option<Result<T, Payload>>>]>;

/// What members run.
struct Plan<M: Clone + Send + Sync + 'static, F> {
    f: F,
    post: Arc<Post<M>>,
}

/// The conductor of a team that calls `f`.
pub(super) fn conductor<T, M, F>(core: &Arc<Core>, f: F) -> Work<Results<T>>
where
    T: Send + 'static,
    M: Clone + Send + Sync + 'static,
    F: Fn(&Member<M>) -> T + Send + Sync + 'static,
{
    let plan = Plan {
        f,
        post: Arc::new(Post::new(core.size)),
    };
    let conduct = conduct(Term(Arc::clone(core)), plan);
    outlasting(make_future(conduct)).priority(Priority::High)
}

/// Has it go on where the scheduler cancels what overruns. A member does not see that its own item was
/// asked to stop, and the conductor cannot be put anew.
fn outlasting<T: Send + 'static>(mut work: Work<T>) -> Work<T> {
    work.fresh.info_mut().set_cancel_on_overrun(false);
    work
}

/// The conductor's time, whose end is the team's.
struct Term(Arc<Core>);

impl Drop for Term {
    fn drop(&mut self) {
        let core = Arc::clone(&self.0);
        after_transaction(move || {
            if let (Some(shared), Some(conductor)) = (core.shared(), core.conductor()) {
                shared.teams.leave(local::address(&conductor.head().info));
            }
            core.disband();
            if let Some(shared) = core.shared().filter(|shared| shared.has_surplus()) {
                shared.supervisor.ring();
            }
        });
    }
}

/// All that a conductor does.
async fn conduct<T, M, F>(term: Term, plan: Plan<M, F>) -> Results<T>
where
    T: Send + 'static,
    M: Clone + Send + Sync + 'static,
    F: Fn(&Member<M>) -> T + Send + Sync + 'static,
{
    let core = &term.0;
    let answers: Answers<T> = (0..core.size).map(|_| Mutex::new(None)).collect();
    if atomically_async(|tx| core.reserved(tx)).await == Phase::Reserved {
        if let Some(shared) = core.shared().filter(|shared| shared.lacks_workers()) {
            shared.supervisor.ring();
        }
        if call_together(core, plan, &answers) {
            atomically_async(|tx| check(core.present(tx)? == 0)).await;
        } else {
            core.end(Why::Stopped);
        }
    }
    let (phase, conductor) = (core.phase.load(), core.conductor().cloned());
    drop(term);
    match phase {
        Phase::Complete => {
            let results = answers.iter().map(|answer| match answer.lock().take() {
                Some(Ok(value)) => Ok(value),
                _ => Err(WorkError::Lost("a member of the team has no result")),
            });
            return results.collect();
        }
        Phase::Over(Why::Panicked(first)) => {
            let payload = answers[first].lock().take();
            forget(&answers);
            if let Some(Err(payload)) = payload {
                // Caught, counted and told as any work's.
                resume_unwind(payload);
            }
            return Err(WorkError::Lost("a member of the team panicked"));
        }
        _ => forget(&answers),
    }
    match phase {
        Phase::Over(Why::Stopped) => Err(WorkError::Stopped),
        Phase::Over(Why::Lost(why)) => Err(WorkError::Lost(why)),
        _ => {
            // As a work that stops at a checkpoint, which is how it is counted.
            if let Some(conductor) = conductor {
                let state = &conductor.head().state;
                let _ = state.cancel();
                state.leave();
            }
            Err(WorkError::Cancelled)
        }
    }
}

/// Drops what nobody will be answered.
fn forget<T>(answers: &Answers<T>) {
    for answer in answers.iter() {
        drop_contained(answer.lock().take());
    }
}

/// Step 3; false where the scheduler is gone.
fn call_together<T, M, F>(core: &Arc<Core>, plan: Plan<M, F>, answers: &Answers<T>) -> bool
where
    T: Send + 'static,
    M: Clone + Send + Sync + 'static,
    F: Fn(&Member<M>) -> T + Send + Sync + 'static,
{
    let Some(shared) = core.shared() else {
        return false;
    };
    let Some(scheduler) = shared.scheduler() else {
        return false;
    };
    if let Some(conductor) = core.conductor() {
        shared.teams.enter(local::address(&conductor.head().info));
    }
    let plan = Arc::new(plan);
    let works = (0..core.size).map(|index| {
        let stint = Stint {
            core: Arc::clone(core),
            index,
            plan: Some(Arc::clone(&plan)),
            answers: Arc::clone(answers),
            has_left: false,
        };
        let work = Work::fresh(Fresh::of(|head| Polled::new(head, stint, Kind::Future)));
        // Others wait for it already.
        outlasting(work).priority(Priority::High)
    });
    let works: Vec<Work<()>> = works.collect();
    // The members have it all to themselves: it goes with the last of them.
    drop(plan);
    let members = scheduler.put_batch(works);
    core.begin_muster(members.iter().map(WorkHandle::item).collect());
    true
}

/// A member's item: it is polled until all have a thread in the same poll.
struct Stint<T, M: Clone + Send + Sync + 'static, F> {
    core: Arc<Core>,
    index: usize,
    /// Until it has run.
    plan: Option<Arc<Plan<M, F>>>,
    answers: Answers<T>,
    has_left: bool,
}

impl<T, M: Clone + Send + Sync + 'static, F> Stint<T, M, F> {
    /// Calls the closure; says whether it panicked.
    fn serve(&mut self) -> bool
    where
        F: Fn(&Member<M>) -> T,
    {
        let Some(plan) = &self.plan else { return false };
        let core = &self.core;
        let member = Member::new(self.index, Arc::clone(core), Arc::clone(&plan.post));
        let answer = {
            let conductor = core.conductor().map(|item| &item.head().info);
            let _running = conductor.map(local::Running::enter);
            contain(|| (plan.f)(&member))
        };
        let panicked = answer.is_err();
        *self.answers[self.index].lock() = Some(answer);
        panicked
    }

    /// Step 6.
    fn leave(&mut self) -> bool {
        // Before it counts as gone, so that who has the results has back what the closure
        // held on to.
        drop_contained(self.plan.take());
        self.has_left = true;
        self.core.leave()
    }

    /// Step 7, by the last.
    fn answer(&self) {
        let Some(conductor) = self.core.conductor() else {
            return;
        };
        if local::worker_at(self.core.home()).is_none() {
            return;
        }
        // It may be at the end of the turn in which it put the members, and will then be queued,
        // for the commit of `leave` has woken it: left there it could outlast the run.
        // That turn, like the one to come, waits for nobody.
        while !conductor.head().state.is_over() {
            conductor.clone().run();
            if !conductor.head().state.is_over() {
                yield_now();
            }
        }
    }
}

impl<T, M, F> Future for Stint<T, M, F>
where
    T: Send + 'static,
    M: Clone + Send + Sync + 'static,
    F: Fn(&Member<M>) -> T + Send + Sync + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.core.muster() {
            Muster::Together => {
                if self.serve() {
                    self.core.end(Why::Panicked(self.index));
                }
            }
            Muster::StepBack => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Muster::Over => {}
        }
        if self.leave() {
            self.answer();
        }
        Poll::Ready(())
    }
}

impl<T, M: Clone + Send + Sync + 'static, F> Drop for Stint<T, M, F> {
    fn drop(&mut self) {
        if self.has_left {
            return;
        }
        self.has_left = true;
        let core = Arc::clone(&self.core);
        let why = if std::thread::panicking() {
            Why::Lost("a worker that ran a member of the team died")
        } else {
            Why::Stopped
        };
        // Not its last turn: this may be on the way to the conductor's own end.
        after_transaction(move || {
            core.end(why);
            core.leave();
        });
    }
}
