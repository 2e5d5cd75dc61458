//! Who works here: the seats, the threads on them, and how a seat is filled.
//!
//! A *seat* is what others know of a worker: its number, its thieves' end, its
//! place to sleep, its books, its line to the supervisor. A thread takes a
//! seat when it is made and never changes it. The *roster* is the list of seats
//! that thieves go by, replaced as a whole when somebody comes or goes, with a
//! version that tells a worker when to fetch it anew.
//!
//! # A seat's life
//!
//! TAKEN (its thread has been asked for or runs) → LEFT (its thread ended as it
//! was told to), RETIRED (because fewer are wanted) or CRASHED (it ended otherwise). The thread itself writes the
//! last one as its last act and rings the supervisor. A worker that is still
//! starting is TAKEN, and so never mistaken for a dead one.

mod line;

use std::fmt;
use std::io;

use crossbeam_utils::CachePadded;
use hivework_stm::facade::atomic::{AtomicU8, AtomicUsize, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::facade::thread::{self, JoinHandle};
use stm_ports::ConnectError;

use crate::books::WorkerBooks;
use crate::broadcast::mailbox::Mailbox;
use crate::fork::latents::Seed;
use crate::fork::peer::Peer;
use crate::idle::Parker;
use crate::injector::Item;
use crate::shared::Shared;
use crate::supervisor::cpu_time::ThreadClock;
use crate::worker;
use crate::worker::current::Current;
use crate::worker::deque::{Deque, Stealer};
use line::Line;

const TAKEN: u8 = 0;
const LEFT: u8 = 1;
const CRASHED: u8 = 2;
const RETIRED: u8 = 3;

/// How a worker's thread ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Parting {
    /// With the run, or as a spare that was not needed.
    Left,
    /// Because fewer workers are wanted.
    Retired,
    /// Of this.
    Crashed(Arc<str>),
}

/// What others know of a worker.
pub(crate) struct Seat {
    pub(crate) number: usize,
    pub(crate) is_spare: bool,
    pub(crate) stealer: Stealer<Item>,
    pub(crate) parker: Arc<Parker>,
    /// What it forks, as others see it.
    pub(crate) peer: Arc<Peer>,
    pub(crate) books: Arc<CachePadded<WorkerBooks>>,
    /// What it runs.
    pub(crate) current: CachePadded<Current>,
    /// Its thread's processor time.
    pub(crate) clock: ThreadClock,
    pub(crate) mailbox: Arc<Mailbox>,
    /// By which its events get to the supervisor.
    pub(crate) line: Line,
    life: AtomicU8,
    reason: Mutex<Option<Arc<str>>>,
}

impl Seat {
    /// The thread's last act.
    pub(crate) fn leave(&self, parting: Parting) {
        let (life, reason) = match parting {
            Parting::Left => (LEFT, None),
            Parting::Retired => (RETIRED, None),
            Parting::Crashed(reason) => (CRASHED, Some(reason)),
        };
        *self.reason.lock() = reason;
        // Ordering: Release; partner: the Acquire in `has_ended`, whose caller
        // then takes over what the thread left.
        self.life.store(life, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `leave`.
        self.life.load(Ordering::Acquire) != TAKEN
    }

    /// How its thread ended, when it has.
    pub(crate) fn parting(&self) -> Parting {
        let reason = self.reason.lock().clone();
        // Ordering: as in `has_ended`.
        match (self.life.load(Ordering::Acquire), reason) {
            (CRASHED, Some(reason)) => Parting::Crashed(reason),
            (RETIRED, _) => Parting::Retired,
            _ => Parting::Left,
        }
    }

    /// Does its worker leave if there are to be so many?
    pub(crate) fn is_surplus(&self, workers: usize) -> bool {
        !self.is_spare && self.number >= workers
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("number", &self.number)
            .field("is_spare", &self.is_spare)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

/// A seat and the thread on it.
pub(crate) struct Member {
    pub(crate) seat: Arc<Seat>,
    pub(crate) thread: JoinHandle<()>,
}

/// Why a seat could not be filled.
#[derive(Debug)]
pub(crate) enum FillError {
    Spawn(io::Error),
    Connect(ConnectError),
    /// The transport panicked, and said so.
    Panic(String),
    /// The run ends.
    Halting,
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FillError::Spawn(error) => error.fmt(f),
            FillError::Connect(error) => error.fmt(f),
            FillError::Panic(said) => write!(f, "the transport panicked: {said}"),
            FillError::Halting => f.write_str("the scheduler stops"),
        }
    }
}

/// Those of every number that was ever wanted.
#[derive(Default)]
struct Mailboxes {
    boxes: Vec<Arc<Mailbox>>,
    /// Is there a run? A box that comes to be in one is open.
    open: bool,
}

/// The members.
#[derive(Default)]
pub(crate) struct Crew {
    members: Mutex<Vec<Member>>,
    mailboxes: Mutex<Mailboxes>,
    roster: Mutex<Arc<[Arc<Seat>]>>,
    /// Those whom the end of a run has taken out, who may still be at their last item.
    leaving: Mutex<Vec<Arc<Seat>>>,
    /// Threads of the program's own that have forked here.
    guests: Mutex<Vec<Arc<Peer>>>,
    /// All who fork, members and guests; replaced as a whole, as the roster.
    peers: Mutex<Arc<[Arc<Peer>]>>,
    version: AtomicUsize,
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew").finish_non_exhaustive()
    }
}

impl Crew {
    /// Fills the seat of this number with a new thread.
    pub(crate) fn fill(
        shared: &Arc<Shared>,
        number: usize,
        is_spare: bool,
    ) -> Result<(), FillError> {
        let crew = &shared.crew;
        let line = Line::connect(&*shared.config.transport)?;
        let deque = Deque::new();
        let seed = Seed::new(true);
        let seat = Arc::new(Seat {
            number,
            is_spare,
            stealer: deque.stealer(),
            parker: Arc::new(Parker::new()),
            peer: Arc::clone(seed.peer()),
            books: shared.books.of_worker(number, is_spare),
            current: CachePadded::new(Current::new(shared.now())),
            clock: ThreadClock::new(),
            mailbox: crew.mailbox_of(number),
            line,
            life: AtomicU8::new(TAKEN),
            reason: Mutex::new(None),
        });
        shared.forwarder.add(&seat);
        let mut builder = thread::Builder::new().name(format!("{}-{number}", shared.config.name));
        if let Some(bytes) = shared.config.stack_size {
            builder = builder.stack_size(bytes);
        }
        // Under the lock, so that whoever takes the members sees this one with its thread; and
        // who comes behind that sees the halt before it, and that the seat is not vacant.
        let mut members = crew.members.lock();
        if shared.is_halting() {
            drop(members);
            shared.forwarder.remove(&seat, &shared.hub);
            return Err(FillError::Halting);
        }
        seat.mailbox.seat(&seat.parker);
        let (ours, shared, taken) = (shared, Arc::clone(shared), Arc::clone(&seat));
        let thread = match builder.spawn(move || worker::main(shared, taken, deque, seed)) {
            Ok(thread) => thread,
            Err(error) => {
                seat.mailbox.vacate();
                drop(members);
                ours.forwarder.remove(&seat, &ours.hub);
                return Err(FillError::Spawn(error));
            }
        };
        members.push(Member { seat, thread });
        crew.publish(&members);
        Ok(())
    }

    /// A worker that has just begun waits until it is on the roster, and only then takes anything: what
    /// lies in its deque before could be seen by nobody, neither by who goes to sleep nor by its own last
    /// look when it ends its search, and would wait for as long as the item that it runs takes.
    pub(crate) fn wait_to_be_listed(&self) {
        // Who has made it has the lock until it is.
        drop(self.members.lock());
    }

    /// Replaces the roster by the list of those who are here.
    fn publish(&self, members: &[Member]) {
        let seats = members.iter().map(|member| Arc::clone(&member.seat));
        let seats: Arc<[_]> = seats.collect();
        let guests = self.guests.lock();
        *self.roster.lock() = Arc::clone(&seats);
        self.publish_peers(&seats, &guests);
        drop(guests);
        // Ordering: Release, after the roster is in place; partner: the Acquire
        // in `version`. Who reads the old version goes on with the old roster,
        // whose seats are as good as empty.
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The caller holds the lock of the guests, so that the lists follow one another.
    fn publish_peers(&self, seats: &[Arc<Seat>], guests: &[Arc<Peer>]) {
        let members = seats.iter().map(|seat| &seat.peer);
        let peers = members.chain(guests).map(Arc::clone).collect();
        *self.peers.lock() = peers;
    }

    /// A thread that is no worker begins to fork here.
    pub(crate) fn welcome(&self, guest: &Arc<Peer>) {
        self.change_guests(|guests| guests.push(Arc::clone(guest)));
    }

    /// It has ended.
    pub(crate) fn dismiss(&self, guest: &Arc<Peer>) {
        self.change_guests(|guests| guests.retain(|other| !Arc::ptr_eq(other, guest)));
    }

    fn change_guests(&self, change: impl FnOnce(&mut Vec<Arc<Peer>>)) {
        let mut guests = self.guests.lock();
        change(&mut guests);
        let seats = self.roster();
        self.publish_peers(&seats, &guests);
        // Ordering: as in `publish`.
        self.version.fetch_add(1, Ordering::Release);
    }

    /// All who fork.
    pub(crate) fn peers(&self) -> Arc<[Arc<Peer>]> {
        Arc::clone(&self.peers.lock())
    }

    pub(crate) fn version(&self) -> usize {
        // Ordering: Acquire; partner: the Release in `publish`.
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn roster(&self) -> Arc<[Arc<Seat>]> {
        Arc::clone(&self.roster.lock())
    }

    /// Those on the roster, and those who are leaving and have not ended.
    pub(crate) fn present(&self) -> Vec<Arc<Seat>> {
        // The roster first: who leaves it was listed as leaving before, and then is in both at most.
        let mut present = self.roster().to_vec();
        let leaving = self.leaving.lock();
        present.extend(leaving.iter().filter(|seat| !seat.has_ended()).cloned());
        present
    }

    /// Does any deque hold anything?
    pub(crate) fn has_work(&self) -> bool {
        let roster = self.roster();
        roster.iter().any(|seat| !seat.stealer.is_empty())
            || self.peers().iter().any(|peer| peer.has_work())
    }

    /// Takes out the members whose threads have ended.
    pub(crate) fn take_ended(&self) -> Vec<Member> {
        let mut members = self.members.lock();
        if !members.iter().any(|member| member.seat.has_ended()) {
            return Vec::new();
        }
        let (ended, rest) = std::mem::take(&mut *members)
            .into_iter()
            .partition(|member| member.seat.has_ended());
        *members = rest;
        self.publish(&members);
        ended
    }

    /// Is nobody here?
    pub(crate) fn is_empty(&self) -> bool {
        self.members.lock().is_empty()
    }

    /// Takes out everyone.
    pub(crate) fn take_all(&self) -> Vec<Member> {
        let mut members = self.members.lock();
        let all = std::mem::take(&mut *members);
        let mut leaving = self.leaving.lock();
        leaving.retain(|seat| !seat.has_ended());
        leaving.extend(all.iter().map(|member| Arc::clone(&member.seat)));
        drop(leaving);
        self.publish(&members);
        all
    }

    /// Which of the first `count` numbers nobody sits on, and on which others, though there is mail for them.
    pub(crate) fn vacancies(&self, count: usize) -> Vec<usize> {
        let members = self.members.lock();
        let is_free = |number: &usize| !members.iter().any(|member| member.seat.number == *number);
        let mut vacant: Vec<_> = (0..count).filter(is_free).collect();
        let beyond = {
            let mailboxes = self.mailboxes.lock();
            mailboxes.boxes.get(count..).unwrap_or_default().to_vec()
        };
        let beyond = (count..).zip(beyond);
        let with_mail = beyond.filter(|(number, mailbox)| mailbox.has_mail() && is_free(number));
        vacant.extend(with_mail.map(|(number, _)| number));
        vacant
    }

    /// Does a worker sit on one of the first `count` numbers?
    pub(crate) fn has_worker(&self, count: usize) -> bool {
        let members = self.members.lock();
        members.iter().any(|member| member.seat.number < count)
    }

    /// The lowest free number from `first` on, and how many sit from there on.
    pub(crate) fn free_number(&self, first: usize) -> (usize, usize) {
        let members = self.members.lock();
        let taken = |number| members.iter().any(|member| member.seat.number == number);
        let free = (first..).find(|number| !taken(*number)).unwrap_or(first);
        let beyond = members.iter().filter(|member| member.seat.number >= first);
        (free, beyond.count())
    }

    fn mailbox_of(&self, number: usize) -> Arc<Mailbox> {
        let mut mailboxes = self.mailboxes(number + 1);
        mailboxes.swap_remove(number)
    }

    /// Those of the first `count` numbers.
    pub(crate) fn mailboxes(&self, count: usize) -> Vec<Arc<Mailbox>> {
        let mut mailboxes = self.mailboxes.lock();
        while mailboxes.boxes.len() < count {
            let mailbox = Mailbox::default();
            if mailboxes.open {
                mailbox.open();
            }
            mailboxes.boxes.push(Arc::new(mailbox));
        }
        mailboxes.boxes[..count].to_vec()
    }

    /// A run begins.
    pub(crate) fn open_mail(&self) {
        let mut mailboxes = self.mailboxes.lock();
        mailboxes.open = true;
        mailboxes.boxes.iter().for_each(|mailbox| mailbox.open());
    }

    /// Nobody is here to read any mail.
    pub(crate) fn abandon_mail(&self) {
        let boxes = {
            let mut mailboxes = self.mailboxes.lock();
            mailboxes.open = false;
            mailboxes.boxes.clone()
        };
        for mailbox in boxes {
            mailbox.abandon();
        }
    }
}
