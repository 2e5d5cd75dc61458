//! Events that put work: [`Scheduler::on`].
//!
//! # The watch
//!
//! A subscription is a work of the scheduler, which runs in turns (`polled.rs`) and waits
//! as a transaction does. Nobody polls for events, and no thread waits for them: the
//! forwarder's commit wakes it.
//!
//! 1. It waits, in a transaction, for the next events.
//! 2. To each it applies the filter, unwinding contained. A panic is told of
//!    ([`Event::FilterPanicked`], which no filter gets), and the event is passed over.
//! 3. For each that the filter lets through it puts a work that calls the handler.
//! 4. After so many events it goes to the back of the queue.
//!
//! As a transaction that waits, it goes on after a stop and the next start, and a drain for which
//! nothing else is left answers it. The drain forwards first, so that what the last works
//! have told is handled.
//!
//! # Bounds
//!
//! Handlers can be slower than events. Of what one subscription has put about
//! [`MOST`] works may be unfinished; then it waits for one of them to end, and what happens
//! meanwhile is kept for it, and overwritten in the end, as for any subscriber that does not read.
//! The works that are over are counted in a variable, by a [`Ticket`] that goes with the handler's work,
//! whatever becomes of that. It is read in the transaction only where the bound is
//! reached, so that the end of a handler wakes nobody otherwise.
//!
//! # No work for its own works
//!
//! A handler that is called when a work ends is itself a work that ends. So each work that is put
//! on behalf of a marked one is *marked* (`info.rs`), from the subscription itself on: the thread
//! that runs an item knows whether it is a marked one (`local.rs`), and events about marked
//! works are passed over. What a handler emits is not: that is how one handler
//! calls another.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use hivework_stm::facade::sync::Arc;
use hivework_stm::{TVar, after_transaction, atomically_async, check, in_transaction};

use super::{Event, Events};
use crate::home::Home;
use crate::polled::Polled;
use crate::polled::lobby::Kind;
use crate::scheduler::{Scheduler, put};
use crate::spawn::CancelOnDrop;
use crate::work::ends::Fresh;
use crate::work::state::Status;
use crate::work::unwind::{contain, drop_contained, message};
use crate::work::{Work, make_work};

/// How many events are looked at in one turn.
const BATCH: usize = 64;

/// How many works of one subscription may be unfinished, but for a batch.
const MOST: u64 = 1024;

/// What [`Scheduler::on`] made. Dropping it ends the subscription: no work is put for any
/// further event, and what was put runs.
#[must_use = "dropping it ends the subscription; `detach` lets it go on"]
pub struct Subscription(CancelOnDrop<()>);

impl Subscription {
    /// Lets it go on without this: for as long as the scheduler lives, or until a drain
    /// ends it.
    pub fn detach(self) {
        drop(self.0.detach());
    }

    /// Does it still put works? Not after a drain, nor when the scheduler is gone.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.0.status() != Status::Done
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("alive", &self.is_alive())
            .finish()
    }
}

impl Scheduler {
    /// Has a work put for every event from now on that the filter lets through: the work
    /// calls the handler with the event. So workers answer events, and nobody waits
    /// for them.
    ///
    /// ```
    /// use hivework::{Event, TVar, WorkError, atomically, check, make_scheduler, make_work};
    ///
    /// let scheduler = make_scheduler();
    /// let failures = TVar::new(Vec::new());
    /// let list = failures.clone();
    /// let subscription = scheduler.on(
    ///     |event| matches!(event, Event::WorkPanicked { .. }),
    ///     move |event| {
    ///         let Event::WorkPanicked { work, .. } = event else { return };
    ///         list.update(|mut list: Vec<String>| { list.push(work.to_string()); list });
    ///     },
    /// );
    /// scheduler.put_work(make_work(|| panic!("no paper")).name("printing"));
    /// atomically(|tx| check(!failures.read(tx)?.is_empty()));
    /// assert!(failures.load()[0].ends_with("(printing)"));
    /// drop(subscription);
    /// ```
    ///
    /// Each event is a work of its own, so handlers run side by side, and one that panics
    /// answers so and is told of as any work. The filter runs on workers, too, one event after the
    /// other, and should be quick; an event over which it panics is passed
    /// over, and [`Event::FilterPanicked`] says so.
    ///
    /// No event about a work that a handler puts, or that such a work puts in turn, comes
    /// to any filter: the handler of a work's end would be called for its own. Subscribers of
    /// [`events`](Scheduler::events) see them all. What a handler
    /// [emits](Scheduler::emit) does come.
    ///
    /// Where handlers are slower than events, the oldest events are lost in the end, as for any subscriber,
    /// and [`Event::Missed`] comes to the filter instead.
    ///
    /// The subscription counts as a work that waits, of the name `subscription`. A [`stop`](Scheduler::stop) interrupts
    /// it until the next start. A [`drain`](Scheduler::drain) ends it, once everything else is
    /// over, handlers included. A handler that owns a [`Scheduler`] keeps that alive
    /// for as long as the subscription is.
    ///
    /// # Panics
    ///
    /// Inside a transaction: subscribe before it.
    pub fn on<T, F, H>(&self, filter: F, handler: H) -> Subscription
    where
        F: Fn(&Event) -> bool + Send + 'static,
        H: Fn(Event) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        assert!(
            !in_transaction(),
            "on inside a transaction: subscribe before or after it"
        );
        let watch = Watch {
            events: Arc::new(self.events()),
            home: self.shared().home(),
            filter,
            handler: Arc::new(handler),
            put: 0,
            over: TVar::new(0),
            next: None,
        };
        let mut fresh = Fresh::of(|head| Polled::new(head, watch, Kind::Transaction));
        fresh.info_mut().set_name("subscription".into());
        // A filter that was slow once is no reason to hear of nothing any more.
        fresh.info_mut().set_cancel_on_overrun(false);
        fresh.info().mark();
        let handle = put::put_beside(self.shared(), Work::fresh(fresh));
        Subscription(handle.cancel_on_drop())
    }
}

type Next = Pin<Box<dyn Future<Output = Option<Vec<Event>>> + Send>>;

/// See the [module](self).
struct Watch<F, H> {
    events: Arc<Events>,
    home: Home,
    filter: F,
    handler: Arc<H>,
    /// How many works it has put.
    put: u64,
    /// How many of them are over.
    over: TVar<u64>,
    next: Option<Next>,
}

/// Nothing in it is pinned in place.
impl<F, H> Unpin for Watch<F, H> {}

impl<T, F, H> Future for Watch<F, H>
where
    F: Fn(&Event) -> bool + Send + 'static,
    H: Fn(Event) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let watch = self.get_mut();
        if watch.next.is_none() {
            watch.next = Some(watch.wait());
        }
        let Some(next) = &mut watch.next else {
            return Poll::Pending;
        };
        let Poll::Ready(events) = next.as_mut().poll(context) else {
            return Poll::Pending;
        };
        watch.next = None;
        let Some(events) = events else {
            return Poll::Ready(());
        };
        for event in events {
            watch.see(event);
        }
        // Step 4.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T, F, H> Watch<F, H>
where
    F: Fn(&Event) -> bool + Send + 'static,
    H: Fn(Event) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    /// Step 1.
    fn wait(&self) -> Next {
        let (events, over, put) = (Arc::clone(&self.events), self.over.clone(), self.put);
        let is_full = put - over.load() >= MOST;
        Box::pin(atomically_async(move |tx| {
            if is_full {
                check(put - over.read(tx)? < MOST)?;
            }
            events.receive_some(tx, BATCH)
        }))
    }

    /// Steps 2 and 3.
    fn see(&mut self, event: Event) {
        let is_ours = event.work().is_some_and(|work| work.marked);
        if is_ours || matches!(event, Event::FilterPanicked { .. }) {
            drop_contained(event);
            return;
        }
        match contain(|| (self.filter)(&event)) {
            Ok(true) => self.put(event),
            Ok(false) => drop_contained(event),
            Err(payload) => {
                let message = message(&*payload).into();
                drop_contained(payload);
                drop_contained(event);
                if let Some(shared) = self.home.shared() {
                    shared.announce(|| Some(Event::FilterPanicked { message }));
                }
            }
        }
    }

    fn put(&mut self, event: Event) {
        let Some(shared) = self.home.shared() else {
            return;
        };
        self.put += 1;
        let handler = Arc::clone(&self.handler);
        let ticket = Ticket(self.over.clone());
        let work = make_work(move || {
            let _ticket = ticket;
            handler(event)
        });
        drop(put::put(&shared, work));
    }
}

/// Counts a handler's work as over when it goes, run or not.
struct Ticket(TVar<u64>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let over = self.0.clone();
        after_transaction(move || over.update(|over| over + 1));
    }
}
