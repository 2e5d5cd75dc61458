//! Who waits, in order of arrival, for something that serves one of them.
//!
//! The engine wakes everybody who has read a variable. Where what has come is
//! enough for one, the others wake in vain, and who gets it is chance. So the
//! forms of an operation that block a thread (`take_blocking`, `take_timeout`)
//! stand in a line: only the first looks at the container, and the others wait for their turn.
//!
//! A **place** in the line is a variable for each of the ways to its neighbours. The line has the
//! number of places and the last of them:
//!
//! ```text
//! waiting: 3    [ ] <─> [ ] <─> [ ] <─ last
//!              first
//! ```
//!
//! 1. One transaction: ask the container. If it has nothing, take a place at the end. Where the
//!    container is [strict](obtain), it is not asked while somebody waits.
//! 2. One transaction, which waits by `retry`: until there is nobody ahead, that is on the own
//!    place alone; then until the container has something, which is taken, *and the place left in
//!    the same step*: the neighbours are joined, so that the next in line has nobody ahead, and
//!    wakes.
//! 3. When the time is over, one transaction: take what there is, if it is one's turn, and leave
//!    in any case. A waiter that panics (in its value's `Clone`, or in the hook that is told that
//!    its thread sleeps) leaves as well ([`Stay`]).
//!
//! Whoever brings something does not know of the line, and pays nothing for it: it changes what
//! the first has read. So what is put can be taken back in the same transaction, and a put that is
//! rolled back has woken nobody.
//!
//! **No wake-up is lost.** The first has read what it waits for; whoever becomes the first has
//! read that somebody was ahead. Neither goes away without the next being first.
//!
//! **Why a newcomer asks first**, although others wait. Between what is put and the first's waking
//! lie microseconds. Whoever does not wait could take it meanwhile and go on; made to queue, it
//! sleeps as well, and so do all who come after it: the line never ends, and every value costs a
//! wake-up. (Measured: eight threads that take without pause, ten times slower.) Who waits is served in
//! order of arrival; who need not wait does not, so nothing bounds how long somebody waits among
//! others who never do. A strict container pays that price, because else
//! somebody who wants much would never get it.
//!
//! **Beside the line** are transactions that take what a container has as a part of something larger.
//! Each container says whether they may go past the line.
//!
//! **Races.** Two who arrive meet at `last`, and two neighbours who leave at the ways between
//! them: one of them conflicts and runs again.
//!
//! **Cost.** Arriving and leaving touch the place and its neighbours, however long the line is, and
//! what has left leaves nothing behind. What serves many is handed out by one wake-up after the
//! other, each of which is on its way before the one before has done anything with what it got.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hivework_stm::facade::MODELLED;
use hivework_stm::facade::sync::Arc;
use hivework_stm::{
    StmResult, TVar, Transaction, atomically, atomically_timeout, retry, try_atomically,
};

/// Waiters in order of arrival.
pub(crate) struct Line {
    waiting: TVar<usize>,
    last: TVar<Option<Place>>,
}

type Place = Arc<Stand>;

/// What a place is.
struct Stand {
    ahead: TVar<Option<Place>>,
    behind: TVar<Option<Place>>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Line {
            waiting: TVar::new(0),
            last: TVar::new(None),
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.waiting.read(tx)
    }

    /// Takes a place at the end.
    fn join(&self, tx: &mut Transaction<'_>) -> StmResult<Place> {
        let last = self.last.read(tx)?;
        let place = Arc::new(Stand {
            ahead: TVar::new(last.clone()),
            behind: TVar::new(None),
        });
        if let Some(last) = last {
            last.behind.write(tx, Some(Arc::clone(&place)))?;
        }
        self.last.write(tx, Some(Arc::clone(&place)))?;
        self.waiting.modify(tx, |waiting| waiting + 1)?;
        Ok(place)
    }

    /// Joins the neighbours of a place that is in the line.
    fn leave(&self, tx: &mut Transaction<'_>, place: &Stand) -> StmResult<()> {
        // Its own ways are cut: places that hold on to each other would never be freed.
        let ahead = place.ahead.replace(tx, None)?;
        let behind = place.behind.replace(tx, None)?;
        if let Some(ahead) = &ahead {
            ahead.behind.write(tx, behind.clone())?;
        }
        match behind {
            Some(behind) => behind.ahead.write(tx, ahead)?,
            None => self.last.write(tx, ahead)?,
        }
        self.waiting.modify(tx, |waiting| waiting - 1)
    }
}

impl Stand {
    fn is_first(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.ahead.read_with(tx, Option::is_none)
    }
}

/// Whether one who has just come may be served while others wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Newcomer {
    /// Yes, if there is something.
    MayTake,
    /// No: the container is strict.
    Waits,
}

/// Gets from `ask` what it has for one, at once or after a wait in the line, for no longer than
/// `limit` if there is one, and then answers `None`.
///
/// Panics inside a transaction of the same thread, by the transaction it begins with.
pub(crate) fn obtain<V>(
    line: &Line,
    newcomer: Newcomer,
    limit: Option<Duration>,
    ask: impl Fn(&mut Transaction<'_>) -> StmResult<Option<V>>,
) -> Option<V> {
    let ask_first = |tx: &mut Transaction<'_>| {
        if newcomer == Newcomer::MayTake || line.waiting(tx)? == 0 {
            ask(tx)
        } else {
            Ok(None)
        }
    };
    if limit == Some(Duration::ZERO) {
        return atomically(ask_first);
    }
    // A limit beyond what the clock can express is no limit.
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let entered = atomically(|tx| match ask_first(tx)? {
        Some(served) => Ok(Ok(served)),
        None => line.join(tx).map(Err),
    });
    let place = match entered {
        Ok(served) => return Some(served),
        Err(place) => place,
    };
    let mut stay = Stay {
        line,
        place,
        over: false,
    };
    let served = stay.wait(deadline, ask);
    stay.over = true;
    served
}

/// A waiter's time in the line. Dropped before it is over, by a panic, it leaves the line.
struct Stay<'a> {
    line: &'a Line,
    place: Place,
    over: bool,
}

impl Stay<'_> {
    /// Steps 2 and 3.
    fn wait<V>(
        &self,
        deadline: Option<Instant>,
        ask: impl Fn(&mut Transaction<'_>) -> StmResult<Option<V>>,
    ) -> Option<V> {
        let take = |tx: &mut Transaction<'_>| {
            if !self.place.is_first(tx)? {
                return Ok(None);
            }
            ask(tx)
        };
        let look = |tx: &mut Transaction<'_>| match take(tx)? {
            Some(served) => self.line.leave(tx, &self.place).map(|()| served),
            None => retry(),
        };
        let Some(deadline) = deadline else {
            return Some(atomically(look));
        };
        // No time passes in a model, where a limit stands for "at any moment".
        let served = if MODELLED {
            try_atomically(look)
        } else {
            let rest = deadline.saturating_duration_since(Instant::now());
            atomically_timeout(rest, look)
        };
        if served.is_some() {
            return served;
        }
        atomically(|tx| {
            let served = take(tx)?;
            self.line.leave(tx, &self.place)?;
            Ok(served)
        })
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let leave = || atomically(|tx| self.line.leave(tx, &self.place));
        // A second panic would end the process.
        let _ = catch_unwind(AssertUnwindSafe(leave));
    }
}
