//! A track: what one thread has recorded and nobody has written yet, within a bound.
//!
//! The lock is the thread's own but for the moment in which the writer exchanges the list of
//! records for an empty one. No file is touched under it, and nothing is formatted.

use std::time::{Duration, Instant};

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread;
use hivework_stm::trace::How;

use crate::home::Home;
use crate::local;
use crate::shared::Shared;

/// Tracks of threads outside have numbers from here on, above those of all workers.
const OUTSIDE: u64 = 100_000;

/// Whose track it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Supervisor,
    Worker(usize),
    Outside(u64),
}

impl Role {
    /// Of the calling thread, which is not the supervisor.
    pub(super) fn of_thread(shared: &Shared) -> Role {
        match local::worker().filter(|worker| std::ptr::eq(&*worker.shared, shared)) {
            Some(worker) => Role::Worker(worker.seat.number),
            None => Role::Outside(local::thread_number()),
        }
    }

    /// The number of its track.
    fn number(self) -> u64 {
        match self {
            Role::Supervisor => 1,
            Role::Worker(number) => 2 + number as u64,
            Role::Outside(number) => OUTSIDE + number,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub(super) enum What {
    Work {
        id: u64,
        name: Option<Box<str>>,
        worker: Option<usize>,
        first: bool,
    },
    Put,
    Arrow {
        id: u64,
    },
    Half,
    Steal {
        from: Option<usize>,
    },
    Park,
    Blocked,
    Tick,
    Attempt(How),
}

/// What happened, when, and how long it took.
#[derive(Debug)]
pub(super) struct Record {
    /// Since the trace's zero.
    pub(super) at: Duration,
    pub(super) took: Duration,
    pub(super) what: What,
}

/// See the [module](self).
pub(super) struct Track {
    pub(super) home: Home,
    pub(super) number: u64,
    /// What the thread is called.
    pub(super) name: String,
    role: Role,
    zero: Instant,
    room: usize,
    held: Mutex<Held>,
}

struct Held {
    records: Vec<Record>,
    dropped: u64,
    /// Has a writer been told of it?
    told: bool,
    open: bool,
}

/// What a writer takes.
pub(super) struct Taken {
    /// What was dropped since the last time.
    pub(super) dropped: u64,
    /// Is it the first time?
    pub(super) is_new: bool,
}

impl Track {
    /// Of the calling thread.
    pub(super) fn new(home: Home, role: Role, zero: Instant, room: usize) -> Track {
        let thread = thread::current();
        let name = match thread.name() {
            Some(name) => name.to_owned(),
            None => format!("thread {}", local::thread_number()),
        };
        Track {
            home,
            number: role.number(),
            name,
            role,
            zero,
            room,
            held: Mutex::new(Held {
                records: Vec::new(),
                dropped: 0,
                told: false,
                open: true,
            }),
        }
    }

    /// Something that went on for a while.
    pub(super) fn bar(&self, begun: Instant, ended: Instant, what: What) {
        let at = begun.saturating_duration_since(self.zero);
        let until = ended.saturating_duration_since(self.zero);
        self.record(Record {
            at,
            took: until.saturating_sub(at),
            what,
        });
    }

    /// Something that happens now.
    pub(super) fn mark(&self, what: What) {
        let now = Instant::now();
        self.bar(now, now, what);
    }

    fn record(&self, record: Record) {
        let mut held = self.held.lock();
        if !held.open {
            return;
        }
        if held.records.len() >= self.room {
            held.dropped += 1;
            return;
        }
        held.records.push(record);
        let is_half_full = held.records.len() == self.room / 2 + 1;
        drop(held);
        if is_half_full {
            if let Some(shared) = self.home.shared() {
                shared.supervisor.ring();
            }
        }
    }

    /// Exchanges the records for an empty list.
    pub(super) fn take(&self, into: &mut Vec<Record>) -> Taken {
        let mut held = self.held.lock();
        std::mem::swap(&mut held.records, into);
        Taken {
            dropped: std::mem::take(&mut held.dropped),
            is_new: !std::mem::replace(&mut held.told, true),
        }
    }

    /// Is there anything that a supervisor which dozes has to write? Not what it records itself.
    pub(super) fn waits(&self) -> bool {
        self.role != Role::Supervisor && !self.held.lock().records.is_empty()
    }

    /// Is its thread gone, and everything written? Asked by the one whose list holds it.
    pub(super) fn is_left(self: &Arc<Self>) -> bool {
        // Nobody makes a second reference of the last one, which is the list's.
        Arc::strong_count(self) == 1 && self.held.lock().records.is_empty()
    }

    pub(super) fn is_open(&self) -> bool {
        self.held.lock().open
    }

    /// What is recorded from now on is not kept.
    pub(super) fn close(&self) {
        let mut held = self.held.lock();
        held.open = false;
        let records = std::mem::take(&mut held.records);
        drop(held);
        drop(records);
    }
}
