//! Where items that were put aside can be found: by a drain, and when the last handle
//! of their scheduler goes.
//!
//! An item that waits lies in no queue. What it waits for holds its waker, and with it
//! the item; but that is anywhere in the program, and may forget it. So an item enters
//! the lobby before it is first put aside, and stays there until it is over, whatever
//! it does meanwhile: waiting and being woken cost the lobby nothing.
//!
//! The lobby is some *halls*, each behind a lock, an item's given by its number. Once
//! the lobby is closed nobody is let in any more. A hall is closed under its lock: an
//! item is either in it then, and answered by who closes it, or comes later and is
//! turned away, and answers itself.

use crossbeam_utils::CachePadded;
use hivework_stm::facade::MODELLED;
use hivework_stm::facade::sync::Mutex;

/// One in a model: what is modelled is one hall.
const HALLS: usize = if MODELLED { 1 } else { 16 };

/// See the [module](self).
#[derive(Debug)]
pub struct Lobby<G> {
    halls: [CachePadded<Mutex<Hall<G>>>; HALLS],
}

#[derive(Debug)]
struct Hall<G> {
    chairs: Vec<Option<(G, Kind)>>,
    /// The chairs that somebody has left.
    free: Vec<u32>,
    /// How many items are transactions.
    transactions: usize,
    /// How many items are futures.
    futures: usize,
    closed: bool,
}

/// What an item waits as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Answered by a drain for which nothing else is left.
    Transaction,
    /// Waited for by a drain, which answers no transaction as long as there is one.
    Future,
    /// Found in the timers by a drain.
    Periodic,
    /// Found in its room by a drain (`rooms.rs`).
    Held,
}

/// Where an item is.
#[derive(Debug)]
pub struct Place {
    hall: usize,
    chair: u32,
}

impl<G: Clone> Default for Lobby<G> {
    fn default() -> Self {
        Lobby::new()
    }
}

impl<G: Clone> Lobby<G> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let hall = || {
            CachePadded::new(Mutex::new(Hall {
                chairs: Vec::new(),
                free: Vec::new(),
                transactions: 0,
                futures: 0,
                closed: false,
            }))
        };
        Lobby {
            halls: std::array::from_fn(|_| hall()),
        }
    }

    /// Lets the item with this number in, unless the lobby is closed.
    pub fn enter(&self, number: u64, item: G, kind: Kind) -> Option<Place> {
        let hall = usize::try_from(number % HALLS as u64).unwrap_or(0);
        let mut inside = self.halls[hall].lock();
        if inside.closed {
            // Dropped after the lock: it may be the last of its item.
            drop(inside);
            return None;
        }
        inside.transactions += usize::from(kind == Kind::Transaction);
        inside.futures += usize::from(kind == Kind::Future);
        let chair = if let Some(chair) = inside.free.pop() {
            inside.chairs[chair as usize] = Some((item, kind));
            chair
        } else {
            inside.chairs.push(Some((item, kind)));
            u32::try_from(inside.chairs.len() - 1).expect("fewer than 2^32 items wait")
        };
        Some(Place { hall, chair })
    }

    /// The item leaves.
    pub fn leave(&self, place: Place) {
        let Place { hall, chair } = place;
        let mut inside = self.halls[hall].lock();
        let left = inside.chairs[chair as usize].take();
        match left {
            Some((_, Kind::Transaction)) => inside.transactions -= 1,
            Some((_, Kind::Future)) => inside.futures -= 1,
            Some((_, Kind::Periodic | Kind::Held)) | None => {}
        }
        inside.free.push(chair);
        if inside.free.len() == inside.chairs.len() {
            // So that a crowd that has gone leaves no more memory behind than it needs.
            inside.free = Vec::new();
            inside.chairs = Vec::new();
        }
        drop(inside);
        drop(left);
    }

    /// Is there a transaction among the items?
    pub fn has_transactions(&self) -> bool {
        self.halls.iter().any(|hall| hall.lock().transactions > 0)
    }

    /// Is there a future among the items?
    pub fn has_futures(&self) -> bool {
        self.halls.iter().any(|hall| hall.lock().futures > 0)
    }

    /// Calls `answer` with all who are there that wait as `kind`.
    pub fn each(&self, kind: Kind, answer: impl Fn(G)) {
        self.visit(false, |of| of == kind, answer);
    }

    /// Lets nobody in any more, and calls `answer` with all who are there.
    pub fn close(&self, answer: impl Fn(G)) {
        self.visit(true, |_| true, answer);
    }

    fn visit(&self, close: bool, wanted: impl Fn(Kind) -> bool, answer: impl Fn(G)) {
        for hall in &self.halls {
            let items: Vec<G> = {
                let mut inside = hall.lock();
                inside.closed |= close;
                let items = inside.chairs.iter().flatten();
                items
                    .filter(|(_, kind)| wanted(*kind))
                    .map(|(item, _)| item.clone())
                    .collect()
            };
            // Past the lock: who is answered leaves.
            items.into_iter().for_each(&answer);
        }
    }
}
