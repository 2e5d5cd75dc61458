//! What ends a run waits for works, and never for itself: not in callbacks that end it in turn,
//! nor in those that join what is yet to be answered. Nor does it hold up others for longer than
//! they allow.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hivework::{
    Drained, Event, Scheduler, StopError, TVar, WorkError, WorkHandle, atomically, check,
    make_future, make_work,
};

use crate::support::{BOUND, eventually, join, latch, receive, scheduler, stopped_scheduler};

/// Long enough to wait for its end in vain.
const NEVER: Duration = Duration::MAX;
const LATER: Duration = Duration::from_secs(3600);

/// Runs it on a thread of its own, and fails the test instead of hanging it.
fn in_time<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, dones) = latch();
    thread::spawn(move || done.send(f()));
    receive(&dones)
}

type Answers = (Result<(), StopError>, Result<(), Drained>, bool);

const INSIDE: Answers = (Err(StopError::InsideWork), Err(Drained::InsideWork), true);

/// What whoever calls it is told; the scheduler must not stop because of it.
fn end_it(scheduler: &Scheduler) -> Answers {
    let answers = (scheduler.stop(), scheduler.drain(NEVER));
    (answers.0, answers.1, scheduler.start().is_ok())
}

fn ends_it(scheduler: &Scheduler, answers: &Sender<Answers>) -> impl FnOnce() + Send + use<> {
    let (scheduler, answers) = (scheduler.clone(), answers.clone());
    move || answers.send(end_it(&scheduler)).unwrap()
}

/// A transaction that nobody will wake.
fn waits(scheduler: &Scheduler) -> WorkHandle<()> {
    let never = TVar::new(false);
    scheduler.put_transaction(move |tx| check(never.read(tx)?))
}

/// Calls it when it is dropped.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

fn is_draining(scheduler: &Scheduler) {
    eventually("draining", || scheduler.try_put_work(|| ()).is_err());
}

fn drain(scheduler: &Scheduler) -> thread::JoinHandle<Result<(), Drained>> {
    let scheduler = scheduler.clone();
    let name = thread::Builder::new().name("drains".to_owned());
    name.spawn(move || scheduler.drain(NEVER)).unwrap()
}

/// Waits until the drain has looked at what there is, and sleeps.
fn drain_sleeps(scheduler: &Scheduler) {
    is_draining(scheduler);
    #[cfg(target_os = "linux")]
    eventually("the drain sleeps", || {
        (0..50).all(|_| crate::support::doing("drains").ends_with('S'))
    });
}

#[test]
fn callbacks_that_a_drain_calls_do_not_wait_for_it() {
    let answers = in_time(|| {
        let scheduler = scheduler(1);
        let (answer, answers) = latch();
        let ends = ends_it(&scheduler, &answer);
        let delayed = make_work(|| ()).delay(LATER).on_done(move |_| ends());
        drop(scheduler.put_work(delayed));
        let dropped = OnDrop(Some(ends_it(&scheduler, &answer)));
        drop(scheduler.put_work(make_work(move || drop(dropped)).delay(LATER)));
        let mut guest = waits(&scheduler);
        let ends = ends_it(&scheduler, &answer);
        guest.on_done(move |_| ends());
        scheduler.drain(NEVER).unwrap();
        assert!(!scheduler.is_running());
        drop((scheduler, guest, answer));
        answers.iter().collect::<Vec<_>>()
    });
    assert_eq!(answers, [INSIDE; 3]);
}

#[test]
fn callbacks_of_what_is_cancelled_outside_do_not_wait_for_it() {
    let answers = in_time(|| {
        let scheduler = scheduler(1);
        let (answer, answers) = latch();
        let ends = ends_it(&scheduler, &answer);
        let delayed = make_work(|| ()).delay(LATER).on_done(move |_| ends());
        assert!(scheduler.put_work(delayed).cancel());
        let dropped = OnDrop(Some(ends_it(&scheduler, &answer)));
        let future = make_future(async move {
            let _dropped = dropped;
            std::future::pending::<()>().await;
        });
        let future = scheduler.put_work(future.delay(LATER));
        assert!(future.cancel());
        assert!(scheduler.is_running());
        drop((scheduler, answer));
        answers.iter().collect::<Vec<_>>()
    });
    assert_eq!(answers, [INSIDE; 2]);
}

#[test]
fn a_callback_may_start_a_scheduler_that_is_stopped() {
    in_time(|| {
        let scheduler = stopped_scheduler(1);
        let starts = scheduler.clone();
        let work = make_work(|| ()).on_done(move |_| starts.start().unwrap());
        assert!(scheduler.put_work(work).cancel());
        assert!(scheduler.is_running());
        assert_eq!(scheduler.put_work(|| 1).join().unwrap(), 1);
    });
}

/// Has the first one's callback join the other, and tell what came of it.
fn joins<T, U>(first: &mut WorkHandle<T>, other: WorkHandle<U>, tell: &Sender<Result<U, WorkError>>)
where
    T: Send + 'static,
    U: Send + 'static,
{
    let tell = tell.clone();
    first.on_done(move |_| tell.send(other.join()).unwrap());
}

#[test]
fn callbacks_join_what_the_last_handle_leaves_behind() {
    for busy in [false, true] {
        let joined = in_time(move || {
            let scheduler = if busy {
                scheduler(1)
            } else {
                stopped_scheduler(1)
            };
            let (open, gate) = latch::<()>();
            if busy {
                let (begun, begins) = latch();
                drop(scheduler.put_work(move || {
                    begun.send(()).unwrap();
                    receive(&gate);
                }));
                receive(&begins);
            }
            let (tell, told) = latch();
            let mut first = scheduler.put_work(|| 1);
            let other = scheduler.put_work(|| 2);
            joins(&mut first, other, &tell);
            let dropper = thread::spawn(move || drop(scheduler));
            assert!(matches!(join(first), Err(WorkError::Stopped)));
            drop(open);
            dropper.join().unwrap();
            receive(&told)
        });
        assert!(matches!(joined, Err(WorkError::Stopped)), "busy: {busy}");
    }
}

#[test]
fn a_callback_of_the_end_joins_work_that_runs_and_waits_for_what_is_queued() {
    let joined = in_time(|| {
        let scheduler = scheduler(1);
        let (begun, begins) = latch();
        let queued = TVar::new(None::<Arc<WorkHandle<i32>>>);
        let theirs = queued.clone();
        let running = scheduler.put_work(move || {
            begun.send(()).unwrap();
            atomically(|tx| match theirs.read(tx)? {
                Some(queued) => queued.wait_in(tx),
                None => hivework::retry(),
            })
        });
        receive(&begins);
        let (tell, told) = latch();
        let mut first = scheduler.put_work(make_work(|| ()).delay(LATER));
        joins(&mut first, running, &tell);
        // It comes before the other in what is answered at the end; and more may be put
        // in between.
        let later = make_work(|| 3).delay(LATER * 2);
        queued.store(Some(Arc::new(scheduler.put_work(later))));
        drop(scheduler);
        receive(&told).unwrap()
    });
    assert!(matches!(joined, Err(WorkError::Stopped)));
}

#[test]
fn callbacks_join_what_a_drain_answers() {
    let (sleeper, guest) = in_time(|| {
        let scheduler = scheduler(1);
        let (tell, told) = latch();
        let mut first = scheduler.put_work(make_work(|| ()).delay(LATER));
        let mut second = scheduler.put_work(make_work(|| ()).delay(LATER * 2));
        let guest = waits(&scheduler);
        // The drain would come to it later, when nothing else is left.
        joins(&mut second, guest, &tell);
        joins(&mut first, second, &tell);
        scheduler.drain(NEVER).unwrap();
        let guest = receive(&told);
        (receive(&told), guest)
    });
    assert!(matches!(sleeper, Err(WorkError::Stopped)));
    assert!(matches!(guest, Err(WorkError::Stopped)));
}

#[test]
fn callbacks_of_a_drain_join_each_others_transactions() {
    let told = in_time(|| {
        let scheduler = scheduler(1);
        let (tell, told) = latch();
        let [mut one, mut two, three, four] = [(); 4].map(|()| waits(&scheduler));
        joins(&mut one, three, &tell);
        joins(&mut two, four, &tell);
        eventually("all wait", || scheduler.stats().waiting == 4);
        scheduler.drain(NEVER).unwrap();
        [receive(&told), receive(&told)]
    });
    assert!(
        told.iter()
            .all(|told| matches!(told, Err(WorkError::Stopped)))
    );
}

#[test]
fn a_long_chain_of_callbacks_that_join_ends() {
    const WORKS: usize = if cfg!(miri) { 100 } else { 1000 };
    for drained in [false, true] {
        let (stopped, told) = in_time(move || {
            let scheduler = if drained {
                scheduler(1)
            } else {
                stopped_scheduler(1)
            };
            let make = |n| make_work(move || n).delay(LATER * (n + 1));
            let mut works = (0..WORKS as u32)
                .map(|n| scheduler.put_work(make(n)))
                .collect::<Vec<_>>();
            let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
            let mut next = works.pop().unwrap();
            while let Some(mut work) = works.pop() {
                let counts = Arc::clone(&counts);
                work.on_done(move |_| {
                    match next.join() {
                        Err(WorkError::Stopped) => counts.0.fetch_add(1, Ordering::SeqCst),
                        Err(WorkError::WouldDeadlock) => counts.1.fetch_add(1, Ordering::SeqCst),
                        other => panic!("{other:?}"),
                    };
                });
                next = work;
            }
            if drained {
                scheduler.drain(NEVER).unwrap();
            }
            drop(scheduler);
            assert!(matches!(join(next), Err(WorkError::Stopped)));
            let count = |count: &AtomicUsize| count.load(Ordering::SeqCst);
            (count(&counts.0), count(&counts.1))
        });
        assert_eq!(stopped + told, WORKS - 1);
        assert!(told <= WORKS / 50, "{told} were told that it would not end");
    }
}

#[test]
fn a_drain_leaves_transactions_alone_while_futures_are_left() {
    let scheduler = scheduler(1);
    let (signal, ready) = (TVar::new(false), TVar::new(false));
    let (mine, theirs) = (signal.clone(), ready.clone());
    let future = scheduler.spawn(async move {
        hivework::atomically_async(move |tx| check(mine.read(tx)?)).await;
        theirs.store(true);
    });
    let transaction = scheduler.put_transaction(move |tx| check(ready.read(tx)?).map(|()| 42));
    eventually("both wait", || scheduler.stats().waiting == 2);
    let drainer = drain(&scheduler);
    drain_sleeps(&scheduler);
    signal.store(true);
    join(future).unwrap();
    assert_eq!(join(transaction).unwrap(), 42);
    in_time(move || drainer.join().unwrap()).unwrap();
}

#[test]
fn a_drain_lets_a_long_chain_of_events_come_to_its_end() {
    // More than the times that a drain waits for what an outside tells.
    const LINKS: u32 = if cfg!(miri) { 10 } else { 1200 };
    // Over a transport that brings events later a drain does not wait for those on the way.
    let scheduler = Scheduler::builder().workers(1).start().unwrap();
    let (last, lasts) = latch();
    let (last, weak) = (Mutex::new(last), Mutex::new(None::<Scheduler>));
    let weak = Arc::new(weak);
    let theirs = Arc::clone(&weak);
    let link = |event: &Event| match event {
        Event::User(event) => event.downcast_ref::<u32>().copied(),
        _ => None,
    };
    let subscription = scheduler.on(
        move |event| link(event).is_some(),
        move |event| {
            let n = link(&event).unwrap();
            if n == LINKS {
                last.lock().unwrap().send(()).unwrap();
            } else if let Some(scheduler) = &*theirs.lock().unwrap() {
                scheduler.emit(n + 1);
            }
        },
    );
    *weak.lock().unwrap() = Some(scheduler.clone());
    eventually("it waits", || scheduler.stats().waiting == 1);
    let events = scheduler.clone();
    drop(scheduler.put_work(move || events.emit(0_u32)));
    let drained = {
        let scheduler = scheduler.clone();
        in_time(move || scheduler.drain(NEVER))
    };
    drained.unwrap();
    lasts.try_recv().expect("the chain was cut");
    assert!(!subscription.is_alive());
    *weak.lock().unwrap() = None;
}

#[test]
fn a_stop_cuts_a_drain_short_and_others_wait_no_longer_than_they_say() {
    let scheduler = scheduler(1);
    let future = scheduler.spawn(std::future::pending::<()>());
    eventually("it waits", || scheduler.stats().waiting == 1);
    let drainer = drain(&scheduler);
    drain_sleeps(&scheduler);
    let theirs = scheduler.clone();
    in_time(move || {
        // It runs.
        theirs.start().unwrap();
        let second = theirs.drain(Duration::from_millis(1));
        assert_eq!(second, Err(Drained::TimedOut { queued: 1 }));
        assert!(theirs.is_running(), "the first drain goes on");
        theirs.stop().unwrap();
        assert!(!theirs.is_running());
    });
    let drained = in_time(move || drainer.join().unwrap());
    assert_eq!(drained, Err(Drained::CutShort { queued: 1 }));
    scheduler.start().unwrap();
    assert!(future.cancel());
    scheduler.drain(BOUND).unwrap();
}

#[test]
fn errors_of_an_end_say_what_to_do() {
    let said = [
        StopError::InsideWork.to_string(),
        Drained::InsideWork.to_string(),
        Drained::TimedOut { queued: 3 }.to_string(),
        Drained::CutShort { queued: 3 }.to_string(),
        Drained::NotRunning { queued: 3 }.to_string(),
        hivework::NotRunning.to_string(),
    ];
    for said in said {
        assert!(
            said.contains("start") || said.contains("a thread of your own"),
            "{said}"
        );
    }
}
