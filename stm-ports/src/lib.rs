//! Transactional containers, and pluggable ports and channels built on them.
//!
//! Everything here is made of the transactional variables of `hivework-stm`,
//! so any operations, on any of it, can be put together into one step:
//!
//! ```
//! use hivework_stm::{TVar, atomically};
//! use stm_ports::TQueue;
//!
//! let (orders, open) = (TQueue::new(), TVar::new(0));
//! // Nobody ever sees an order that is not counted, or the reverse.
//! atomically(|tx| {
//!     orders.put(tx, "three apples")?;
//!     open.modify(tx, |n| n + 1)
//! });
//! assert_eq!(orders.take_blocking(), "three apples");
//! ```
//!
//! * **Containers** are handles: a clone is another handle of the same container.
//!   What is common to their kinds is in the traits [`Container`], [`Ordered`] and [`KeyValue`].
//!
//!   | container | what it is |
//!   |---|---|
//!   | [`TQueue`], [`TBoundedQueue`] | first in, first out, without and with a capacity |
//!   | [`TPriorityQueue`] | least priority first, and first in, first out among equals |
//!   | [`TStack`] | last in, first out |
//!   | [`TList`] | a list that is changed at the front and read by snapshots |
//!   | [`THashMap`], [`TOrderedMap`] | values found by keys; in the order of the keys |
//!   | [`TArray`] | variables side by side |
//!   | [`TCell`] | one place, empty or full |
//!   | [`TBroadcast`] | multicast: each receiver sees every value |
//!   | [`TOnce`] | a promise: set once, seen by all |
//!   | [`TSemaphore`], [`TBarrier`] | permits; parties that wait for each other |
//!
//! * **Ports and channels** ([`Port`], [`Channel`]) connect two parties that need
//!   not know what carries their messages; a [`Transport`] makes the channels,
//!   [`LocalTransport`] those within a process. A [`Pump`] makes them of a [`Wire`],
//!   which is how one writes a transport of one's own.
//! * **Multicast** ([`Multicast`], [`Listener`]) has one entry and any number of
//!   listeners.
//!
//! # The forms of an operation
//!
//! | form | runs | where it would wait |
//! |---|---|---|
//! | `take(tx)` | as a part of the caller's transaction | the whole transaction waits |
//! | `try_take(tx)` | as a part of the caller's transaction | answers `None` |
//! | `take_now()` | in a transaction of its own | answers `None` |
//! | `take_blocking()` | in a transaction of its own | blocks the thread |
//! | `take_timeout(limit)` | in a transaction of its own | blocks, at most that long, then answers `None` |
//!
//! The last three panic when they are called inside a transaction of the same
//! thread.
//!
//! # Who comes first
//!
//! In a [`TQueue`], [`TBoundedQueue`], [`TStack`] or [`TSemaphore`], threads that have to
//! wait in the two blocking forms stand in a line: they get what they wait for in order
//! of arrival, and are woken one at a time. Whoever comes while there is something does
//! not wait, but in a [`TSemaphore`], where that would starve whoever wants many permits.
//!
//! A `take(tx)` that waits stands in no line. All that wait so are woken when there is
//! something, and the first to commit gets it; only in a [`TSemaphore`] do they let the
//! line go first.
//!
//! # When values are dropped
//!
//! A value is taken as a clone, because the transaction that takes it may yet be
//! rolled back; the container's own copy goes once no running transaction can
//! be reading it any more, within the bound that [`hivework_stm::flush`] tells
//! of. Put an `Arc` into a container to have one value only.

mod channel;
#[cfg(feature = "conformance")]
pub mod conformance;
mod containers;
mod error;
mod id;
mod message;
mod multicast;
mod port;
mod transport;

pub use channel::Channel;
pub use containers::barrier::{TArrival, TBarrier, TBarrierPassed};
pub use containers::bounded::TBoundedQueue;
pub use containers::broadcast::{TBroadcast, TBroadcastReceiver};
pub use containers::cell::TCell;
pub use containers::hash_map::THashMap;
pub use containers::list::{TList, TListIter, TListSnapshot};
pub use containers::once::TOnce;
pub use containers::ordered_map::TOrderedMap;
pub use containers::priority_queue::TPriorityQueue;
pub use containers::queue::TQueue;
pub use containers::semaphore::{TPermits, TSemaphore};
pub use containers::stack::TStack;
pub use containers::{Container, KeyValue, Ordered};
pub use error::{Closed, ConnectError, Disconnected};
pub use hivework_stm::TArray;
pub use id::{ChannelId, PortId};
pub use message::{EventMessage, Refusal, WorkItem, WorkMessage};
pub use multicast::{Listener, Multicast};
pub use port::Port;
pub use transport::Transport;
pub use transport::ends::channel::LocalChannel;
pub use transport::local::multicast::LocalMulticast;
pub use transport::local::{BoundedTransport, LocalTransport};
pub use transport::pump::outbox::Lane;
pub use transport::pump::{Cargo, Parcel, Pump, Wire};
#[cfg(feature = "stm-crate")]
pub use transport::stm_crate::StmCrateTransport;
