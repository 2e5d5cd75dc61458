//! Transactional containers, ports and channels (skeleton being replaced).
#![allow(missing_docs, missing_debug_implementations)]
use hivework_stm::{StmResult, Transaction};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// FIFO queue.
pub struct TQueue<T: Send + Sync + 'static>(std::marker::PhantomData<T>);
impl<T: Clone + Send + Sync + 'static> Clone for TQueue<T> {
    fn clone(&self) -> Self {
        TQueue(self.0)
    }
}
impl<T: Clone + Send + Sync + 'static> Default for TQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}
impl<T: Clone + Send + Sync + 'static> TQueue<T> {
    pub fn new() -> Self {
        TQueue(std::marker::PhantomData)
    }
    pub fn put(&self, _tx: &mut Transaction<'_>, _value: T) -> StmResult<()> {
        unreachable!()
    }
    pub fn take(&self, _tx: &mut Transaction<'_>) -> StmResult<T> {
        unreachable!()
    }
    pub fn try_take(&self, _tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        unreachable!()
    }
    pub fn take_batch(&self, _tx: &mut Transaction<'_>, _max: usize) -> StmResult<Vec<T>> {
        unreachable!()
    }
    pub fn is_empty(&self, _tx: &mut Transaction<'_>) -> StmResult<bool> {
        unreachable!()
    }
    pub fn len(&self, _tx: &mut Transaction<'_>) -> StmResult<usize> {
        unreachable!()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PortId(u64);
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ChannelId(u64);

#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    ChannelFullyOccupied {
        channel: ChannelId,
        port: Option<PortId>,
    },
    PortAlreadyConnected {
        channel: ChannelId,
        port: PortId,
    },
    PortNotConnected {
        channel: ChannelId,
        port: PortId,
    },
}
/// sending to / receiving from a port that is no longer connected
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disconnected {
    pub port: PortId,
    pub channel: ChannelId,
}
/// receive: a batch or one; errors: the transaction's, or the port is disconnected (drained first)
pub trait Port<M>: Send + Sync + fmt::Debug {
    fn id(&self) -> PortId;
    fn channel(&self) -> ChannelId;
    /// leaves when the transaction commits
    fn send(&self, tx: &mut Transaction<'_>, message: M) -> StmResult<Result<(), Disconnected>>;
    /// false/Err(M) where a bounded port is full
    fn try_send(
        &self,
        tx: &mut Transaction<'_>,
        message: M,
    ) -> StmResult<Result<Option<M>, Disconnected>>;
    fn receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<M, Disconnected>>;
    fn try_receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<Option<M>, Disconnected>>;
    fn receive_batch(
        &self,
        tx: &mut Transaction<'_>,
        max: usize,
    ) -> StmResult<Result<Vec<M>, Disconnected>>;
    fn is_connected(&self, tx: &mut Transaction<'_>) -> StmResult<bool>;
}
pub trait Channel<M>: Send + Sync + fmt::Debug {
    fn id(&self) -> ChannelId;
    fn connect(&self) -> Result<Box<dyn Port<M>>, ConnectError>;
    fn connect_in(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<Box<dyn Port<M>>, ConnectError>>;
    fn disconnect(&self, port: &dyn Port<M>) -> Result<(), ConnectError>;
    fn disconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<M>,
    ) -> StmResult<Result<(), ConnectError>>;
    /// The two queues (each end's inbox) where the channel is nothing but two local queues, so that
    /// a user of it can resolve the fast path once; None for any other transport.
    fn local_queues(&self) -> Option<[TQueue<M>; 2]>
    where
        M: Clone + Send + Sync + 'static,
    {
        None
    }
}
/// A work item as a transport sees it: the runtime implements it, a transport only moves it.
pub trait WorkItem: Send + Sync + fmt::Debug + 'static {
    fn id(&self) -> u64;
    fn name(&self) -> Option<&str>;
    /// Runs it on this thread, unwinding contained; does nothing if it was already claimed.
    fn run(self: Arc<Self>);
    /// Answers its handle without running it.
    fn refuse(self: Arc<Self>, why: Refusal);
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    Stopped,
    Lost(&'static str),
}
#[derive(Clone, Debug)]
pub struct WorkMessage(Arc<dyn WorkItem>);
impl WorkMessage {
    pub fn new(item: Arc<dyn WorkItem>) -> Self {
        WorkMessage(item)
    }
    pub fn into_item(self) -> Arc<dyn WorkItem> {
        self.0
    }
}
#[derive(Clone)]
pub struct EventMessage(Arc<dyn Any + Send + Sync>);
impl EventMessage {
    pub fn new<E: Any + Send + Sync>(event: E) -> Self {
        EventMessage(Arc::new(event))
    }
    pub fn downcast<E: Any + Send + Sync>(self) -> Result<Arc<E>, Self> {
        self.0.downcast().map_err(EventMessage)
    }
}
pub trait Transport: Send + Sync + fmt::Debug {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>>;
    fn event_channel(&self) -> Box<dyn Channel<EventMessage>>;
}
#[derive(Debug, Default, Clone, Copy)]
pub struct LocalTransport;
impl Transport for LocalTransport {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        unreachable!()
    }
    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        unreachable!()
    }
}
/// multicast: a receiver sees what is sent after it joined
pub struct TBroadcast<T: Send + Sync + 'static>(std::marker::PhantomData<T>);
pub struct TBroadcastReceiver<T: Send + Sync + 'static>(std::marker::PhantomData<T>);
impl<T: Clone + Send + Sync + 'static> TBroadcast<T> {
    pub fn new() -> Self {
        TBroadcast(std::marker::PhantomData)
    }
    pub fn send(&self, _tx: &mut Transaction<'_>, _value: T) -> StmResult<()> {
        unreachable!()
    }
    pub fn subscribe(&self) -> TBroadcastReceiver<T> {
        unreachable!()
    }
    pub fn subscribe_in(&self, _tx: &mut Transaction<'_>) -> StmResult<TBroadcastReceiver<T>> {
        unreachable!()
    }
}
impl<T: Clone + Send + Sync + 'static> TBroadcastReceiver<T> {
    pub fn receive(&self, _tx: &mut Transaction<'_>) -> StmResult<T> {
        unreachable!()
    }
    pub fn try_receive(&self, _tx: &mut Transaction<'_>) -> StmResult<Option<T>> {
        unreachable!()
    }
}
