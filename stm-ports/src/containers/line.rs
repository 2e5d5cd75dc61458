//! Who waits, in order of arrival, for something that serves one of them.
//!
//! The engine wakes everybody who has read a variable. Where what has come is
//! enough for one, the others wake in vain, and who gets it is chance. So the
//! forms of an operation that block a thread (`take_blocking`, `take_timeout`)
//! stand in a line and are *served*: handed what they wait for, first come first
//! served, each woken once.
//!
//! A **place** in the line is what its waiter wants, a variable with what it has been
//! served (nothing, at first), and the ways to its neighbours. The line has the
//! number of places, and a variable with the first and the last of them:
//!
//! ```text
//! waiting: 3    first ─> [want, served] <─> [want, served] <─> [want, served] <─ last
//! ```
//!
//! **Waiter** ([`obtain`]):
//!
//! 1. One transaction: ask the container; where it has nothing for a newcomer, take a
//!    place at the end *in the same transaction*.
//! 2. Wait for the own `served` alone.
//! 3. When the time is over, one transaction: take what was served meanwhile, or else
//!    leave the line, for which the neighbours are joined. A waiter that panics (its
//!    value's `Clone`, or the hook that is told that its thread sleeps) leaves as well
//!    ([`Stay`]), and what it was served goes back.
//!
//! **Whoever brings something** does so inside its own transaction, whatever else that
//! does: if somebody waits, take the first out of the line and set its `served`. If that
//! transaction is rolled back, so is the serving.
//!
//! **Invariant**, at every commit: while somebody is in the line, the container has
//! nothing for the first. Step 1 has it because it is one step with the asking,
//! whoever brings something because it serves first, and leaving because the container is
//! told ([`Server::left`]): who comes next may want less. So a container whose waiters all
//! want the same knows without a look at the line that, where it has something, nobody waits.
//!
//! **Beside the line** are transactions that wait by `retry`, for a part of something larger.
//! Each container says whether they may go past the line; none makes them wait for nothing:
//! what they read to find out changes when the line ends and there is something.
//! What is served to the line never gets to them, and does not wake them either.
//!
//! **What whoever serves must know**: the serving is a part of its transaction. To that, what
//! it has served is gone. To take it back in the same transaction, wait for it there even,
//! is to come behind the line.
//!
//! **Races.** Two who arrive, or one who arrives and one who brings, meet at `waiting`: one of
//! them conflicts and runs again. One who leaves and one who serves it meet at its
//! neighbourhood and at `served`: either it has been served and takes what it was given, or it
//! has gone and somebody else is first. A waiter that is served between its steps 1 and 2 finds
//! its variable set. Nobody else writes `served`, and it is written once.
//!
//! **Cost.** Arriving, leaving and serving touch the place and its neighbours, however long the
//! line is, and what has left leaves nothing behind. While nobody waits, one who brings something
//! reads one number.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hivework_stm::facade::MODELLED;
use hivework_stm::facade::sync::Arc;
use hivework_stm::{
    StmResult, TVar, Transaction, atomically, atomically_timeout, retry, try_atomically,
};

/// Waiters in order of arrival, who want a `W` each and are served a `V` each.
pub(crate) struct Line<W: Send + Sync + 'static, V: Send + Sync + 'static> {
    waiting: TVar<usize>,
    /// The first and the last, while somebody waits.
    ends: TVar<Neighbours<W, V>>,
}

type Place<W, V> = Arc<Stand<W, V>>;

/// What a place is.
struct Stand<W: Send + Sync + 'static, V: Send + Sync + 'static> {
    want: W,
    served: TVar<Option<V>>,
    /// Who is before and behind it.
    beside: TVar<Neighbours<W, V>>,
}

/// The one towards the front or at it, and the one towards the end or at it.
type Neighbours<W, V> = (Option<Place<W, V>>, Option<Place<W, V>>);

/// The container that a line stands at.
pub(crate) trait Server<W: Send + Sync + 'static, V: Send + Sync + 'static> {
    /// Where they stand.
    fn line(&self) -> &Line<W, V>;

    /// Serves somebody who has just come, if that is possible without going past
    /// somebody else.
    fn ask(&self, tx: &mut Transaction<'_>, want: &W) -> StmResult<Option<V>>;

    /// Takes back what was served to somebody who cannot take it any more.
    fn give_back(&self, tx: &mut Transaction<'_>, want: &W, served: V) -> StmResult<()>;

    /// Somebody has left without being served: the next may want something that there is.
    fn left(&self, _tx: &mut Transaction<'_>) -> StmResult<()> {
        Ok(())
    }
}

impl<W: Send + Sync + 'static, V: Clone + Send + Sync + 'static> Line<W, V> {
    pub(crate) fn new() -> Self {
        Line {
            waiting: TVar::new(0),
            ends: TVar::new((None, None)),
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.waiting.read(tx)
    }

    /// What the first wants; none if nobody waits.
    pub(crate) fn first_wants(&self, tx: &mut Transaction<'_>) -> StmResult<Option<W>>
    where
        W: Clone,
    {
        if self.waiting.read(tx)? == 0 {
            return Ok(None);
        }
        self.ends.read_with(tx, |(first, _)| {
            first.as_ref().map(|place| place.want.clone())
        })
    }

    /// Serves the first, which leaves the line; gives `served` back if nobody waits.
    pub(crate) fn serve(&self, tx: &mut Transaction<'_>, served: V) -> StmResult<Result<(), V>> {
        if self.waiting.read(tx)? == 0 {
            return Ok(Err(served));
        }
        let Some(place) = self.ends.read_with(tx, |(first, _)| first.clone())? else {
            unreachable!("somebody waits, so somebody is first")
        };
        self.take_out(tx, &place)?;
        place.served.write(tx, Some(served))?;
        Ok(Ok(()))
    }

    /// Takes a place at the end.
    fn join(&self, tx: &mut Transaction<'_>, want: W) -> StmResult<Place<W, V>> {
        let (first, last) = self.ends.read(tx)?;
        let place = Arc::new(Stand {
            want,
            served: TVar::new(None),
            beside: TVar::new((last.clone(), None)),
        });
        if let Some(last) = last {
            let behind = Some(Arc::clone(&place));
            last.beside.modify(tx, |(ahead, _)| (ahead, behind))?;
        }
        let first = first.unwrap_or_else(|| Arc::clone(&place));
        let ends = (Some(first), Some(Arc::clone(&place)));
        self.ends.write(tx, ends)?;
        self.waiting.modify(tx, |waiting| waiting + 1)?;
        Ok(place)
    }

    /// Joins the neighbours of a place that is in the line.
    fn take_out(&self, tx: &mut Transaction<'_>, place: &Stand<W, V>) -> StmResult<()> {
        let (ahead, behind) = place.beside.read(tx)?;
        let (mut first, mut last) = self.ends.read(tx)?;
        match &ahead {
            Some(ahead) => ahead
                .beside
                .modify(tx, |(before, _)| (before, behind.clone()))?,
            None => first = behind.clone(),
        }
        match &behind {
            Some(behind) => behind
                .beside
                .modify(tx, |(_, after)| (ahead.clone(), after))?,
            None => last = ahead.clone(),
        }
        if ahead.is_none() || behind.is_none() {
            self.ends.write(tx, (first, last))?;
        }
        if ahead.is_some() || behind.is_some() {
            // Places that hold on to each other would never be freed.
            place.beside.write(tx, (None, None))?;
        }
        self.waiting.modify(tx, |waiting| waiting - 1)
    }

    /// What this place was served; if nothing, it leaves the line.
    fn leave(&self, tx: &mut Transaction<'_>, place: &Stand<W, V>) -> StmResult<Option<V>> {
        let served = place.served.read(tx)?;
        if served.is_none() {
            self.take_out(tx, place)?;
        }
        Ok(served)
    }
}

/// Is served at once or waits in the line, for no longer than `limit` if there is one, and
/// then answers `None`.
///
/// Panics inside a transaction of the same thread, by the transaction it begins with.
pub(crate) fn obtain<W, V, S>(server: &S, want: W, limit: Option<Duration>) -> Option<V>
where
    W: Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Server<W, V>,
{
    if limit == Some(Duration::ZERO) {
        return atomically(|tx| server.ask(tx, &want));
    }
    // A limit beyond what the clock can express is no limit.
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let entered = atomically(|tx| match server.ask(tx, &want)? {
        Some(served) => Ok(Ok(served)),
        None => server.line().join(tx, want.clone()).map(Err),
    });
    let place = match entered {
        Ok(served) => return Some(served),
        Err(place) => place,
    };
    let mut stay = Stay {
        server,
        place,
        over: false,
    };
    let served = stay.wait(deadline);
    stay.over = true;
    served
}

/// A waiter's time in the line. Dropped before it is over, by a panic, it leaves the line and
/// returns what it was served.
struct Stay<'a, W, V, S>
where
    W: Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Server<W, V>,
{
    server: &'a S,
    place: Place<W, V>,
    over: bool,
}

impl<W, V, S> Stay<'_, W, V, S>
where
    W: Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Server<W, V>,
{
    /// Steps 2 and 3.
    fn wait(&self, deadline: Option<Instant>) -> Option<V> {
        let look = |tx: &mut Transaction<'_>| match self.place.served.read(tx)? {
            Some(served) => Ok(served),
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
            let served = self.server.line().leave(tx, &self.place)?;
            if served.is_none() {
                self.server.left(tx)?;
            }
            Ok(served)
        })
    }
}

impl<W, V, S> Drop for Stay<'_, W, V, S>
where
    W: Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Server<W, V>,
{
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let leave = || {
            atomically(|tx| match self.server.line().leave(tx, &self.place)? {
                Some(served) => self.server.give_back(tx, &self.place.want, served),
                None => self.server.left(tx),
            });
        };
        // A second panic would end the process. What a value's `Clone` takes down twice goes
        // with the place, which is out of the line: it was served.
        let _ = catch_unwind(AssertUnwindSafe(leave));
    }
}
