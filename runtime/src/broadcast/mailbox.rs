//! What is addressed to one worker, and to no other.
//!
//! # State
//!
//! A mailbox belongs to a worker's number, so that a worker that replaces a crashed one
//! finds what that one had not got to. Behind a lock: is it *open*, the mail, the place
//! where its worker sleeps, and a scope that its worker waits in and is to be called
//! from.
//!
//! # Steps
//!
//! Posting ([`post`](Mailbox::post)):
//! - P1 Lock. Closed: drop the mail, which says to who waits for it that it was not run.
//! - P2 Add the mail; unlock. P3 Call the worker: from the scope that it waits in, and by
//!   its parker (`idle.rs`), which wakes it if it sleeps, and it alone.
//!
//! A worker reads all there is when it begins, whenever it was called and is between
//! two items ([`read`](Mailbox::read)), and, where it waits in a broadcast of its own, there:
//! two that broadcast to each other would wait for ever.
//!
//! The box is opened when a seat is filled. A worker that ends as it was told to reads
//! until there is nothing and closes in the same step ([`close`](Mailbox::close));
//! what one leaves that crashed while the run ends is dropped when all are buried.
//!
//! # Why no mail is left unread
//!
//! Mail comes into an open box. The call is left after the mail, and a worker that takes
//! the call reads after it; a call that comes after that is taken the next time. A worker
//! does not sleep over a call: `idle.rs` says why. Its last look and the closing are one
//! step. Who crashes is replaced, and the replacement looks when it begins, or the run
//! ends, and the box is emptied.

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
    mail: VecDeque<Entrusted>,
    /// Where the worker sleeps, while the box is open.
    reader: Option<Arc<Parker>>,
    /// The scope of the broadcast that the worker waits in.
    waits: Option<Arc<Core>>,
}

impl Mailbox {
    /// For a new worker, which sleeps there.
    pub(crate) fn open(&self, reader: &Arc<Parker>) {
        let mut state = self.0.lock();
        state.reader = Some(Arc::clone(reader));
        state.waits = None;
    }

    /// P1 to P3.
    pub(super) fn post(&self, idle: &Idle, mail: Entrusted) {
        let mut state = self.0.lock();
        let Some(reader) = state.reader.clone() else {
            drop(state);
            drop(mail);
            return;
        };
        state.mail.push_back(mail);
        let waits = state.waits.take();
        drop(state);
        if let Some(core) = waits {
            core.jobs.call();
        }
        idle.call(&reader);
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

    /// Reads all there is and closes, on its worker's thread.
    pub(crate) fn close(&self) {
        loop {
            let mut state = self.0.lock();
            let Some(mail) = state.mail.pop_front() else {
                state.reader = None;
                return;
            };
            drop(state);
            mail.run();
        }
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
