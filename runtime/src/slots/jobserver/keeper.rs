//! The thread that sees to a pool.
//!
//! # Protocol
//!
//! It waits in one transaction for whatever is to be done next, does it, and waits again; what cannot be
//! rolled back it does between two. So nothing of it is ever half done, and nothing is looked at twice in
//! vain: it sleeps while nothing changes.
//!
//! Beside it the *reader*, of the crate's, blocks in the pipe and does nothing but count what came.
//! What a token sets off, drawers that put work say, happens here: so the reader never
//! waits for anybody but the pipe, and can be ended by the keeper alone, which joins it.
//!
//! **The end.** The last handle says so and waits for the keeper, which ends the reader first. If it was
//! the keeper itself that dropped the last handle, in what a token set off, it only goes on to its end.

use std::io;
use std::time::Duration;

use hivework_stm::facade::sync::Arc;
use hivework_stm::facade::thread::{Builder, JoinHandle, current};
use hivework_stm::{StmResult, Transaction, atomically, atomically_timeout, check, retry};
use jobserver::{Acquired, HelperThread};

use super::pool::{Ledger, Recount};

/// How long what is free is kept for whoever wanted it.
const LINGER: Duration = Duration::from_millis(10);

/// What is to be done outside of transactions.
enum Next {
    End,
    /// Have a token read.
    Ask,
    /// So many tokens go back.
    PutBack(usize),
    /// Something is free that may go back.
    Linger,
    Recount,
    /// Nothing: it was done in the transaction.
    Done,
}

pub(super) struct Keeper {
    ledger: Arc<Ledger>,
    /// None: it could not be started again.
    reader: Option<HelperThread>,
}

impl Keeper {
    pub(super) fn start(ledger: Arc<Ledger>) -> io::Result<JoinHandle<()>> {
        let reader = read(&ledger)?;
        let mut keeper = Keeper {
            ledger,
            reader: Some(reader),
        };
        Builder::new()
            .name("hivework-slots".into())
            .spawn(move || keeper.keep())
    }

    /// Waits for it, but not for itself.
    pub(super) fn see_off(keeper: JoinHandle<()>) {
        if keeper.thread().id() != current().id() {
            let _ = keeper.join();
        }
    }

    fn keep(&mut self) {
        loop {
            match atomically(|tx| self.ledger.next(tx)) {
                Next::End => break,
                Next::Ask => match &self.reader {
                    Some(reader) => reader.request_token(),
                    None => self.ledger.failed.store(true),
                },
                Next::PutBack(count) => self.ledger.put_back(count),
                Next::Linger => self.ledger.linger(),
                Next::Recount => self.recount(),
                Next::Done => {}
            }
        }
        self.reader = None;
        self.ledger.put_back(usize::MAX);
    }

    /// Brings what is in the pipe to what must be there, while none is ours. The reader is ended
    /// meanwhile, or it could have one in its hands.
    fn recount(&mut self) {
        self.reader = None;
        self.ledger.clear_out();
        let ours = self.ledger.ours.load();
        let found = if ours == 0 {
            Ok(self.ledger.refill())
        } else {
            Err(ours)
        };
        self.reader = read(&self.ledger).ok();
        atomically(|tx| {
            let ledger = &self.ledger;
            ledger.asked.write(tx, false)?;
            ledger.recount.write(tx, Recount::Done(found))
        });
    }
}

/// Starts the reader.
fn read(ledger: &Arc<Ledger>) -> io::Result<HelperThread> {
    let theirs = Arc::clone(ledger);
    let reader = move |token: io::Result<Acquired>| match token {
        Ok(token) => {
            theirs.tokens.lock().push(token);
            theirs.came.update(|came| came + 1);
        }
        Err(_) => theirs.failed.store(true),
    };
    ledger.client.clone().into_helper_thread(reader)
}

impl Ledger {
    /// What is to be done next, or a retry.
    fn next(&self, tx: &mut Transaction<'_>) -> StmResult<Next> {
        if self.closed.read(tx)? {
            return Ok(Next::End);
        }
        if self.recount.read(tx)? == Recount::Asked {
            return Ok(Next::Recount);
        }
        let (ours, wanted) = (self.ours.read(tx)?, self.wanted.read(tx)?);
        let free = self.level.free(tx)?;
        let came = self.came.read(tx)?;
        if came > 0 {
            self.came.write(tx, came - 1)?;
            self.asked.write(tx, false)?;
            if !wanted {
                return Ok(Next::PutBack(1));
            }
            self.wanted.write(tx, false)?;
            self.ours.write(tx, ours + 1)?;
            self.level.give(tx)?;
            return Ok(Next::Done);
        }
        if wanted && free > 0 {
            self.wanted.write(tx, false)?;
            return Ok(Next::Done);
        }
        let implicit = self.implicit.read(tx)?;
        if self.failed.read(tx)? {
            if ours + implicit == 0 {
                self.implicit.write(tx, 1)?;
                self.level.give(tx)?;
                return Ok(Next::Done);
            }
        } else if wanted && ours + implicit < self.size && !self.asked.read(tx)? {
            self.asked.write(tx, true)?;
            return Ok(Next::Ask);
        }
        if free > 0 && ours > 0 {
            return Ok(Next::Linger);
        }
        retry()
    }

    /// Step 5 of the [pool](super::pool).
    fn linger(&self) {
        let changed = atomically_timeout(LINGER, |tx| {
            let taken = self.level.free(tx)? == 0 || self.ours.read(tx)? == 0;
            let busy = self.closed.read(tx)? || self.wanted.read(tx)? || self.came.read(tx)? > 0;
            check(taken || busy || self.recount.read(tx)? == Recount::Asked)
        });
        if changed.is_none() {
            self.clear_out();
        }
    }

    /// What is free and ours goes back.
    fn clear_out(&self) {
        let back = atomically(|tx| {
            let ours = self.ours.read(tx)?;
            let mut back = 0;
            while back < ours && self.level.take(tx)? {
                back += 1;
            }
            self.ours.write(tx, ours - back)?;
            Ok(back)
        });
        self.put_back(back);
    }

    /// With the reader ended and nothing ours: all that came goes back, and then what is missing
    /// is written, or what is too much is read. Answers how many were missing.
    fn refill(&self) -> usize {
        self.came.store(0);
        let mut tokens = self.tokens.lock();
        tokens.clear();
        let Ok(there) = self.client.available() else {
            return 0;
        };
        for _ in there..self.size {
            // A pipe that takes no token is one that fails the reader as well.
            let _ = self.client.release_raw();
        }
        for _ in self.size..there {
            let _ = self.client.acquire_raw();
        }
        self.size.saturating_sub(there)
    }
}
