//! Written from the README alone.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use hivework::{Scheduler, TVar, WorkError, abort, atomically, atomically_or, make_scheduler};

fn main() {
    let scheduler = make_scheduler();

    // Put, and join.
    let sum = scheduler.put_work(|| (1..=100).sum::<u32>());
    assert_eq!(sum.join().unwrap(), 5050);

    // Put, and await.
    assert_eq!(block_on(product(&scheduler)).unwrap(), 3_628_800);

    // A put that is part of a transaction of one's own.
    let (seats, sold) = (TVar::new(3_u32), TVar::new(0));
    let book = |wanted: u32| {
        atomically_or(|tx| {
            let left = seats.read(tx)?;
            if left < wanted {
                return abort(left);
            }
            seats.write(tx, left - wanted)?;
            let sold = sold.clone();
            Ok(scheduler.put_work_in(tx, move || {
                atomically(|tx| sold.modify(tx, |sold| sold + wanted));
                wanted
            })?)
        })
    };
    assert_eq!(book(2).unwrap().join().unwrap(), 2);
    assert_eq!(book(2).unwrap_err(), 1);
    assert_eq!((seats.load(), sold.load()), (1, 2));

    println!("put, joined, awaited, composed: all as the README says");
}

async fn product(scheduler: &Scheduler) -> Result<u64, WorkError> {
    scheduler.put_work(|| (1..=10).product()).await
}

/// The smallest executor: parks the thread until the future is woken.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
