//! Tokens of a pipe that processes share, and the slots that they are here.
//!
//! # Protocol
//!
//! A token is in the pipe, or held by some process; a process may do as much at once as it holds
//! tokens. Ours are counted: those that are *ours* have been read from the pipe and are a slot each,
//! free or held. A process that `make` starts has one slot beside them, which was never a token: the
//! *implicit* one. So at all times
//!
//! > free + held = ours + implicit,  ours + implicit ≤ size.
//!
//! 1. Who finds no slot free says that one is *wanted*. If it leaves word, that is written with it;
//!    if it is going to retry, which would undo it, once the attempt is over.
//! 2. The [keeper](super::keeper) sees what is wanted and has a token read from the pipe, by a thread of the
//!    crate's that can be interrupted. One at a time: *asked*.
//! 3. A token that has come becomes ours, and free, if one is still wanted; then none is wanted any more. Who
//!    finds none free again says so again. If none is wanted, it goes back.
//! 4. A slot that is given becomes free if one is wanted. Otherwise, if any is ours, one is ours no
//!    more, and once the transaction has committed a token goes into the pipe. If none is, it is the implicit
//!    one, and is free.
//! 5. What is free and ours for [a while](super::keeper) goes back: whoever wanted it has gone.
//!
//! **No wake-up is lost.** Whoever waits has read that none is free, and has said that one is wanted after
//! that. That is unsaid only in steps that make one free, which wakes it, or that find one free, which
//! it has not read. And while one is wanted, one is asked for, or as many are here as may be.
//!
//! **Which token is written back** does not matter, but each byte that was read is written once: `make`
//! wants the same ones. They lie in a list beside the variables, at least as many as are ours.
//!
//! **If the pipe fails** nothing is asked for any more, and who has none gets an implicit slot: work
//! goes on, one at a time.
//!
//! **Nothing leaks.** What is held comes home by its `Drop`. When the last handle goes, the keeper ends
//! the reader, and all that has come goes back.

use std::time::Duration;

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread::JoinHandle;
use hivework_stm::{
    StmResult, TVar, Transaction, after_transaction, atomically, atomically_timeout, check, retry,
};
use jobserver::{Acquired, Client};

use super::JobserverError;
use super::keeper::Keeper;
use crate::slots::level::Level;

/// How long somebody who does not wait waits for the reader, where there is a token in the pipe.
const FETCH: Duration = Duration::from_millis(100);

/// What is known of the pool here.
pub(super) struct Ledger {
    pub(super) client: Client,
    pub(super) size: usize,
    /// What is free.
    pub(super) level: Level,
    pub(super) ours: TVar<usize>,
    pub(super) implicit: TVar<usize>,
    pub(super) wanted: TVar<bool>,
    pub(super) asked: TVar<bool>,
    /// How many have been read and are not ours yet.
    pub(super) came: TVar<usize>,
    /// The pipe has failed.
    pub(super) failed: TVar<bool>,
    /// The last handle is gone.
    pub(super) closed: TVar<bool>,
    pub(super) recount: TVar<Recount>,
    /// Those that came, those that are ours, and those on their way back.
    pub(super) tokens: Mutex<Vec<Acquired>>,
}

/// Whether somebody has asked for lost tokens to be made up for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Recount {
    No,
    Asked,
    /// So many were lost, or so many are held.
    Done(Result<usize, usize>),
}

/// A pool that we draw from.
pub(in crate::slots) struct Pool {
    ledger: Arc<Ledger>,
    keeper: Option<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn open(
        client: Client,
        size: usize,
        implicit: usize,
    ) -> Result<Pool, JobserverError> {
        let ledger = Arc::new(Ledger {
            client,
            size,
            level: Level::new(implicit),
            ours: TVar::new(0),
            implicit: TVar::new(implicit),
            wanted: TVar::new(false),
            asked: TVar::new(false),
            came: TVar::new(0),
            failed: TVar::new(false),
            closed: TVar::new(false),
            recount: TVar::new(Recount::No),
            tokens: Mutex::new(Vec::new()),
        });
        let keeper = Keeper::start(Arc::clone(&ledger)).map_err(JobserverError::System)?;
        Ok(Pool {
            ledger,
            keeper: Some(keeper),
        })
    }

    pub(super) fn level(&self) -> &Level {
        &self.ledger.level
    }

    pub(super) fn client(&self) -> &Client {
        &self.ledger.client
    }

    /// Step 1, of who is going to retry.
    pub(in crate::slots) fn want(&self, tx: &mut Transaction<'_>) {
        let wanted = self.ledger.wanted.clone();
        tx.on_abort(move || say(&wanted));
    }

    /// Step 1, of who leaves word.
    pub(in crate::slots) fn want_in(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.ledger.wanted.write(tx, true)
    }

    /// Step 4; says whether it goes back.
    pub(in crate::slots) fn takes_back(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        let Ledger { ours, wanted, .. } = &*self.ledger;
        let before = ours.read(tx)?;
        if before == 0 {
            return Ok(false);
        }
        if wanted.read(tx)? {
            wanted.write(tx, false)?;
            return Ok(false);
        }
        ours.write(tx, before - 1)?;
        let ledger = Arc::clone(&self.ledger);
        tx.on_commit(move || ledger.put_back(1));
        Ok(true)
    }

    /// For somebody who does not wait: has one read, if there is one.
    pub(in crate::slots) fn fetch(&self) -> bool {
        let Ledger { client, level, .. } = &*self.ledger;
        if self.ledger.is_full() || !client.available().is_ok_and(|tokens| tokens > 0) {
            return false;
        }
        say(&self.ledger.wanted);
        let free = |tx: &mut Transaction<'_>| check(level.free(tx)? > 0);
        atomically_timeout(FETCH, free).is_some()
    }

    /// Has the keeper make up for what was lost.
    pub(super) fn recover(&self) -> Result<usize, JobserverError> {
        let recount = &self.ledger.recount;
        if self.ledger.implicit.load() > 0 {
            return Err(JobserverError::NotShared);
        }
        atomically(|tx| {
            check(recount.read(tx)? == Recount::No)?;
            recount.write(tx, Recount::Asked)
        });
        let found = atomically(|tx| match recount.read(tx)? {
            Recount::Done(found) => recount.write(tx, Recount::No).map(|()| found),
            Recount::No | Recount::Asked => retry(),
        });
        found.map_err(JobserverError::Held)
    }
}

/// One is wanted. Who finds that said already leaves the variable alone: to unsay it, some step after that
/// makes one free, or finds one free.
fn say(wanted: &TVar<bool>) {
    if !wanted.load() {
        wanted.store(true);
    }
}

impl Ledger {
    fn is_full(&self) -> bool {
        self.ours.load() + self.implicit.load() >= self.size
    }

    /// Writes so many of the tokens back; fewer where they have been written already.
    pub(super) fn put_back(&self, count: usize) {
        // In the lock, so that whoever counts what is in the pipe counts it here or there.
        let mut tokens = self.tokens.lock();
        let keep = tokens.len().saturating_sub(count);
        tokens.truncate(keep);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let (closed, keeper) = (self.ledger.closed.clone(), self.keeper.take());
        after_transaction(move || {
            closed.store(true);
            if let Some(keeper) = keeper {
                Keeper::see_off(keeper);
            }
        });
    }
}
