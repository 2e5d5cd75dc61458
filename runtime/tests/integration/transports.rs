use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework::{
    Channel, ChannelId, ConnectError, Event, EventMessage, LocalTransport, Port, Scheduler,
    StmResult, Transaction, Transport, WorkError, WorkMessage, atomically,
};

use crate::support::{BOUND, join};

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

/// A transport whose event channels can be connected only so often.
#[derive(Debug)]
struct Stingy(AtomicUsize);

impl Transport for Stingy {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        LocalTransport.work_channel()
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        let channel = LocalTransport.event_channel();
        if self.0.fetch_add(1, Ordering::SeqCst) >= 1 {
            // Both ends are taken for good.
            std::mem::forget((channel.connect(), channel.connect()));
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
        .transport(Stingy(AtomicUsize::new(0)))
        .build()
        .unwrap();
    let error = scheduler.start().unwrap_err();
    assert!(error.to_string().contains("transport"), "{error}");
    assert!(!scheduler.is_running());
}
