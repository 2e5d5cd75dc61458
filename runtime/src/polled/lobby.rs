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
    seats: Vec<Option<(G, Kind)>>,
    /// The seats that somebody has left.
    free: Vec<u32>,
    /// How many guests are transactions.
    transactions: usize,
    closed: bool,
}

/// What a guest waits as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Answered by a drain for which nothing else is left.
    Transaction,
    /// Waited for by a drain.
    Future,
}

/// Where a guest is.
#[derive(Debug)]
pub struct Place {
    hall: usize,
    seat: u32,
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
                seats: Vec::new(),
                free: Vec::new(),
                transactions: 0,
                closed: false,
            }))
        };
        Lobby {
            halls: std::array::from_fn(|_| hall()),
        }
    }

    /// Lets the guest with this number in, unless the lobby is closed.
    pub fn enter(&self, number: u64, guest: G, kind: Kind) -> Option<Place> {
        let hall = usize::try_from(number % HALLS as u64).unwrap_or(0);
        let mut inside = self.halls[hall].lock();
        if inside.closed {
            // Dropped after the lock: it may be the last of its item.
            drop(inside);
            return None;
        }
        inside.transactions += usize::from(kind == Kind::Transaction);
        let seat = if let Some(seat) = inside.free.pop() {
            inside.seats[seat as usize] = Some((guest, kind));
            seat
        } else {
            inside.seats.push(Some((guest, kind)));
            u32::try_from(inside.seats.len() - 1).expect("fewer than 2^32 items wait")
        };
        Some(Place { hall, seat })
    }

    /// The guest leaves.
    pub fn leave(&self, place: Place) {
        let Place { hall, seat } = place;
        let mut inside = self.halls[hall].lock();
        let left = inside.seats[seat as usize].take();
        if matches!(left, Some((_, Kind::Transaction))) {
            inside.transactions -= 1;
        }
        inside.free.push(seat);
        if inside.free.len() == inside.seats.len() {
            // So that a crowd that has gone leaves no more memory behind than it needs.
            inside.free = Vec::new();
            inside.seats = Vec::new();
        }
        drop(inside);
        drop(left);
    }

    /// Is there a transaction among the guests?
    pub fn has_transactions(&self) -> bool {
        self.halls.iter().any(|hall| hall.lock().transactions > 0)
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
            let guests: Vec<G> = {
                let mut inside = hall.lock();
                inside.closed |= close;
                let guests = inside.seats.iter().flatten();
                guests
                    .filter(|(_, kind)| wanted(*kind))
                    .map(|(guest, _)| guest.clone())
                    .collect()
            };
            // Past the lock: who is answered leaves.
            guests.into_iter().for_each(&answer);
        }
    }
}
