//! A message on a wire, and what becomes of it; the pump's file tells why.

use std::fmt;

use hivework_stm::facade::sync::Weak;
use hivework_stm::{after_transaction, atomically};

use super::Cargo;
use super::outbox::{Lane, shielded};
use crate::transport::ends::inbox::Inbox;

/// A message on a [`Wire`](crate::Wire).
///
/// It knows where it is to arrive. Dropped instead of received, it answers its message
/// as lost.
pub struct Parcel<M: Cargo> {
    to: Weak<Inbox<M>>,
    lane: Lane,
    /// Until it has arrived.
    message: Option<M>,
}

impl<M: Cargo> Parcel<M> {
    pub(super) fn new(to: Weak<Inbox<M>>, lane: Lane, message: M) -> Self {
        Parcel {
            to,
            lane,
            message: Some(message),
        }
    }

    /// The channel and direction in which it travels: parcels of one lane arrive in
    /// their order.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane
    }
}

/// I2: puts the messages into their inboxes, `at_once` of them in one transaction.
pub(super) fn deliver<M: Cargo>(mut parcels: Vec<Parcel<M>>, at_once: usize) {
    for batch in parcels.chunks_mut(at_once) {
        // Held until the transaction is over, so that it meets the same inboxes in
        // each attempt.
        let inboxes: Vec<_> = batch.iter().map(|parcel| parcel.to.upgrade()).collect();
        atomically(|tx| {
            for (parcel, inbox) in batch.iter().zip(&inboxes) {
                if let (Some(inbox), Some(message)) = (inbox, &parcel.message) {
                    inbox.arrive(tx, message.clone())?;
                }
            }
            Ok(())
        });
        for (parcel, inbox) in batch.iter_mut().zip(inboxes) {
            if inbox.is_some() {
                parcel.message = None;
            }
        }
    }
}

impl<M: Cargo> Drop for Parcel<M> {
    fn drop(&mut self) {
        let Some(message) = self.message.take() else {
            return;
        };
        if let Some(inbox) = self.to.upgrade() {
            after_transaction(move || atomically(|tx| inbox.settle(tx)));
        }
        shielded(|| message.lost("its transport did not deliver it"));
    }
}

impl<M: Cargo> fmt::Debug for Parcel<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("lane", &self.lane)
            .finish_non_exhaustive()
    }
}
