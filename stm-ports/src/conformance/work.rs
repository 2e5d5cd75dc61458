//! Work: what cannot arrive any more is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework_stm::{TVar, atomically};

use super::support::{AGES, eventually};
use crate::message::{Refusal, WorkItem, WorkMessage};
use crate::transport::Transport;

/// Work of this number, which nobody waits for.
pub(super) fn numbered(number: u64) -> WorkMessage {
    WorkMessage::new(Arc::new(Numbered {
        number,
        refused: Arc::default(),
    }))
}

#[derive(Debug)]
struct Numbered {
    number: u64,
    refused: Arc<AtomicUsize>,
}

impl WorkItem for Numbered {
    fn id(&self) -> u64 {
        self.number
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn run(self: Arc<Self>) {}

    fn refuse(self: Arc<Self>, _: Refusal) {
        self.refused.fetch_add(1, Ordering::SeqCst);
    }
}

/// When both ports and the channel go, inside a transaction or outside, all work
/// that was sent and not received is refused, once: nobody waits for it in vain.
///
/// # Panics
///
/// Where the promise is broken.
pub fn work_in_a_channel_that_goes_is_answered(transport: &dyn Transport) {
    for inside in [false, true] {
        let refused = Arc::new(AtomicUsize::new(0));
        let work = |number| {
            let refused = Arc::clone(&refused);
            WorkMessage::new(Arc::new(Numbered { number, refused }))
        };
        let channel = transport.work_channel();
        let (here, there) = (channel.connect().unwrap(), channel.connect().unwrap());
        let mut sent = 0;
        for number in 0..10 {
            let here = if number % 2 == 0 { &here } else { &there };
            let back = atomically(|tx| here.try_send(tx, work(number))).unwrap();
            sent += usize::from(back.is_none());
        }
        let received = there.receive_timeout(AGES).unwrap();
        assert!(received.is_some(), "the work does not arrive");
        let unrelated = TVar::new(0);
        let mut all = Some((channel, here, there));
        if inside {
            atomically(|tx| {
                all = None;
                unrelated.write(tx, 1)
            });
        }
        drop(all);
        eventually("what was not received is answered", || {
            refused.load(Ordering::SeqCst) == sent - 1
        });
        drop(received);
        assert_eq!(refused.load(Ordering::SeqCst), sent - 1);
    }
}
