//! Written from the README alone.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use hivework::{
    Event, Fork, ManualClock, Member, MemberError, Priority, Scheduler, TVar, TryPutError, Work,
    WorkContext, WorkError, abort, atomically, atomically_or, check, make_scheduler, make_work,
    par_map, par_sort, retry,
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
    later_and_again();
    together(&scheduler);
    watch_and_answer();
    grow_and_shrink();

    scheduler.drain(Duration::from_secs(60)).unwrap();
    println!(
        "put, joined, awaited, composed, divided, bounded, timed, watched: all as the README says"
    );
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

/// Delays and periods, by a clock that is turned.
fn later_and_again() {
    let clock = ManualClock::new();
    let scheduler = Scheduler::builder()
        .workers(1)
        .clock(&clock)
        .start()
        .unwrap();
    let hour = Duration::from_secs(3600);
    let late = scheduler.put_work(make_work(|| "late").delay(hour));
    let turns = TVar::new(0);
    let count = turns.clone();
    let hourly = scheduler.put_work(Work::every(hour, move || count.update(|count| count + 1)));
    let paused = scheduler.put_work(Work::every_after(hour, || ControlFlow::Break("once")));
    for turn in 1..=3 {
        atomically(|tx| check(turns.read(tx)? == turn));
        clock.advance(hour);
    }
    assert_eq!(late.join().unwrap(), "late");
    assert_eq!(paused.join().unwrap(), "once");
    assert!(hourly.cancel());
}

/// A team whose members send each other messages.
fn together(scheduler: &Scheduler) {
    let ring = scheduler.put_team(3, |member: &Member<Vec<usize>>| {
        if member.index() == 0 {
            member.send(1, vec![0])?;
            return member.receive().map(|(_, round)| round);
        }
        let (_, mut round) = member.receive()?;
        round.push(member.index());
        member.send((member.index() + 1) % member.size(), round)?;
        Ok::<_, MemberError>(Vec::new())
    });
    assert_eq!(ring.unwrap().join().unwrap()[0], Ok(vec![0, 1, 2]));
}

/// Events that are answered, a work that takes too long, and the books.
fn watch_and_answer() {
    let scheduler = make_scheduler();
    let cancelled = TVar::new(None);
    let theirs = cancelled.clone();
    let subscription = scheduler.on(
        |event| matches!(event, Event::WorkCancelled(_)),
        move |event| theirs.store(event.work().and_then(|work| work.name.clone())),
    );
    let hog = make_work(|work: &WorkContext| -> Result<(), WorkError> {
        loop {
            work.checkpoint()?;
        }
    });
    let hog = scheduler.put_work(hog.name("hog").time_slices(2).cancel_on_overrun());
    assert!(matches!(hog.join(), Err(WorkError::Cancelled)));
    let name = atomically(|tx| match cancelled.read(tx)? {
        Some(name) => Ok(name),
        None => retry(),
    });
    assert_eq!(&*name, "hog");
    drop(subscription);
    let stats = scheduler.stats();
    assert_eq!(stats.name("hog").unwrap().cancelled, 1);
    assert_eq!(scheduler.expected("hog"), None);
}

/// More workers, and fewer.
fn grow_and_shrink() {
    let scheduler = Scheduler::builder().workers_between(1, 4).start().unwrap();
    scheduler.set_workers(4).unwrap();
    assert_eq!(scheduler.broadcast(|_| ()).unwrap().len(), 4);
    assert!(scheduler.set_workers(0).is_err());
    scheduler.set_workers_between(1, 4).unwrap();
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
