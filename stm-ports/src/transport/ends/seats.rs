//! Who holds the two ends of a channel.
//!
//! An end is an inbox to receive from and a seat. A seat is a variable in one of
//! three states:
//!
//! ```text
//! Free ──connect──> Taken(port) ──disconnect, drop──> Left
//!                        ^                              │
//!                        └───────────connect────────────┘
//! ```
//!
//! * *Free*: nobody has come yet. What is sent to this end waits for whoever will,
//!   and who receives at the other end waits for it to send.
//! * *Left*: the last one to hold it has gone. A send to this end is refused, and
//!   who receives at the other end does so until nothing is left, and then hears
//!   of it.
//!
//! A port looks for its own id among the seats, so it finds its end wherever it
//! was connected last, and finds none once it was disconnected, by whomever.
//!
//! **Races.** Every step reads the seats that it depends on and the inboxes in one
//! transaction, so that a message is sent before a disconnection, and is then
//! received, or after, and is then refused. A receive that waits has read both
//! seats: whichever is left wakes it.

use std::collections::HashMap;

use hivework_stm::facade::atomic::AtomicU8;
use hivework_stm::facade::sync::{Arc, Mutex, Weak};
use hivework_stm::{StmResult, TVar, Transaction};

use super::inbox::{Between, Inbox};
use crate::containers::queue::TQueue;
use crate::id::{ChannelId, PortId};
use crate::transport::pump::outbox::Lane;

/// The two ends of a channel.
pub(super) struct Seats<M: Send + Sync + 'static> {
    pub(super) channel: ChannelId,
    ends: [End<M>; 2],
    /// The ports there are, for those that are connected again.
    pub(super) lives: Mutex<HashMap<PortId, Weak<AtomicU8>>>,
}

/// The channel as seen from an end that somebody holds.
pub(super) struct Held<'a, M: Send + Sync + 'static> {
    pub(super) own: &'a End<M>,
    pub(super) other: &'a End<M>,
}

/// One end of a channel.
pub(super) struct End<M: Send + Sync + 'static> {
    /// What the other end has sent.
    pub(super) inbox: Arc<Inbox<M>>,
    seat: TVar<Seat>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seat {
    Free,
    Taken(PortId),
    Left,
}

impl<M: Clone + Send + Sync + 'static> Seats<M> {
    /// Two free ends.
    pub(super) fn new(between: &Between<M>) -> Self {
        let channel = ChannelId::new();
        let end = |number| End {
            inbox: Inbox::new(
                Lane {
                    channel,
                    to: number,
                },
                between,
            ),
            seat: TVar::new(Seat::Free),
        };
        Seats {
            channel,
            ends: [end(0), end(1)],
            lives: Mutex::new(HashMap::new()),
        }
    }

    /// The queue from which each end receives, where there is nothing else.
    pub(super) fn queues(&self) -> Option<[TQueue<M>; 2]> {
        let [first, second] = self.ends.each_ref().map(|end| end.inbox.bare());
        first.zip(second).map(Into::into)
    }
}

impl<M: Send + Sync + 'static> Seats<M> {
    /// The end that `port` holds, if it holds one.
    pub(super) fn find(
        &self,
        tx: &mut Transaction<'_>,
        port: PortId,
    ) -> StmResult<Option<Held<'_, M>>> {
        let [first, second] = &self.ends;
        Ok(if first.is_held_by(tx, port)? {
            Some(Held {
                own: first,
                other: second,
            })
        } else if second.is_held_by(tx, port)? {
            Some(Held {
                own: second,
                other: first,
            })
        } else {
            None
        })
    }

    /// Gives the first end that nobody holds to `port`. Says whether there was one.
    pub(super) fn take(&self, tx: &mut Transaction<'_>, port: PortId) -> StmResult<bool> {
        for end in &self.ends {
            if !matches!(end.seat.read(tx)?, Seat::Taken(_)) {
                end.seat.write(tx, Seat::Taken(port))?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Has `port` leave its end. Says whether it held one.
    pub(super) fn leave(&self, tx: &mut Transaction<'_>, port: PortId) -> StmResult<bool> {
        match self.find(tx, port)? {
            Some(held) => held.own.seat.write(tx, Seat::Left).map(|()| true),
            None => Ok(false),
        }
    }
}

impl<M: Send + Sync + 'static> End<M> {
    fn is_held_by(&self, tx: &mut Transaction<'_>, port: PortId) -> StmResult<bool> {
        self.seat.read_with(tx, |seat| *seat == Seat::Taken(port))
    }

    /// Has the last one to hold it gone?
    pub(super) fn was_left(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.seat.read_with(tx, |seat| *seat == Seat::Left)
    }

    /// The committed seat, for display.
    pub(super) fn shown(&self) -> impl std::fmt::Debug + use<M> {
        self.seat.load()
    }
}

impl<M: Send + Sync + 'static> std::fmt::Debug for Seats<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, second] = &self.ends;
        f.debug_struct("Channel")
            .field("id", &self.channel.get())
            .field("first", &first.shown())
            .field("first_inbox", &first.inbox)
            .field("second", &second.shown())
            .field("second_inbox", &second.inbox)
            .finish()
    }
}
