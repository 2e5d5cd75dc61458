//! Waiting for a future on this thread, for a limited time.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls a future, sleeping in between until it is woken; None when that takes
/// too long.
pub(super) fn wait_for<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    let begin = Instant::now();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        // A wake-up that came before the park ends it at once.
        let left = limit.checked_sub(begin.elapsed())?;
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ready_does_not_wait_and_what_never_is_does_not_wait_for_ever() {
        let limit = Duration::from_millis(1);
        assert_eq!(wait_for(std::future::ready(7), limit), Some(7));
        assert_eq!(wait_for(std::future::pending::<()>(), limit), None);
    }
}
