//! The two kinds of message that a transport carries for a scheduler.
//!
//! A transport moves them without knowing what they are: a work item is behind
//! [`WorkItem`], which the runtime implements, and an event is behind `Any`.

use std::any::Any;
use std::fmt;

use hivework_stm::facade::sync::Arc;

/// A work item as a transport sees it.
///
/// A transport only moves it. One that cannot go on moving it, and a channel that goes
/// while it is in there, answers it by [`WorkItem::refuse`], so that nobody waits for
/// it in vain.
pub trait WorkItem: Send + Sync + fmt::Debug + 'static {
    /// The number by which reports call it.
    fn id(&self) -> u64;

    /// The name its maker gave it.
    fn name(&self) -> Option<&str>;

    /// How urgent it is: more than 0 before all others, less than 0 after them. A
    /// transport that wraps an item passes it on, and need not look at it otherwise.
    fn urgency(&self) -> i8 {
        0
    }

    /// Runs it on this thread. A panic is contained and becomes its result. Does
    /// nothing if it has been run, refused or cancelled before.
    fn run(self: Arc<Self>);

    /// Answers whoever waits for it without running it. Does nothing if it has
    /// been run, refused or cancelled before.
    fn refuse(self: Arc<Self>, why: Refusal);
}

/// Why a work item will not be run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The scheduler has stopped for good.
    Stopped,
    /// It could not be brought to a worker, for the reason given.
    Lost(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Stopped => f.write_str("the scheduler has stopped"),
            Refusal::Lost(why) => write!(f, "the work was lost: {why}"),
        }
    }
}

/// A work item on its way to a worker.
///
/// A clone is the same item, which runs once.
#[derive(Clone, Debug)]
pub struct WorkMessage(Arc<dyn WorkItem>);

impl WorkMessage {
    /// A message that brings `item`.
    #[must_use]
    pub fn new(item: Arc<dyn WorkItem>) -> Self {
        WorkMessage(item)
    }

    /// The item, to look at.
    #[must_use]
    pub fn item(&self) -> &dyn WorkItem {
        &*self.0
    }

    /// The item, to run or to refuse.
    #[must_use]
    pub fn into_item(self) -> Arc<dyn WorkItem> {
        self.0
    }
}

/// An event on its way to whoever listens.
///
/// A clone is the same event.
///
/// ```
/// use stm_ports::EventMessage;
///
/// #[derive(Debug, PartialEq)]
/// struct WorkerStarted(usize);
///
/// let message = EventMessage::new(WorkerStarted(3));
/// assert_eq!(format!("{message:?}"), "EventMessage(WorkerStarted(3))");
/// assert_eq!(*message.downcast::<WorkerStarted>().unwrap(), WorkerStarted(3));
/// ```
#[derive(Clone)]
pub struct EventMessage(Arc<dyn AnyEvent>);

/// `Any`, and shown as what it is.
trait AnyEvent: fmt::Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<E: Any + fmt::Debug + Send + Sync> AnyEvent for E {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl EventMessage {
    /// A message that brings `event`.
    #[must_use]
    pub fn new<E: Any + fmt::Debug + Send + Sync>(event: E) -> Self {
        EventMessage(Arc::new(event))
    }

    /// The event, to look at, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: Any>(&self) -> Option<&E> {
        // The event's own `as_any`: the Arc around it is an `AnyEvent` as well.
        (*self.0).as_any().downcast_ref()
    }

    /// The event, if it is an `E`.
    ///
    /// # Errors
    ///
    /// The message itself, if the event is of another type.
    pub fn downcast<E: Any + Send + Sync>(self) -> Result<Arc<E>, Self> {
        if self.downcast_ref::<E>().is_none() {
            return Err(self);
        }
        match self.0.into_any().downcast() {
            Ok(event) => Ok(event),
            Err(_) => unreachable!("the type was looked at just now"),
        }
    }
}

impl fmt::Debug for EventMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventMessage").field(&self.0).finish()
    }
}
