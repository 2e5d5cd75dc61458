//! What workers, supervisor and handles of one scheduler share.

use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicBool, Ordering, fence};
use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{TVar, after_transaction, in_transaction};

use crate::Scheduler;
use crate::books::{Books, Ending};
use crate::builder::Config;
use crate::crew::Crew;
use crate::event::forward::Forwarder;
use crate::event::hub::Hub;
use crate::fork::latents;
use crate::fork::peer::Peer;
use crate::gate::Gate;
use crate::handle::deep::Deep;
use crate::home::Home;
use crate::idle::{Idle, Notified};
use crate::injector::{Injector, Item};
use crate::local;
use crate::outlet;
use crate::polled::lobby::Lobby;
use crate::rooms::Rooms;
use crate::scheduler::Owner;
use crate::staff::Staff;
use crate::stop::changing::Changing;
use crate::stop::quiet::Quiet;
use crate::supervisor::Supervisor;
use crate::team::threads::Teams;
use crate::work::error::WorkError;
use crate::work::info::Info;
use crate::worker::away::{Around, Away};

/// See the [module](self).
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) gate: TVar<u8>,
    pub(crate) injector: Injector,
    pub(crate) idle: Idle,
    /// How many workers there are to be.
    pub(crate) staff: Staff,
    pub(crate) away: Away,
    /// Joins to be told of the end of the run.
    pub(crate) deep: Deep,
    pub(crate) crew: Crew,
    pub(crate) books: Books,
    pub(crate) hub: Arc<Hub>,
    pub(crate) forwarder: Forwarder,
    pub(crate) supervisor: Supervisor,
    /// Where items that were set aside can be found.
    pub(crate) lobby: Lobby<Item>,
    /// Where items that are held can be found.
    pub(crate) rooms: Rooms,
    /// Which threads teams may count on.
    pub(crate) teams: Teams,
    /// One start, stop or drain at a time.
    pub(crate) changing: Changing,
    /// A drain waits on it for the last work to end.
    pub(crate) quiet: Quiet,
    /// Tells the workers of the present run to end.
    halt: AtomicBool,
    /// The public handle, weakly: works reach their scheduler through it.
    pub(crate) owner: OnceLock<Weak<Owner>>,
    home: OnceLock<Home>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(home) = self.home.get() {
            home.leave();
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("name", &self.config.name)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(config: Config, injector: Injector) -> Self {
        Shared {
            gate: TVar::new(Gate::Closed.into()),
            idle: Idle::new(config.workers),
            staff: Staff::new(config.workers, config.plan),
            injector,
            away: Away::default(),
            deep: Deep::new(),
            crew: Crew::default(),
            books: Books::default(),
            hub: Arc::new(Hub::new()),
            forwarder: Forwarder::new(),
            supervisor: Supervisor::new(config.clock.now()),
            lobby: Lobby::new(),
            rooms: Rooms::default(),
            teams: Teams::new(config.plan.most(config.workers), config.max_spares),
            changing: Changing::new(),
            quiet: Quiet::new(),
            halt: AtomicBool::new(false),
            owner: OnceLock::new(),
            home: OnceLock::new(),
            config,
        }
    }

    /// Moves into its home. Comes before anything else.
    pub(crate) fn settle_down(self: &Arc<Self>) {
        let _ = self.home.set(Home::new(self));
    }

    /// The home that its items name.
    #[inline]
    pub(crate) fn home(&self) -> Home {
        match self.home.get() {
            Some(home) => *home,
            None => unreachable!("taken when the scheduler was made"),
        }
    }

    /// The public handle, unless the last of its clones is gone.
    pub(crate) fn scheduler(&self) -> Option<Scheduler> {
        let owner = self.owner.get()?.upgrade()?;
        Some(Scheduler { owner })
    }

    pub(crate) fn is_halting(&self) -> bool {
        // Ordering: Acquire; partner: the Release in `set_halt`. Where a sleeper
        // must not miss it, the fences of `Idle::park` and `Idle::wake_all` order it.
        self.halt.load(Ordering::Acquire)
    }

    pub(crate) fn set_halt(&self, halt: bool) {
        // Ordering: Release; partner: the Acquire in `is_halting`.
        self.halt.store(halt, Ordering::Release);
    }

    /// What time it is for this scheduler.
    pub(crate) fn now(&self) -> Instant {
        self.config.clock.now()
    }

    /// How many workers it is to have, spares not counted.
    pub(crate) fn workers(&self) -> usize {
        self.staff.target()
    }

    /// How many workers have to stay: as many as there are to be, or as teams need.
    pub(crate) fn workers_kept(&self) -> usize {
        self.workers().max(self.teams.least_workers())
    }

    /// Do teams need more workers than there are to be?
    pub(crate) fn lacks_workers(&self) -> bool {
        self.teams.least_workers() > self.workers()
    }

    /// Is there a worker that was kept for a team, or has yet to retire?
    pub(crate) fn has_surplus(&self) -> bool {
        let roster = self.crew.roster();
        roster.iter().any(|seat| seat.is_surplus(self.workers()))
    }

    /// Is there anything that a worker could take?
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.looks_empty() || self.crew.has_work()
    }

    /// How many items are set aside, waiting to be woken.
    pub(crate) fn waiting(&self) -> u64 {
        self.books.waiting()
    }

    /// How many items are live and need nobody to look after them: those that are set aside, and
    /// those whose time has not come.
    pub(crate) fn at_rest(&self) -> u64 {
        self.waiting() + self.supervisor.timers.asleep().0 as u64
    }

    /// What a drain waits for to be 0: how many works are live, as long as one of them
    /// does anything but wait, or there is a future among those that wait, or nothing that is a
    /// transaction or held. Those that the calling thread answers are left out: it is for their callbacks
    /// that it asks.
    pub(crate) fn unsettled(&self) -> u64 {
        let answered = local::count_of(self.home());
        let before = self.waiting() + answered;
        let live = self.books.live();
        // Where nothing was set aside or taken up in between, `live` was true at its moment.
        if live > 0 && live <= before && self.waiting() + answered == before && self.has_guests() {
            return 0;
        }
        live
    }

    /// Are there items that a drain answers if nothing else is left, and nothing that it waits
    /// for?
    fn has_guests(&self) -> bool {
        !self.lobby.has_futures() && (self.lobby.has_transactions() || self.rooms.has_waiting())
    }

    /// Something was published: sees to it that somebody takes it.
    pub(crate) fn notify(&self) {
        let notified = self.idle.notify(|| self.queued());
        if notified == Notified::Woken {
            // In the place of who is on its way: a long item must be seen (`supervisor.rs`).
            self.supervisor.stir();
        }
        self.follow_up(notified);
    }

    /// About how much lies where this thread publishes: in the injector, and in the deque of a
    /// worker.
    fn queued(&self) -> usize {
        let own = local::worker().filter(|worker| std::ptr::eq(&*worker.shared, self));
        self.injector.len_now() + own.map_or(0, |worker| worker.deque.len())
    }

    /// What remains to be done after a notification: who is away needs a
    /// stand-in. The supervisor is left to whoever works for a while, unless it may have to
    /// make more workers.
    #[inline]
    pub(crate) fn follow_up(&self, notified: Notified) {
        if notified == Notified::Nobody {
            if self.away.count() > 0 {
                self.away.call(self);
            }
            if self.staff.follows_load() {
                self.supervisor.stir();
            }
        }
        if !self.injector.is_local() {
            // What a transport carries arrives unannounced: somebody must look.
            //
            // Ordering: SeqCst fence between the count of what is put and the look
            // at `dozing`; partner: the heavy barrier in `Bell::doze`.
            fence(Ordering::SeqCst);
            self.supervisor.stir();
        }
    }

    /// Puts items back into the injector, whatever its capacity and whoever is
    /// let in, and sees to it that somebody takes them. Says how many it were.
    pub(crate) fn put_back(&self, items: impl Iterator<Item = Item>) -> usize {
        let mut count = 0;
        for item in items {
            self.injector.put_back(item);
            count += 1;
        }
        if count > 0 {
            self.notify();
        }
        count
    }

    /// Queues an item that was let in before and has been woken, from wherever that was.
    pub(crate) fn requeue(self: &Arc<Self>, item: Item) {
        if let Some(worker) = local::worker_of(self) {
            worker.deque.push(item);
            self.notify();
        } else if in_transaction() {
            let shared = Arc::clone(self);
            after_transaction(move || _ = shared.put_back(std::iter::once(item)));
        } else {
            self.put_back(std::iter::once(item));
        }
    }

    /// Counts an item that is settled, before its outcome is published.
    #[inline]
    pub(crate) fn work_settled(&self, info: &Info, ending: Ending, why: Option<&WorkError>) {
        if let Some(name) = info.books() {
            name.settle(ending);
        }
        self.settled_unnamed(info, ending, why);
    }

    /// As [`work_settled`](Shared::work_settled), but for the books of its name.
    #[inline]
    pub(crate) fn settled_unnamed(&self, info: &Info, ending: Ending, why: Option<&WorkError>) {
        match ending {
            // In the books of the thread that ran it.
            Ending::Finished => {}
            _ => self.books.settle(ending),
        }
        outlet::settled(info);
        self.tell_over(info, ending, why);
    }

    /// Counts an item as over, after its callbacks, on a thread that will not park. (That of a
    /// worker says so when it does.)
    pub(crate) fn work_ended_elsewhere(&self) {
        self.books.end();
        // Ordering: SeqCst fence between the end and the look at the flag;
        // partner: the fence in `Quiet::wait`.
        fence(Ordering::SeqCst);
        self.quiet.tell();
    }
}

impl latents::Around for Shared {
    fn announce(&self) {
        // Not `notify`: a half is no item.
        let notified = self.idle.notify(|| self.queued());
        self.follow_up(notified);
    }

    fn stir(&self) {
        self.supervisor.stir();
    }

    fn has_sleepers(&self) -> bool {
        self.idle.counts().1 > 0
    }

    fn is_dozing(&self) -> bool {
        self.supervisor.is_dozing()
    }

    fn peers(&self) -> Arc<[Arc<Peer>]> {
        self.crew.peers()
    }
}

impl Around for Shared {
    fn has_work(&self) -> bool {
        Shared::has_work(self)
    }

    fn ring(&self) {
        self.supervisor.ring();
    }

    fn notify(&self) {
        Shared::notify(self);
    }

    fn is_halting(&self) -> bool {
        Shared::is_halting(self)
    }

    fn tell_drain(&self) {
        self.quiet.tell();
    }
}
