//! What is addressed to one worker, and to no other.
//!
//! # State
//!
//! A mailbox belongs to a worker's number, so that a worker that replaces one that crashed
//! or retired finds what that one had not got to. Behind a lock: is it *open*, the mail, the place
//! where its worker sleeps, if it has one, and a scope that its worker waits in and is to be called
//! from.
//!
//! # Steps
//!
//! Posting ([`post`](Mailbox::post)):
//! - P1 Lock. Closed: drop the mail, which says to who waits for it that it was not run.
//! - P2 Add the mail; unlock. P3 Call the worker: from the scope that it waits in, and by
//!   its parker (`idle.rs`), which wakes it if it sleeps, and it alone. Nobody sits there: ring
//!   the supervisor, for which a seat with mail is vacant whatever its number.
//!
//! A worker reads all there is when it begins, whenever it was called and is between
//! two items ([`read`](Mailbox::read)), and, where it waits in a broadcast of its own, there:
//! two that broadcast to each other would wait for ever.
//!
//! All boxes are opened when a run begins, and those that come to be meanwhile are open at
//! once: whose seat is yet to be filled gets mail before its worker is there. A worker that ends with the run reads
//! until there is nothing and closes in the same step ([`close`](Mailbox::close)). One that
//! retires reads until there is nothing and leaves the box open ([`retire`](Mailbox::retire)), and
//! who buries a worker that crashed sees to it that nobody counts as sitting there
//! ([`vacate`](Mailbox::vacate)). What is there when all are buried and the run is over is dropped.
//!
//! # Why no mail is left unread
//!
//! Mail comes into an open box. The call is left after the mail, and a worker that takes
//! the call reads after it; a call that comes after that is taken the next time. A worker
//! does not sleep over a call: `idle.rs` says why. Its last look and the closing are one
//! step. Mail that comes after that of a worker that retires, or crashes, finds the seat without one,
//! or is found when the vacant seats are counted, which is later. So the seat is filled, and the
//! new worker looks when it begins, before it sees that its number is too high, if it is; or the run
//! ends, and the box is emptied.
//!
//! So a broadcast need not keep the number of workers from changing: each of those that there
//! were to be when it began has its turn.

use std::collections::VecDeque;
use std::fmt;

use hivework_stm::facade::sync::{Arc, Mutex};

use crate::idle::{Idle, Parker};
use crate::scope::core::Core;
use crate::scope::job::Entrusted;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<State>);

#[derive(Default)]
struct State {
    open: bool,
    mail: VecDeque<Entrusted>,
    /// Where the worker sleeps, while one sits there.
    reader: Option<Arc<Parker>>,
    /// The scope of the broadcast that the worker waits in.
    waits: Option<Arc<Core>>,
}

impl Mailbox {
    /// For a new run, or for a number that is new in one.
    pub(crate) fn open(&self) {
        self.0.lock().open = true;
    }

    /// For a new worker, which sleeps there.
    pub(crate) fn seat(&self, reader: &Arc<Parker>) {
        let mut state = self.0.lock();
        state.reader = Some(Arc::clone(reader));
        state.waits = None;
    }

    /// P1 to P3. False where nobody sits there to be called.
    #[must_use]
    pub(super) fn post(&self, idle: &Idle, mail: Entrusted) -> bool {
        let mut state = self.0.lock();
        if !state.open {
            drop(state);
            drop(mail);
            return true;
        }
        state.mail.push_back(mail);
        let (waits, reader) = (state.waits.take(), state.reader.clone());
        drop(state);
        if let Some(core) = waits {
            core.jobs.call();
        }
        let Some(reader) = reader else { return false };
        idle.call(&reader);
        true
    }

    /// Is there any?
    pub(crate) fn has_mail(&self) -> bool {
        !self.0.lock().mail.is_empty()
    }

    /// Reads all there is, on its worker's thread.
    pub(crate) fn read(&self) {
        while let Some(mail) = self.next() {
            mail.run();
        }
    }

    fn next(&self) -> Option<Entrusted> {
        self.0.lock().mail.pop_front()
    }

    /// Reads all there is, and has the scope called when more comes.
    pub(super) fn read_in(&self, core: &Arc<Core>) {
        loop {
            let mut state = self.0.lock();
            let Some(mail) = state.mail.pop_front() else {
                state.waits = Some(Arc::clone(core));
                return;
            };
            drop(state);
            mail.run();
        }
    }

    /// The worker waits in a scope no longer.
    pub(super) fn leave(&self) {
        let waits = self.0.lock().waits.take();
        drop(waits);
    }

    /// Reads all there is and closes, on its worker's thread, which ends with the run.
    pub(crate) fn close(&self) {
        self.read_until(|state| {
            state.open = false;
            state.reader = None;
        });
    }

    /// Reads all there is and leaves, on its worker's thread, which retires.
    pub(crate) fn retire(&self) {
        self.read_until(|state| state.reader = None);
    }

    /// Reads all there is, and does what comes then in the same step.
    fn read_until(&self, end: impl FnOnce(&mut State)) {
        loop {
            let mut state = self.0.lock();
            let Some(mail) = state.mail.pop_front() else {
                return end(&mut state);
            };
            drop(state);
            mail.run();
        }
    }

    /// Whoever sat there is gone, and may have left mail.
    pub(crate) fn vacate(&self) {
        let mut state = self.0.lock();
        state.reader = None;
        let waits = state.waits.take();
        drop(state);
        drop(waits);
    }

    /// Closes, and drops what is there unread: its worker is gone.
    pub(crate) fn abandon(&self) {
        let state = std::mem::take(&mut *self.0.lock());
        drop(state);
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}
