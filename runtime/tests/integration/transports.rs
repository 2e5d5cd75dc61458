use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use hivework::{
    BoundedTransport, Channel, ChannelId, ConnectError, Disconnected, Event, EventMessage,
    LocalTransport, Port, PortId, Scheduler, StartError, StmResult, Transaction, Transport,
    TryPutError, WorkError, WorkMessage, atomically, blocking,
};

use crate::delaying::DelayingTransport;
use crate::support::{BOUND, eventually, join, latch, receive};

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();

/// A channel that does not let anybody see its queues, as one would that goes
/// over a wire.
#[derive(Debug)]
struct Opaque<M>(Box<dyn Channel<M>>);

impl<M: std::fmt::Debug> Channel<M> for Opaque<M> {
    fn id(&self) -> ChannelId {
        self.0.id()
    }

    fn connect_in(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<Box<dyn Port<M>>, ConnectError>> {
        self.0.connect_in(tx)
    }

    fn reconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<M>,
    ) -> StmResult<Result<(), ConnectError>> {
        self.0.reconnect_in(tx, port)
    }

    fn disconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<M>,
    ) -> StmResult<Result<(), ConnectError>> {
        self.0.disconnect_in(tx, port)
    }
}

#[derive(Debug)]
struct OpaqueTransport;

impl Transport for OpaqueTransport {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        Box::new(Opaque(LocalTransport.work_channel()))
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        Box::new(Opaque(LocalTransport.event_channel()))
    }
}

/// A transport whose event channels, from the second on, are taken already.
#[derive(Debug, Default)]
struct Stingy {
    channels: AtomicUsize,
    /// Who holds the ends.
    others: Mutex<Vec<Box<dyn Port<EventMessage>>>>,
}

impl Transport for Stingy {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        LocalTransport.work_channel()
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        let channel = LocalTransport.event_channel();
        if self.channels.fetch_add(1, Ordering::SeqCst) >= 1 {
            let ends = [channel.connect().unwrap(), channel.connect().unwrap()];
            self.others.lock().unwrap().extend(ends);
        }
        channel
    }
}

#[test]
fn everything_works_through_a_transport_that_shows_no_queues() {
    let scheduler = Scheduler::builder()
        .workers(2)
        .queue_capacity(10)
        .transport(OpaqueTransport)
        .start()
        .unwrap();
    let events = scheduler.events();
    let sum = Arc::new(AtomicUsize::new(0));
    let works: Vec<_> = (0..1000)
        .map(|n| {
            let sum = Arc::clone(&sum);
            scheduler.put_work(move || sum.fetch_add(n, Ordering::SeqCst))
        })
        .collect();
    let in_transaction = atomically(|tx| scheduler.put_work_in(tx, || 7));
    assert_eq!(join(in_transaction).unwrap(), 7);
    for work in works {
        join(work).unwrap();
    }
    assert_eq!(sum.load(Ordering::SeqCst), 499_500);
    let mut finished = 0;
    while finished < 1001 {
        if let Event::WorkFinished(_) = events.next_timeout(BOUND).expect("never told") {
            finished += 1;
        }
    }
    scheduler.drain(BOUND).unwrap();
    let left = scheduler.put_work(|| ());
    drop(scheduler);
    assert!(matches!(join(left), Err(WorkError::Stopped)));
}

#[test]
fn a_transport_that_connects_not_every_worker_is_an_error_of_the_start() {
    let scheduler = Scheduler::builder()
        .workers(2)
        .transport(Stingy::default())
        .build()
        .unwrap();
    let error = scheduler.start().unwrap_err();
    assert!(error.to_string().contains("transport"), "{error}");
    assert!(!scheduler.is_running());
}

/// What a [`Fused`] port does next.
const WORK: usize = 0;
const PANIC_ON_SEND: usize = 1;
const PANIC_ON_RECEIVE: usize = 2;
const PANIC_ON_LOOK: usize = 3;

/// Work channels whose ports panic, once, when they are told to.
#[derive(Debug, Clone)]
struct Fused(Arc<AtomicUsize>);

#[derive(Debug)]
struct FusedChannel(Box<dyn Channel<WorkMessage>>, Fused);

#[derive(Debug)]
struct FusedPort(Box<dyn Port<WorkMessage>>, Fused);

impl Fused {
    fn blow(&self, at: usize) {
        let blown = self
            .0
            .compare_exchange(at, WORK, Ordering::SeqCst, Ordering::SeqCst);
        assert!(blown.is_err(), "the transport panics");
    }
}

impl Transport for Fused {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        Box::new(FusedChannel(LocalTransport.work_channel(), self.clone()))
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        LocalTransport.event_channel()
    }
}

impl Channel<WorkMessage> for FusedChannel {
    fn id(&self) -> ChannelId {
        self.0.id()
    }

    fn connect_in(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<Box<dyn Port<WorkMessage>>, ConnectError>> {
        let port = self.0.connect_in(tx)?;
        Ok(port.map(|port| Box::new(FusedPort(port, self.1.clone())) as Box<_>))
    }

    fn reconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<WorkMessage>,
    ) -> StmResult<Result<(), ConnectError>> {
        self.0.reconnect_in(tx, port)
    }

    fn disconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<WorkMessage>,
    ) -> StmResult<Result<(), ConnectError>> {
        self.0.disconnect_in(tx, port)
    }
}

impl Port<WorkMessage> for FusedPort {
    fn id(&self) -> PortId {
        self.0.id()
    }

    fn channel(&self) -> ChannelId {
        self.0.channel()
    }

    fn send(
        &self,
        tx: &mut Transaction<'_>,
        message: WorkMessage,
    ) -> StmResult<Result<(), Disconnected>> {
        self.0.send(tx, message)
    }

    fn try_send(
        &self,
        tx: &mut Transaction<'_>,
        message: WorkMessage,
    ) -> StmResult<Result<Option<WorkMessage>, Disconnected>> {
        self.1.blow(PANIC_ON_SEND);
        self.0.try_send(tx, message)
    }

    fn receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<WorkMessage, Disconnected>> {
        self.0.receive(tx)
    }

    fn try_receive(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<Option<WorkMessage>, Disconnected>> {
        self.1.blow(PANIC_ON_LOOK);
        self.0.try_receive(tx)
    }

    fn receive_batch(
        &self,
        tx: &mut Transaction<'_>,
        max: usize,
    ) -> StmResult<Result<Vec<WorkMessage>, Disconnected>> {
        self.1.blow(PANIC_ON_RECEIVE);
        self.0.receive_batch(tx, max)
    }

    fn is_connected(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.is_connected(tx)
    }
}

#[test]
fn a_transport_that_panics_on_a_put_leaves_nothing_live() {
    let fuse = Fused(Arc::new(AtomicUsize::new(PANIC_ON_SEND)));
    let scheduler = Scheduler::builder()
        .workers(1)
        .transport(fuse.clone())
        .start()
        .unwrap();
    let put = std::panic::AssertUnwindSafe(|| scheduler.put_work(|| 1));
    assert!(std::panic::catch_unwind(put).is_err());
    assert_eq!(join(scheduler.put_work(|| 2)).unwrap(), 2);
    scheduler.drain(BOUND).unwrap();
    assert_eq!(scheduler.stats().lost, 1);
}

#[test]
fn a_worker_that_a_transport_kills_is_replaced() {
    let fuse = Fused(Arc::new(AtomicUsize::new(WORK)));
    let scheduler = Scheduler::builder()
        .workers(2)
        .transport(fuse.clone())
        .start()
        .unwrap();
    for n in 0..20 {
        fuse.0.store(PANIC_ON_RECEIVE, Ordering::SeqCst);
        assert_eq!(join(scheduler.put_work(move || n)).unwrap(), n);
    }
    assert!(scheduler.stats().crashed_workers > 0);
    scheduler.drain(BOUND).unwrap();
}

/// The look comes from a worker that goes to sleep, from one that waits for a half that
/// somebody else runs, from the supervisor: nobody loses what he has in hand.
#[test]
fn a_transport_that_panics_when_it_is_looked_at_harms_nobody() {
    let fuse = Fused(Arc::new(AtomicUsize::new(WORK)));
    let scheduler = Scheduler::builder()
        .workers(2)
        .transport(fuse.clone())
        .start()
        .unwrap();
    for n in 0..20 {
        fuse.0.store(PANIC_ON_LOOK, Ordering::SeqCst);
        assert_eq!(join(scheduler.put_work(move || n)).unwrap(), n);
        let (inside, theirs, fuse) = (scheduler.clone(), fuse.clone(), fuse.clone());
        let halves = scheduler.put_work(move || {
            let (began, has_begun) = latch();
            let (armed, is_armed) = latch();
            inside.join(
                || {
                    receive(&has_begun);
                    fuse.0.store(PANIC_ON_LOOK, Ordering::SeqCst);
                    armed.send(()).unwrap();
                    n
                },
                move || {
                    began.send(()).unwrap();
                    receive(&is_armed);
                    eventually("a panic", || theirs.0.load(Ordering::SeqCst) == WORK);
                    n
                },
            )
        });
        assert_eq!(join(halves).unwrap(), (n, n));
    }
    assert_eq!(scheduler.stats().crashed_workers, 0);
    scheduler.drain(BOUND).unwrap();
}

#[test]
fn a_put_waits_for_room_in_a_bounded_transport() {
    let scheduler = Scheduler::builder()
        .workers(1)
        .transport(BoundedTransport::new(ONE))
        .start()
        .unwrap();
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let running = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    receive(&begins);
    let queued = scheduler.put_work(|| 1);
    let Err(TryPutError::Full(back)) = scheduler.try_put_work(|| 2) else {
        panic!("there is room for one");
    };
    let putter = {
        let scheduler = scheduler.clone();
        thread::spawn(move || join(scheduler.put_work(back)))
    };
    open.send(()).unwrap();
    join(running).unwrap();
    assert_eq!(join(queued).unwrap(), 1);
    assert_eq!(putter.join().unwrap().unwrap(), 2);
}

#[test]
fn without_a_run_a_full_transport_is_an_error() {
    let scheduler = Scheduler::builder()
        .workers(1)
        .transport(BoundedTransport::new(ONE))
        .build()
        .unwrap();
    let fits = scheduler.put_work(|| 1);
    assert!(matches!(
        join(scheduler.put_work(|| 2)),
        Err(WorkError::Full)
    ));
    assert!(matches!(
        scheduler.try_put_work(|| 3),
        Err(TryPutError::Full(_))
    ));
    scheduler.start().unwrap();
    assert_eq!(join(fits).unwrap(), 1);
}

/// Nobody takes anything while a scheduler stops: what the worker has in its deque
/// must not wait for room, nor what running work puts, nor a batch for itself.
#[test]
fn a_stop_puts_back_more_than_a_bounded_transport_holds() {
    for transport in [
        Box::new(BoundedTransport::new(ONE)) as Box<dyn Transport>,
        Box::new(DelayingTransport::bounded(7, ONE).unwrap()),
    ] {
        let scheduler = Scheduler::builder()
            .workers(1)
            .max_spares(0)
            .transport(Boxed(transport))
            .start()
            .unwrap();
        let events = scheduler.events();
        let (open, gate) = latch();
        let (sender, works) = latch();
        let inner = scheduler.clone();
        let first = scheduler.put_work(move || {
            let mut works = inner.put_all((0..100).map(|n| move || n));
            for n in 100..200 {
                works.push(atomically(|tx| inner.put_work_in(tx, move || n)));
                inner.emit(n);
            }
            sender.send(works).unwrap();
            receive(&gate);
        });
        let mut works = receive(&works);
        let stopper = {
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.stop())
        };
        eventually("the stop has begun", || !scheduler.is_running());
        open.send(()).unwrap();
        stopper.join().unwrap().unwrap();
        join(first).unwrap();
        assert_eq!(scheduler.stats().queued, 200);
        scheduler.start().unwrap();
        works.extend(scheduler.put_batch((200..300).map(|n| move || n)));
        for (n, work) in works.into_iter().enumerate() {
            assert_eq!(join(work).unwrap(), n);
        }
        let mut heard = 0;
        while heard < 100 {
            if let Event::User(_) = events.next_timeout(BOUND).expect("never told") {
                heard += 1;
            }
        }
        scheduler.drain(BOUND).unwrap();
    }
}

#[derive(Debug)]
struct Boxed(Box<dyn Transport>);

impl Transport for Boxed {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        self.0.work_channel()
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        self.0.event_channel()
    }
}

/// A transport whose event channels panic as often as it is told to.
#[derive(Debug, Clone)]
struct Moody(Arc<AtomicUsize>);

impl Transport for Moody {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        LocalTransport.work_channel()
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        let left = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        assert!(left.is_err(), "not in the mood");
        LocalTransport.event_channel()
    }
}

#[test]
fn a_transport_that_panics_at_the_start_is_an_error() {
    let mood = Arc::new(AtomicUsize::new(1));
    let scheduler = Scheduler::builder()
        .workers(2)
        .transport(Moody(Arc::clone(&mood)))
        .build()
        .unwrap();
    let error = scheduler.start().unwrap_err();
    assert!(matches!(&error, StartError::TransportPanicked(said) if said == "not in the mood"));
    assert!(error.to_string().contains("not in the mood"), "{error}");
    assert!(!scheduler.is_running());
    scheduler.start().unwrap();
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

/// The spare that could not be made does not count as one that serves.
#[test]
fn a_spare_is_made_although_the_transport_panicked_before() {
    let mood = Arc::new(AtomicUsize::new(0));
    let scheduler = Scheduler::builder()
        .workers(1)
        .transport(Moody(Arc::clone(&mood)))
        .start()
        .unwrap();
    let events = scheduler.events();
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let blocked = scheduler.put_work(move || {
        begun.send(()).unwrap();
        blocking(|| receive(&gate))
    });
    receive(&begins);
    mood.store(2, Ordering::SeqCst);
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
    assert_eq!(mood.load(Ordering::SeqCst), 0);
    let mut failed = 0;
    loop {
        match events.next_timeout(BOUND).expect("never told") {
            Event::WorkerSpawnFailed { reason, .. } => {
                assert!(reason.contains("not in the mood"), "{reason}");
                failed += 1;
            }
            Event::SpareStarted { .. } => break,
            _ => {}
        }
    }
    assert_eq!(failed, 2);
    open.send(()).unwrap();
    join(blocked).unwrap();
}
