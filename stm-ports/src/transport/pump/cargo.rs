//! What can be carried.

use crate::message::{EventMessage, Refusal, WorkMessage};

/// A message that a [`Pump`](crate::Pump) can carry.
///
/// A clone is the same message: it is cloned where a transaction takes it out of a
/// queue, and delivered once.
pub trait Cargo: Clone + Send + Sync + 'static {
    /// It will not be delivered, for the reason given: answers whoever waits for it.
    /// Nobody does unless this is implemented. A panic of it is contained.
    fn lost(self, why: &'static str) {
        let _ = why;
    }
}

impl Cargo for WorkMessage {
    /// Refuses the work.
    fn lost(self, why: &'static str) {
        self.into_item().refuse(Refusal::Lost(why));
    }
}

impl Cargo for EventMessage {}
