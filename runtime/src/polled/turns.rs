//! What runs in turns, and what comes after each; how a future does.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use hivework_stm::facade::sync::Arc;

use crate::work::item::Item;

/// What can be run turn by turn, on one worker or another.
pub(crate) trait Turns: Send + 'static {
    type Output: Send + 'static;

    /// One turn of `this`. Whoever waits to be woken by a waker finds or makes that in `waker`.
    fn turn(&mut self, this: &Item, waker: &mut Option<Waker>) -> Next<Self::Output>;
}

/// What comes after a turn.
pub(crate) enum Next<T> {
    /// Nothing: that was the last.
    Over(T),
    /// Another, once it has been woken.
    Woken,
    /// Another then; never, if there is no such time.
    At(Option<Instant>),
    /// Another, after whoever is queued by now.
    Again,
    /// Another, once its attendant has let it in again.
    Back,
}

impl<F: Future<Output: Send + 'static> + Unpin + Send + 'static> Turns for F {
    type Output = F::Output;

    fn turn(&mut self, this: &Item, waker: &mut Option<Waker>) -> Next<F::Output> {
        let alarm = || Arc::new(Alarm(this.clone())).into();
        let waker = waker.get_or_insert_with(alarm);
        match Pin::new(self).poll(&mut Context::from_waker(waker)) {
            Poll::Ready(value) => Next::Over(value),
            Poll::Pending => Next::Woken,
        }
    }
}

/// What wakes an item.
struct Alarm(Item);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.woken();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.woken();
    }
}
