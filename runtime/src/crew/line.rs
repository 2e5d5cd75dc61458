//! A worker's *line*, by which its events get to the supervisor: a channel of the transport,
//! and how many events are in it.
//!
//! 1. The worker sends an event and, when that has committed, counts it as *sent*.
//! 2. Who forwards (`event/forward.rs`) receives what has arrived and counts it as *received*.
//! 3. While more were sent than received the supervisor goes on looking: nobody tells
//!    it when a transport brings something. Where there are many more, the worker forwards them
//!    itself.
//! 4. When the worker has ended, whoever buries it disconnects its end and receives
//!    what is still on its way.
//!
//! A send never waits for room: the supervisor may be waiting for this very worker.
//! What finds none, once the worker has forwarded what there is, goes past the channel.
//!
//! **Races.** An event may be received before it is counted as sent; then the figures
//! say for a moment that none is on its way, and that is so. A transport that loses an
//! event keeps the supervisor looking until the worker ends.

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::{StmResult, Transaction, atomically};
use stm_ports::{Channel, EventMessage, Port, TQueue, Transport};

use super::FillError;
use crate::event::forward::Numbered;
use crate::time::PATIENCE;
use crate::work::unwind::{contain, drop_contained, message, shield};

/// How many events may be on their way before the worker forwards them itself.
const LONG: u64 = 1024;

/// And every how many from then on: what is on a wire does not get shorter by being looked for.
const EVERY: u64 = 64;

/// See the [module](self).
pub(crate) struct Line {
    channel: Box<dyn Channel<EventMessage>>,
    /// The worker's end.
    outbox: Box<dyn Port<EventMessage>>,
    /// The supervisor's.
    inbox: Box<dyn Port<EventMessage>>,
    /// Where the channel is nothing else.
    queue: Option<TQueue<EventMessage>>,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Line {
    pub(super) fn connect(transport: &dyn Transport) -> Result<Self, FillError> {
        // A transport is a user's code.
        let connected = contain(|| {
            let channel = transport.event_channel();
            Ok(Line {
                outbox: channel.connect()?,
                inbox: channel.connect()?,
                queue: channel.local_queues().map(|[_, second]| second),
                channel,
                sent: AtomicU64::new(0),
                received: AtomicU64::new(0),
            })
        });
        match connected {
            Ok(connected) => connected.map_err(FillError::Connect),
            Err(payload) => {
                let said = message(&*payload);
                drop_contained(payload);
                Err(FillError::Panic(said))
            }
        }
    }

    /// Step 1. False where the event cannot be sent at once: the channel is full or
    /// gone.
    pub(crate) fn send(&self, tx: &mut Transaction<'_>, event: &Numbered) -> StmResult<bool> {
        let message = EventMessage::new(event.clone());
        let sent = self.outbox.try_send(tx, message)?;
        Ok(matches!(sent, Ok(None)))
    }

    /// Step 1, after the commit.
    pub(crate) fn has_sent(&self) {
        // Ordering: Relaxed; who sleeps over it is stirred behind a fence, and who
        // buries the worker has joined it.
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Step 3: is it time for the worker to forward?
    pub(crate) fn is_long(&self) -> bool {
        // Ordering: as in `has_sent`.
        let sent = self.sent.load(Ordering::Relaxed);
        sent % EVERY == 0 && sent >= self.received.load(Ordering::Relaxed) + LONG
    }

    /// Was there nothing to receive a moment ago? Never said of a channel that is more than a
    /// queue.
    pub(crate) fn looks_empty(&self) -> bool {
        self.queue.as_ref().is_some_and(TQueue::is_empty_now)
    }

    /// Step 2, for up to `most` events.
    pub(crate) fn receive(&self, most: usize) -> Vec<EventMessage> {
        let batch = atomically(|tx| self.inbox.receive_batch(tx, most)).unwrap_or_default();
        self.has_received(batch.len());
        batch
    }

    /// Step 3.
    pub(crate) fn expects_events(&self) -> bool {
        // Ordering: as in `has_sent`.
        self.sent.load(Ordering::Relaxed) > self.received.load(Ordering::Relaxed)
    }

    /// Step 4: the next event that is still on its way, if there is one. Waits for
    /// it, but not for ever.
    pub(crate) fn receive_last(&self) -> Option<EventMessage> {
        if !self.expects_events() {
            return None;
        }
        // Disconnecting twice is an error without effect.
        shield(|| _ = self.channel.disconnect(&*self.outbox));
        let received = contain(|| self.inbox.receive_timeout(PATIENCE));
        let event = received.ok()?.ok()??;
        self.has_received(1);
        Some(event)
    }

    fn has_received(&self, count: usize) {
        // Ordering: as in `has_sent`.
        self.received.fetch_add(count as u64, Ordering::Relaxed);
    }
}
