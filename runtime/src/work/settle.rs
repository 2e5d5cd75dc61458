#![allow(
    unsafe_code,
    reason = "whoever settles an item owns its stage; `task.rs` has the table"
)]
//! How an item comes to its end, whatever kind it is: steps 4 and 5 of
//! [running an item](super::task), and the ends that come from outside.

use stm_ports::Refusal;

use super::attendant::Attendant;
use super::completion::Outcome;
use super::ends::Core;
use super::error::WorkError;
use super::info::Info;
use super::item::{Head, Item};
use super::own::Own;
use super::state::{Expire, Finish, Published, StateWord, Withdraw};
use super::unwind::{contain_all, drop_contained};
use crate::books::Ending;
use crate::local;
use crate::worker::search;

/// A panic of an attendant ends nobody: the item has yet to be answered.
fn contained(tell: impl FnOnce()) {
    if let Err(payload) = contain_all(tell) {
        drop_contained(payload);
    }
}

/// Tells its attendant, if it has one, that nothing of the item runs any more.
#[inline]
fn leave(info: &Info, ending: Ending, why: Option<&WorkError>) {
    if let Some(attendant) = info.attendant() {
        leave_to(attendant, info, ending, why);
    }
}

/// As [`leave`], where the passing of a limit has answered its handle before.
fn leave_late(head: &Head) {
    let (ending, why) = head.state.lateness();
    leave(&head.info, ending, Some(&why));
}

#[cold]
fn leave_to(attendant: &dyn Attendant, info: &Info, ending: Ending, why: Option<&WorkError>) {
    if info.let_in() {
        if let Some(shared) = info.shared() {
            shared.books.elsewhere.let_in.add(1);
        }
    }
    contained(|| attendant.left(info, ending, why));
}

/// The attendant of an item that is held back gets it, because a worker has taken it out of a queue after
/// its delay; false where it is over.
#[cold]
pub(crate) fn arrive(item: &Item) -> bool {
    let head = item.head();
    let Some(attendant) = head.info.attendant() else {
        return false;
    };
    if head.state.is_over() {
        return false;
    }
    contained(|| attendant.arrived(item));
    true
}

/// Tells its attendant, if it has one, that its callbacks have been called.
#[inline]
fn be_over(info: &Info) {
    if let Some(attendant) = info.attendant() {
        contained(|| attendant.over(info));
    }
}

/// For the thread that ran it.
pub(crate) fn finish<T: Send + 'static, C: Core<T> + ?Sized>(
    item: &C,
    own: &Own,
    outcome: Outcome<T>,
    ending: Ending,
) {
    let head = item.head();
    if own.is_timed() || !head.info.is_plain() || !head.state.is_plain() {
        return finish_slowly(item, own, outcome, ending);
    }
    own.count(&head.info, ending, outcome.as_ref().err());
    publish(item, outcome, StateWord::end, || search::take_up(own));
    own.ended();
}

#[cold]
fn finish_slowly<T: Send + 'static, C: Core<T> + ?Sized>(
    item: &C,
    own: &Own,
    mut outcome: Outcome<T>,
    mut ending: Ending,
) {
    let head = item.head();
    let ran = own.ran();
    let has_run = |ending| {
        if let Some(ran) = ran {
            own.has_run(&head.info, ran, ending == Ending::Finished);
        }
    };
    let finish = head.state.finish();
    if let Some(shared) = own.shared() {
        drop(shared.supervisor.timers.leave(&head.info));
    }
    match finish {
        Finish::Mine { left } => {
            if left && ending == Ending::Finished {
                let (of, why) = head.info.cancelled();
                drop_contained(std::mem::replace(&mut outcome, Err(why)));
                ending = of;
            }
            has_run(ending);
            if let Some(name) = head.info.books() {
                name.settled();
                name.settle(ending);
            }
            own.count(&head.info, ending, outcome.as_ref().err());
            leave(&head.info, ending, outcome.as_ref().err());
            let attended = head.info.attendant().is_some();
            publish(item, outcome, StateWord::publish, || {
                // Not before who attends to it has been told that it is over, which is work.
                if !attended {
                    search::take_up(own);
                }
            });
        }
        Finish::TooLate => {
            // Whoever let it expire has counted the rest.
            has_run(ending);
            drop_contained(outcome);
            leave_late(head);
            item.completion().run_late_callbacks();
        }
    }
    be_over(&head.info);
    own.ended();
}

/// Publishes the outcome, by `step` of the word or, where that says that there is
/// something to be done first, by `publish`. The stage belongs to the caller, who has
/// begun or settled the item, and nothing but its own publication ends that: it
/// is not overdue. Calls `free` when the outcome is visible and no user's code comes after.
fn publish<T: Send + 'static, C: Core<T> + ?Sized>(
    item: &C,
    outcome: Outcome<T>,
    step: impl Fn(&StateWord) -> Option<Published>,
    free: impl FnOnce(),
) {
    let state = &item.head().state;
    let mut unwanted = None;
    if state.is_detached() {
        unwanted = Some(outcome);
    } else {
        // SAFETY: the stage is this thread's until it publishes.
        drop(unsafe { item.exchange(Some(outcome)) });
    }
    let mut published = step(state);
    while published.is_none() {
        let _ = state.finish();
        let outcome = match unwanted.take() {
            Some(outcome) => outcome,
            // SAFETY: as above.
            None => match unsafe { item.exchange(None) } {
                Some(outcome) => outcome,
                None => unreachable!("put there above"),
            },
        };
        item.completion().run_callbacks(&outcome);
        // SAFETY: as above.
        drop(unsafe { item.exchange(Some(outcome)) });
        published = state.publish();
    }
    let Some(published) = published else { return };
    if published.watched {
        item.completion().wake(free);
    } else if !published.detached {
        free();
    }
    if published.detached && unwanted.is_none() {
        // SAFETY: detached when it was published: nobody but the publisher has the stage.
        unwanted = unsafe { item.exchange(None) };
    }
    match unwanted {
        // Nothing to contain, for most.
        Some(Ok(value)) => drop_contained(value),
        Some(Err(why)) => drop_contained(why),
        None => {}
    }
}

/// Answers the handle of an item that nobody has begun and, now that this thread has
/// settled it, nobody will.
pub(crate) fn publish_unbegun<T: Send + 'static, C: Core<T> + ?Sized>(
    item: &C,
    why: WorkError,
    ending: Ending,
) {
    let info = &item.head().info;
    // A callback that joins its own item is told so, as when the item runs.
    let _running = local::Running::enter(info);
    // SAFETY: settled by this thread, by withdrawing or cancelling.
    unsafe { item.discard() };
    let shared = info.shared();
    if let Some(shared) = &shared {
        drop(shared.supervisor.timers.leave(info));
        shared.work_settled(info, ending, Some(&why));
    }
    leave(info, ending, Some(&why));
    publish(item, Err(why), StateWord::publish, || {});
    be_over(info);
    if let Some(shared) = &shared {
        shared.work_ended_elsewhere();
    }
}

/// Takes the item out of the world unless somebody has begun it. Where its
/// deadline came first, nobody else will meet it: what that left to do is
/// done here.
fn withdraw_as<T: Send + 'static, C: Core<T> + ?Sized>(item: &C, why: WorkError, ending: Ending) {
    match item.head().state.withdraw() {
        Withdraw::Mine => publish_unbegun(item, why, ending),
        Withdraw::TooLate => bury(item),
    }
}

/// Answers the handle with `why` unless somebody has begun the item.
pub(crate) fn withdraw<T: Send + 'static, C: Core<T> + ?Sized>(item: &C, why: WorkError) {
    let ending = match why {
        WorkError::Cancelled => Ending::Cancelled,
        WorkError::Evicted => Ending::Evicted,
        WorkError::Stopped | WorkError::Full => Ending::Stopped,
        _ => Ending::Lost,
    };
    withdraw_as(item, why, ending);
}

/// It will not be run; says whether because the scheduler has stopped.
pub(crate) fn refuse<T: Send + 'static, C: Core<T> + ?Sized>(item: &C, why: Refusal) -> bool {
    let (why, ending) = match why {
        Refusal::Stopped => (WorkError::Stopped, Ending::Stopped),
        Refusal::Lost(why) => (WorkError::Lost(why), Ending::Lost),
        _ => (WorkError::Lost("the transport refused it"), Ending::Lost),
    };
    withdraw_as(item, why, ending);
    ending == Ending::Stopped
}

/// Its put's transaction was rolled back.
pub(crate) fn roll_back<T: Send + 'static, C: Core<T> + ?Sized>(item: &C) {
    let _running = local::Running::enter(&item.head().info);
    // It leaves no trace: nothing that was to be done after it is done.
    item.completion().forget_callbacks();
    withdraw_as(item, WorkError::Cancelled, Ending::RolledBack);
}

/// What is left to do for who has met a tombstone: the closure and the
/// callbacks of an item that expired before anybody began it. Only then is
/// the item over for a drain.
pub(crate) fn bury<T: Send + 'static, C: Core<T> + ?Sized>(item: &C) {
    let head = item.head();
    if !head.state.bury() {
        return;
    }
    // As in `publish_unbegun`.
    let _running = local::Running::enter(&head.info);
    // SAFETY: won just now, once, of an item that is overdue and was never begun.
    unsafe { item.discard() };
    leave_late(head);
    item.completion().run_late_callbacks();
    be_over(&head.info);
    if let Some(shared) = head.info.shared() {
        shared.work_ended_elsewhere();
    }
}

/// Its deadline has passed, or another limit that counts by now. Leaves closure and callbacks for the worker that meets the tombstone:
/// the caller may be the supervisor, which runs no user's code.
pub(crate) fn expire<T: Send + 'static, C: Core<T> + ?Sized>(item: &C, this: &Item) -> Expire {
    let head = item.head();
    let shared = head.info.shared();
    let expired = head.pass();
    if expired == Expire::TooLate {
        return expired;
    }
    if let Some(shared) = &shared {
        if expired == Expire::Running {
            Own::of(&head.info).settled();
            if let Some(name) = head.info.books() {
                name.settled();
            }
        }
        let (ending, why) = head.state.lateness();
        shared.work_settled(&head.info, ending, Some(&why));
    }
    if head.state.publish_expired().watched {
        item.completion().wake(|| {});
    }
    if let Some(shared) = &shared {
        let sleeper = shared.supervisor.timers.leave(&head.info);
        if expired == Expire::Unbegun {
            // It lay in no queue, and would meet no worker before its time.
            let held = head.info.is_held_back().then(|| this.clone());
            shared.put_back(sleeper.into_iter().chain(held));
        }
    }
    expired
}
