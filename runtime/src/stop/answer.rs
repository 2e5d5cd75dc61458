//! Answering works that nobody is to run: what a drain does with those that only wait, and the end
//! of a scheduler with all that are left.
//!
//! # The joins of callbacks
//!
//! Who answers calls callbacks, and drops closures, in the middle of it: users' code, which may join
//! another work. That would wait for ever where the other is one of those that the same thread
//! has yet to answer, or waits for one of those. So:
//!
//! 1. A thread that answers says so, in a variable of its own: for which home, and what: the *sleepers*,
//!    the *guests*, which are the transactions in the lobby and what is held, or all.
//! 2. What is yet to be answered lies where everybody can take it, and not with the thread: it takes one
//!    at a time.
//! 3. A join on that thread answers the wanted item, if it is among those that the thread
//!    answers. If that was not all, because the item runs or waits somewhere, it answers the rest as
//!    well, looks for the outcome for a while, and does so again (`handle.rs`). Of a drain the rest
//!    is what it would come to later: also the guests, once nothing else is left but what this thread
//!    is answering ([`Shared::unsettled`]).
//! 4. Callbacks that join in turn come to lie on top of each other. A join that is too deep in them is
//!    told that it would not end.
//!
//! Steps 1 and 3 nest: the thread may answer for several homes, and within the answer of one for
//! the same again. An item is answered once, by whoever wins its word.

use std::cell::RefCell;

use hivework_stm::facade::local;
use stm_ports::Refusal;

use super::is_told;
use crate::home::Home;
use crate::injector::Item;
use crate::polled::lobby::Kind;
use crate::shared::Shared;
use crate::supervisor::health::Leftovers;
use crate::work::unwind::shield;

local! {
    /// What this thread answers, the innermost last.
    static ANSWERING: RefCell<Vec<(Home, Answering)>> = RefCell::new(Vec::new());
}

/// What a thread answers with `Stopped`.
#[derive(Clone, Copy)]
pub(crate) struct Answering {
    /// Answers this one, if it is among them.
    one: fn(&Item),
    /// Answers whatever is left.
    rest: fn(&Shared),
}

/// A drain answers what waits for its time. The timers are closed.
pub(super) fn sleepers(shared: &Shared) {
    let one = |item: &Item| {
        if item.head().info.is_delayed() {
            refuse(item.clone());
        }
    };
    answer(shared, Answering { one, rest }, each_sleeper);
}

/// A drain answers what waits to be woken, and will not be.
pub(super) fn guests(shared: &Shared) {
    let one = |item: &Item| shield(|| item.give_up());
    answer(shared, Answering { one, rest }, each_guest);
}

/// What is left of a drain.
fn rest(shared: &Shared) {
    each_sleeper(shared);
    if shared.unsettled() == 0 && is_told(shared) {
        each_guest(shared);
    }
}

fn each_sleeper(shared: &Shared) {
    while let Some(item) = shared.supervisor.timers.take_sleeper() {
        refuse(item);
    }
}

fn each_guest(shared: &Shared) {
    let give_up = |guest: Item| shield(|| guest.give_up());
    shared.lobby.each(Kind::Transaction, give_up);
    shared.rooms.give_up();
}

/// The end of the scheduler answers what is queued, in the injector and in the workers' deques, and
/// what waits to be woken or for its time.
pub(crate) fn all(shared: &Shared) {
    let one = |item: &Item| refuse(item.clone());
    let rest = each_queued;
    answer(shared, Answering { one, rest }, rest);
}

/// As [`all`], and what a transport still carries, which would be answered by nobody. There are no
/// workers any more.
pub(super) fn last(shared: &Shared) {
    let one = |item: &Item| refuse(item.clone());
    let rest = |shared: &Shared| {
        each_queued(shared);
        while let Some(item) = shared.injector.take_last() {
            refuse(item);
        }
    };
    answer(shared, Answering { one, rest }, rest);
}

fn each_queued(shared: &Shared) {
    while let Some(item) = shared.injector.take_any(1).pop() {
        refuse(item);
    }
    shared.lobby.close(|guest| shield(|| guest.stop()));
    shared.rooms.close();
    shared.supervisor.timers.close();
    each_sleeper(shared);
    for seat in shared.crew.roster().iter() {
        Leftovers(&seat.stealer).for_each(refuse);
    }
}

fn refuse(item: Item) {
    shield(|| item.refuse(Refusal::Stopped));
}

/// Step 1.
fn answer(shared: &Shared, what: Answering, begin: fn(&Shared)) {
    struct Done;

    impl Drop for Done {
        fn drop(&mut self) {
            let _ = ANSWERING.try_with(|answering| answering.borrow_mut().pop());
        }
    }

    let entry = (shared.home(), what);
    let entered = ANSWERING.try_with(|answering| answering.borrow_mut().push(entry));
    let _done = entered.ok().map(|()| Done);
    begin(shared);
}

impl Answering {
    /// What this thread answers of this home, if it does.
    pub(crate) fn here(home: Home) -> Option<Answering> {
        let here = ANSWERING.try_with(|answering| {
            let answering = answering.borrow();
            let ours = answering.iter().rev().find(|(of, _)| *of == home);
            ours.map(|(_, what)| *what)
        });
        here.ok().flatten()
    }

    /// Step 3, the wanted item.
    pub(crate) fn one(self, item: &Item) {
        (self.one)(item);
    }

    /// Step 3, the rest.
    pub(crate) fn rest(self, shared: &Shared) {
        (self.rest)(shared);
    }
}
