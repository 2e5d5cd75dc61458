//! `on_done`: in order, once, whatever becomes of the work and of the other callbacks.
//!
//! The tests of Jobserver's callbacks are here by their names, as far as works have what they are about.

use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use hivework::internals::{Crash, lone};
use hivework::{
    Event, Events, ManualClock, Scheduler, Stats, Status, WorkError, WorkHandle, atomically,
    make_future, make_work,
};

use crate::support::{
    BOUND, builder, eventually, join, latch, receive, scheduler, stopped_scheduler,
};
use crate::timers::by_hand;

/// Who was called, in order.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<usize>>>);

impl Calls {
    fn note<T>(&self, who: usize) -> impl FnOnce(&Result<T, WorkError>) + Send + use<T> {
        let calls = self.clone();
        move |_| calls.0.lock().unwrap().push(who)
    }

    fn list(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }
}

/// A handle that callbacks can reach.
type Slot<T> = Arc<Mutex<Option<WorkHandle<T>>>>;

fn slot<T>(handle: WorkHandle<T>) -> Slot<T> {
    Arc::new(Mutex::new(Some(handle)))
}

/// What the callbacks' panics said, and how many the figures count.
fn told(scheduler: &Scheduler, events: &Events, panics: usize) -> (Vec<String>, Stats) {
    let events = std::iter::from_fn(|| events.next_timeout(BOUND));
    let panicked = events.filter_map(|event| match event {
        Event::CallbackPanicked { message, .. } => Some(message.to_string()),
        _ => None,
    });
    (panicked.take(panics).collect(), scheduler.stats())
}

// By Jobserver's tests.

#[test]
fn jobserver_100_in_order() {
    let scheduler = stopped_scheduler(1);
    let calls = Calls::default();
    let mut work = make_work(|| 7);
    for who in 0..50 {
        work = work.on_done(calls.note(who));
    }
    let mut handle = scheduler.put_work(work);
    for who in 50..99 {
        handle.on_done(calls.note(who));
    }
    scheduler.start().unwrap();
    assert_eq!(handle.join_timeout(BOUND).unwrap().unwrap(), 7);
    assert_eq!(
        calls.list(),
        (0..99).collect::<Vec<_>>(),
        "before the answer"
    );
    handle.on_done(calls.note(99));
    assert_eq!(
        calls.list(),
        (0..100).collect::<Vec<_>>(),
        "after it, at once"
    );
}

#[test]
fn jobserver_five_raising_drain() {
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let calls = Calls::default();
    let mut work = make_work(|| 7);
    for who in 0..5 {
        let note = calls.note(who);
        work = work.on_done(move |outcome| {
            note(outcome);
            panic!("callback {who}");
        });
    }
    assert_eq!(
        join(scheduler.put_work(work.on_done(calls.note(5)))).unwrap(),
        7
    );
    assert_eq!(calls.list(), [0, 1, 2, 3, 4, 5]);
    let (messages, stats) = told(&scheduler, &events, 5);
    let expected: Vec<_> = (0..5).map(|who| format!("callback {who}")).collect();
    assert_eq!(messages, expected);
    assert_eq!(
        (stats.panicked_callbacks, stats.finished, stats.panicked),
        (5, 1, 0)
    );
    assert!(stats.to_string().contains("5 callbacks panicked"));
}

/// A panic in a callback that was added by another is that callback's own, and told of once.
#[test]
fn jobserver_no_double_wrap() {
    let scheduler = stopped_scheduler(1);
    let events = scheduler.events();
    let work = slot(scheduler.put_work(|| 7));
    let theirs = Arc::clone(&work);
    with(&work, |handle| {
        handle.on_done(move |_| {
            with(&theirs, |handle| handle.on_done(|_| panic!("inner")));
            panic!("outer");
        });
    });
    scheduler.start().unwrap();
    assert_eq!(told(&scheduler, &events, 2).0, ["outer", "inner"]);
    assert_eq!(join(take(&work)).unwrap(), 7);
    assert_eq!(scheduler.stats().panicked_callbacks, 2);
}

fn with<T>(slot: &Slot<T>, act: impl FnOnce(&mut WorkHandle<T>)) {
    act(slot.lock().unwrap().as_mut().expect("it is there"));
}

fn take<T>(slot: &Slot<T>) -> WorkHandle<T> {
    slot.lock().unwrap().take().expect("it is there")
}

#[test]
fn jobserver_callback_submits_new_work() {
    let scheduler = scheduler(1);
    let (sender, receiver) = latch();
    let theirs = scheduler.clone();
    let work = make_work(|| 7).on_done(move |outcome| {
        let seven = outcome.clone().unwrap();
        // Waited for there: by the same worker, which runs it itself.
        let next = join(theirs.put_work(move || seven + 1)).unwrap();
        sender.send(theirs.put_work(move || next + 1)).unwrap();
    });
    assert_eq!(join(scheduler.put_work(work)).unwrap(), 7);
    assert_eq!(join(receive(&receiver)).unwrap(), 9);
}

/// A drain waits for callbacks, and for what they put.
#[test]
fn jobserver_exit_drains() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let put = Arc::new(AtomicUsize::new(0));
    let (theirs, count) = (scheduler.clone(), Arc::clone(&put));
    let work = make_work(|| ()).on_done(move |_| {
        begun.send(()).unwrap();
        receive(&gate);
        drop(theirs.put_work(move || count.fetch_add(1, Ordering::SeqCst)));
    });
    drop(scheduler.put_work(work));
    receive(&begins);
    let events = scheduler.events();
    let drain = thread::spawn(move || scheduler.drain(BOUND));
    eventually("it drains", || {
        events
            .try_next()
            .is_some_and(|event| matches!(event, Event::Draining))
    });
    assert!(!drain.is_finished(), "not before the callback");
    open.send(()).unwrap();
    assert_eq!(drain.join().unwrap(), Ok(()));
    assert_eq!(put.load(Ordering::SeqCst), 1);
}

// Order.

#[test]
fn a_callback_that_a_callback_adds_comes_last_and_flat() {
    let scheduler = stopped_scheduler(1);
    let calls = Calls::default();
    let work = slot(scheduler.put_work(|| 7));
    let (theirs, own) = (Arc::clone(&work), calls.clone());
    with(&work, |handle| {
        handle.on_done(move |outcome| {
            let (nested, inner) = (Arc::clone(&theirs), own.clone());
            with(&theirs, |handle| {
                handle.on_done(move |outcome| {
                    with(&nested, |handle| handle.on_done(inner.note(4)));
                    inner.note(3)(outcome);
                });
            });
            // The other one has not been called inside this one.
            own.note(1)(outcome);
        });
        handle.on_done(calls.note(2));
    });
    scheduler.start().unwrap();
    eventually("all four are called", || calls.list().len() == 4);
    assert_eq!(join(take(&work)).unwrap(), 7);
    assert_eq!(calls.list(), [1, 2, 3, 4]);
}

#[test]
fn callbacks_that_others_add_meanwhile_keep_their_order() {
    let scheduler = scheduler(2);
    for _ in 0..200 {
        let calls = Calls::default();
        let mut handle = scheduler.put_work(|| 7);
        for who in 0..20 {
            handle.on_done(calls.note(who));
        }
        assert_eq!(join(handle).unwrap(), 7);
        assert_eq!(calls.list(), (0..20).collect::<Vec<_>>());
    }
}

// Deadlines.

/// The work runs beyond its deadline: those added before that wait for its end, and those added
/// after stay behind them.
#[test]
fn after_a_deadline_none_overtakes_those_that_wait_for_the_end() {
    let (scheduler, clock) = by_hand(1);
    let calls = Calls::default();
    let (begun, begins) = latch();
    let (open, gate) = latch();
    let work = make_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    let work = work.deadline(Duration::from_secs(1)).on_done(calls.note(0));
    let mut handle = scheduler.put_work(work);
    receive(&begins);
    clock.advance(Duration::from_secs(2));
    assert!(matches!(
        handle.join_timeout(BOUND),
        Some(Err(WorkError::DeadlineExceeded))
    ));
    handle.on_done(calls.note(1));
    handle.on_done(calls.note(2));
    assert!(calls.list().is_empty(), "the work still runs");
    open.send(()).unwrap();
    eventually("called", || calls.list().len() == 3);
    assert_eq!(calls.list(), [0, 1, 2]);
    // At once, or as soon as the thread that has called those has seen that there is none left.
    handle.on_done(calls.note(3));
    eventually("called", || calls.list().len() == 4);
    assert_eq!(calls.list(), [0, 1, 2, 3]);
}

/// The deadline is made to fall close to the end of the work, and callbacks are added before, between and
/// after.
#[test]
fn whichever_comes_first_the_deadline_or_the_end_callbacks_keep_their_order() {
    let scheduler = scheduler(2);
    let limit = Duration::from_micros(200);
    for round in 0..300 {
        let end = Instant::now() + limit + Duration::from_micros(round % 60);
        let calls = Calls::default();
        let work = make_work(move || while Instant::now() < end {}).deadline(limit);
        let mut handle = scheduler.put_work(work.on_done(calls.note(0)));
        handle.on_done(calls.note(1));
        let _ = handle.join_timeout(BOUND).expect("it ends");
        handle.on_done(calls.note(2));
        handle.on_done(calls.note(3));
        eventually("all four are called", || calls.list().len() == 4);
        assert_eq!(calls.list(), [0, 1, 2, 3]);
    }
}

/// With none before it that waits, a callback is called at once, though the work still runs.
#[test]
fn after_a_deadline_a_first_callback_is_called_at_once() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(1).clock(&clock).build().unwrap();
    let calls = Calls::default();
    let mut handle = scheduler.put_work(make_work(|| ()).deadline(Duration::from_secs(1)));
    clock.advance(Duration::from_secs(2));
    assert!(matches!(
        handle.join_timeout(BOUND),
        Some(Err(WorkError::DeadlineExceeded))
    ));
    handle.on_done(calls.note(0));
    assert_eq!(calls.list(), [0]);
}

#[test]
fn a_callback_takes_no_outcome_away() {
    let (mut handle, item) = lone(|| 7, true);
    item.expire();
    let (sender, receiver) = latch();
    handle.on_done(move |outcome| sender.send(outcome.clone()).unwrap());
    assert!(matches!(
        receive(&receiver),
        Err(WorkError::DeadlineExceeded)
    ));
    assert!(matches!(handle.join(), Err(WorkError::DeadlineExceeded)));
    item.run();
    let scheduler = scheduler(1);
    let mut work = scheduler.put_work(|| 7);
    eventually("done", || work.status() == Status::Done);
    work.on_done(|_| panic!("after the end"));
    assert_eq!(join(work).unwrap(), 7);
    assert_eq!(scheduler.stats().panicked_callbacks, 1);
}

#[test]
fn a_callback_for_a_result_that_was_taken_is_told_so() {
    let scheduler = scheduler(1);
    let mut work = scheduler.put_work(|| 7);
    assert_eq!(work.join_timeout(BOUND).unwrap().unwrap(), 7);
    let (sender, receiver) = latch();
    work.on_done(move |outcome| sender.send(outcome.clone()).unwrap());
    assert!(matches!(receive(&receiver), Err(WorkError::Lost(_))));
}

// Other ends.

#[test]
fn a_panic_in_a_callback_of_cancelled_work_loses_nothing() {
    let scheduler = stopped_scheduler(1);
    let calls = Calls::default();
    let work = make_work(|| ())
        .on_done(|_| panic!("callback"))
        .on_done(calls.note(1));
    let handle = scheduler.put_work(work);
    assert!(handle.cancel());
    assert_eq!(calls.list(), [1]);
    assert!(matches!(join(handle), Err(WorkError::Cancelled)));
    assert_eq!(scheduler.stats().panicked_callbacks, 1);
}

/// The callbacks run while the worker's thread unwinds, and one of them panics as well.
#[test]
fn a_panic_in_a_callback_of_lost_work_loses_nothing() {
    let scheduler = scheduler(1);
    let calls = Calls::default();
    let work = make_work(|| -> i32 { panic_any(Crash) })
        .on_done(|outcome| {
            assert!(matches!(outcome, Err(WorkError::Lost(_))));
            panic!("callback");
        })
        .on_done(calls.note(1));
    assert!(matches!(
        join(scheduler.put_work(work)),
        Err(WorkError::Lost(_))
    ));
    assert_eq!(calls.list(), [1]);
    assert_eq!(scheduler.stats().panicked_callbacks, 1);
    assert_eq!(
        join(scheduler.put_work(|| 7)).unwrap(),
        7,
        "its worker is replaced"
    );
}

/// What would end a worker does not end the callbacks.
#[test]
fn a_crash_in_a_callback_keeps_nobody_waiting() {
    let scheduler = scheduler(1);
    let calls = Calls::default();
    let work = make_work(|| 7)
        .on_done(|_| panic_any(Crash))
        .on_done(calls.note(1));
    assert_eq!(join(scheduler.put_work(work)).unwrap(), 7);
    assert_eq!(calls.list(), [1]);
    assert_eq!(scheduler.stats().crashed_workers, 0);
}

#[test]
fn a_callback_may_drop_the_handle() {
    let scheduler = stopped_scheduler(1);
    let result = Arc::new(());
    let sent = Arc::clone(&result);
    let calls = Calls::default();
    let work = slot(scheduler.put_work(move || sent));
    let theirs = Arc::clone(&work);
    with(&work, |handle| {
        handle.on_done(move |_| drop(take(&theirs)));
        handle.on_done(calls.note(1));
    });
    scheduler.start().unwrap();
    scheduler.drain(BOUND).unwrap();
    assert_eq!(calls.list(), [1]);
    assert_eq!(Arc::strong_count(&result), 1, "a result nobody will take");
}

#[test]
fn a_callback_that_joins_its_own_work_is_told_so() {
    let scheduler = stopped_scheduler(1);
    let work = slot(scheduler.put_work(|| 7));
    let theirs = Arc::clone(&work);
    let (sender, receiver) = latch();
    with(&work, |handle| {
        handle.on_done(move |_| sender.send(take(&theirs).join()).unwrap())
    });
    scheduler.start().unwrap();
    assert!(matches!(receive(&receiver), Err(WorkError::WouldDeadlock)));
}

#[test]
fn the_callbacks_of_futures_and_of_put_backs_are_called_once() {
    let scheduler = builder().workers(1).queue_capacity(1).build().unwrap();
    let calls = Calls::default();
    let filling = scheduler.put_work(|| ());
    // Given back, and put again.
    let work = make_work(|| ()).on_done(calls.note(1));
    let work = scheduler.try_put_work(work).unwrap_err().into_work();
    scheduler.start().unwrap();
    join(filling).unwrap();
    join(scheduler.put_work(work.on_done(calls.note(2)))).unwrap();
    join(scheduler.put_work(make_future(async {}).on_done(calls.note(3)))).unwrap();
    assert_eq!(calls.list(), [1, 2, 3]);
}

#[test]
fn a_callback_is_not_added_inside_a_transaction() {
    let scheduler = scheduler(1);
    let mut work = scheduler.put_work(|| 7);
    let added = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        atomically(|_| {
            work.on_done(|_| ());
            Ok(())
        });
    }));
    let message = added.unwrap_err();
    let message = message.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(message.contains("make_work(…).on_done(…)"), "{message}");
    assert_eq!(join(work).unwrap(), 7);
}

#[test]
fn a_panicking_callback_of_a_handlers_work_calls_no_handler() {
    let scheduler = scheduler(1);
    let panics = Arc::new(AtomicUsize::new(0));
    let (count, theirs) = (Arc::clone(&panics), scheduler.clone());
    let subscription = scheduler.on(
        |event| matches!(event, Event::CallbackPanicked { .. }),
        move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            drop(theirs.put_work(make_work(|| ()).on_done(|_| panic!("in turn"))));
        },
    );
    drop(scheduler.put_work(make_work(|| ()).on_done(|_| panic!("callback"))));
    eventually("both have", || scheduler.stats().panicked_callbacks == 2);
    subscription.detach();
    scheduler.drain(BOUND).unwrap();
    assert_eq!(panics.load(Ordering::SeqCst), 1);
}
