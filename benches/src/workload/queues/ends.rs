//! The two ends of every queue that is compared, behind two traits. Each call is
//! the queue's own.

use std::collections::VecDeque;
use std::sync::{Arc, mpsc};

use async_stm::queues::TQueueLike;
use async_stm::queues::tchan::TChan;
use hivework_stm::{atomically, retry};
use parking_lot::{Condvar, Mutex};
use stm_ports::{Ordered, TBoundedQueue, TQueue};

use crate::system::{AsyncStm, System, Value};

/// Where messages go in.
pub(super) trait Put<T>: Clone + Send + 'static {
    /// Adds a message; waits while there is no room.
    fn put(&self, message: T);
}

/// Where messages come out.
pub(super) trait Take<T>: Send + 'static {
    /// The next message; waits until there is one.
    fn take(&self) -> T;
}

/// Where many messages go in at a time.
pub(super) trait PutMany<T>: Put<T> {
    /// Adds `messages`, in the queue's natural form. They are made anew for each
    /// attempt of a transaction.
    fn put_many(&self, messages: impl DoubleEndedIterator<Item = T> + Clone);
}

/// Where many messages come out at a time.
pub(super) trait TakeMany<T>: Take<T> {
    /// Hands to `each` at most `most` messages, which are there, and at least one;
    /// waits until there is one. Answers how many it was.
    fn take_many(&self, most: u64, each: impl FnMut(T)) -> u64;
}

// Ours: each call is a transaction, or the container's own form that blocks.

macro_rules! ours {
    ($queue:ident, $put:ident) => {
        impl<T: Value> Put<T> for $queue<T> {
            #[inline]
            fn put(&self, message: T) {
                self.$put(message);
            }
        }

        impl<T: Value> Take<T> for $queue<T> {
            #[inline]
            fn take(&self) -> T {
                self.take_blocking()
            }
        }
    };
}

ours!(TQueue, put_now);
ours!(TBoundedQueue, put_blocking);

/// One of ours as a program's own transactions use it: where it would block, the
/// transaction retries.
#[derive(Clone)]
pub(super) struct InTransactions<Q>(pub(super) Q);

impl<T: Value, Q: Ordered<Item = T> + Clone + Send + 'static> Put<T> for InTransactions<Q> {
    #[inline]
    fn put(&self, message: T) {
        atomically(|tx| self.0.put(tx, message.clone()));
    }
}

impl<T: Value, Q: Ordered<Item = T> + Clone + Send + 'static> Take<T> for InTransactions<Q> {
    #[inline]
    fn take(&self) -> T {
        atomically(|tx| self.0.take(tx))
    }
}

impl<T: Value> PutMany<T> for TQueue<T> {
    fn put_many(&self, messages: impl DoubleEndedIterator<Item = T> + Clone) {
        atomically(|tx| self.put_batch(tx, messages.clone().collect()));
    }
}

impl<T: Value> TakeMany<T> for TQueue<T> {
    fn take_many(&self, most: u64, each: impl FnMut(T)) -> u64 {
        let taken = atomically(|tx| {
            let taken = self.take_batch(tx, most as usize)?;
            if taken.is_empty() {
                return retry();
            }
            Ok(taken)
        });
        let count = taken.len() as u64;
        taken.into_iter().for_each(each);
        count
    }
}

// The channels: `send`, and `recv`, after which a batch takes what is there.

macro_rules! channel {
    ($put:ty, $take:ty) => {
        impl<T: Value> Put<T> for $put {
            #[inline]
            fn put(&self, message: T) {
                let sent = self.send(message);
                assert!(sent.is_ok(), "the other end is there");
            }
        }

        impl<T: Value> Take<T> for $take {
            #[inline]
            fn take(&self) -> T {
                self.recv().expect("the other end is there")
            }
        }

        impl<T: Value> PutMany<T> for $put {
            fn put_many(&self, messages: impl DoubleEndedIterator<Item = T> + Clone) {
                messages.for_each(|message| self.put(message));
            }
        }
    };
}

macro_rules! take_what_is_there {
    ($take:ty) => {
        impl<T: Value> TakeMany<T> for $take {
            fn take_many(&self, most: u64, mut each: impl FnMut(T)) -> u64 {
                each(self.take());
                let others = self.try_iter().take(most as usize - 1);
                1 + others.map(each).count() as u64
            }
        }
    };
}

channel!(crossbeam_channel::Sender<T>, crossbeam_channel::Receiver<T>);
channel!(flume::Sender<T>, flume::Receiver<T>);
channel!(mpsc::Sender<T>, mpsc::Receiver<T>);
take_what_is_there!(crossbeam_channel::Receiver<T>);
take_what_is_there!(flume::Receiver<T>);
take_what_is_there!(mpsc::Receiver<T>);

/// The bounded form of the standard library has a sender of its own.
impl<T: Value> Put<T> for mpsc::SyncSender<T> {
    #[inline]
    fn put(&self, message: T) {
        let sent = self.send(message);
        assert!(sent.is_ok(), "the other end is there");
    }
}

/// A queue of `async-stm`: one of values in two vectors, which a put copies, or
/// one of links.
#[derive(Clone)]
pub(super) struct AsyncQueue<Q>(pub(super) Q);

pub(super) type AsyncVectors<T> = AsyncQueue<async_stm::queues::tqueue::TQueue<T>>;
pub(super) type AsyncLinks<T> = AsyncQueue<TChan<T>>;

impl<T: Value, Q: TQueueLike<T> + Clone + Send + 'static> Put<T> for AsyncQueue<Q> {
    #[inline]
    fn put(&self, message: T) {
        AsyncStm::atomically(|()| self.0.write(message.clone()));
    }
}

impl<T: Value, Q: TQueueLike<T> + Clone + Send + 'static> Take<T> for AsyncQueue<Q> {
    #[inline]
    fn take(&self) -> T {
        AsyncStm::atomically(|()| self.0.read())
    }
}

/// A mutex over a `VecDeque`, and a condition variable for who waits.
pub(super) struct Locked<T>(Arc<(Mutex<VecDeque<T>>, Condvar)>);

impl<T> Locked<T> {
    pub(super) fn new() -> Self {
        Locked(Arc::new((Mutex::new(VecDeque::new()), Condvar::new())))
    }
}

impl<T> Clone for Locked<T> {
    fn clone(&self) -> Self {
        Locked(Arc::clone(&self.0))
    }
}

impl<T: Value> Put<T> for Locked<T> {
    #[inline]
    fn put(&self, message: T) {
        self.0.0.lock().push_back(message);
        self.0.1.notify_one();
    }
}

impl<T: Value> Take<T> for Locked<T> {
    #[inline]
    fn take(&self) -> T {
        let mut messages = self.0.0.lock();
        loop {
            match messages.pop_front() {
                Some(message) => return message,
                None => self.0.1.wait(&mut messages),
            }
        }
    }
}

impl<T: Value> PutMany<T> for Locked<T> {
    fn put_many(&self, messages: impl DoubleEndedIterator<Item = T> + Clone) {
        self.0.0.lock().extend(messages);
        // One taker may leave some of them.
        self.0.1.notify_all();
    }
}

impl<T: Value> TakeMany<T> for Locked<T> {
    fn take_many(&self, most: u64, each: impl FnMut(T)) -> u64 {
        let mut messages = self.0.0.lock();
        while messages.is_empty() {
            self.0.1.wait(&mut messages);
        }
        let count = messages.len().min(most as usize);
        messages.drain(..count).for_each(each);
        count as u64
    }
}
