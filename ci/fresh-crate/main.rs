//! Written from the README alone.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use hivework::{
    Fork, Priority, Scheduler, TVar, TryPutError, WorkError, abort, atomically, atomically_or,
    check, make_scheduler, make_work, par_map, par_sort,
};

fn main() {
    let scheduler = make_scheduler();

    // Put, and join.
    let sum = scheduler.put_work(|| (1..=100).sum::<u32>());
    assert_eq!(sum.join().unwrap(), 5050);

    // Put, and await.
    assert_eq!(block_on(product(&scheduler)).unwrap(), 3_628_800);

    put_in_a_transaction(&scheduler);
    put_what_waits(&scheduler);
    divide(&scheduler);
    urgent_and_bounded();

    scheduler.drain(Duration::from_secs(60)).unwrap();
    println!("put, joined, awaited, composed, divided, bounded: all as the README says");
}

/// A put that is part of a transaction of one's own.
fn put_in_a_transaction(scheduler: &Scheduler) {
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
}

/// A work that is a transaction, and one that is a future and awaits it.
fn put_what_waits(scheduler: &Scheduler) {
    let tickets = TVar::new(0);
    let theirs = tickets.clone();
    let ticket = scheduler.put_transaction(move |tx| {
        check(theirs.read(tx)? > 0)?;
        theirs.modify(tx, |left| left - 1)
    });
    let sale = scheduler.spawn(async move { ticket.await.map(|()| "sold") });
    tickets.store(1);
    assert_eq!(block_on(sale).unwrap().unwrap(), "sold");
    assert_eq!(tickets.load(), 0);
}

/// Forks, loops, and a scope that borrows.
fn divide(scheduler: &Scheduler) {
    fn fib(fork: &mut Fork<'_>, n: u32) -> u64 {
        if n < 2 {
            return n.into();
        }
        let (one, two) = fork.join(|fork| fib(fork, n - 1), |fork| fib(fork, n - 2));
        one + two
    }
    assert_eq!(scheduler.fork(|fork| fib(fork, 20)), 6765);

    let words = scheduler.install(|| {
        let mut words = par_map(0..1000, |n: i32| (999 - n).to_string());
        par_sort(&mut words);
        words
    });
    assert!(words.is_sorted());

    let count = Mutex::new(0);
    scheduler.scope(|scope| {
        for some in words.chunks(100) {
            let count = &count;
            scope.spawn(move |_| *count.lock().unwrap() += some.len());
        }
    });
    assert_eq!(count.into_inner().unwrap(), 1000);
}

/// Priorities, and a queue that is full.
fn urgent_and_bounded() {
    let scheduler = Scheduler::builder()
        .workers(1)
        .queue_capacity(2)
        .build()
        .unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let say = |what: &'static str| {
        let order = Arc::clone(&order);
        make_work(move || order.lock().unwrap().push(what))
    };
    let report = say("report").priority(Priority::Low);
    let alarm = say("alarm").priority(Priority::High);
    scheduler.try_put_work(report).unwrap();
    scheduler.try_put_work(alarm).unwrap();
    let Err(TryPutError::Full(late)) = scheduler.try_put_work(say("late")) else {
        panic!("two are all that it holds");
    };
    scheduler.start().unwrap();
    scheduler.put_work(late).join().unwrap();
    scheduler.drain(Duration::from_secs(60)).unwrap();
    let order = order.lock().unwrap();
    assert_eq!((order[0], order.len()), ("alarm", 3));
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
