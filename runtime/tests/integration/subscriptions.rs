//! Events that put work.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hivework::{
    Event, Scheduler, TVar, WorkContext, abort, atomically, atomically_or, check, make_work,
};

use crate::support::{BOUND, builder, eventually, join, latch, receive, scheduler};

/// A list that can be waited for.
fn list<T: Clone + Send + Sync + 'static>() -> TVar<Vec<T>> {
    TVar::new(Vec::new())
}

fn push<T: Clone + Send + Sync + 'static>(list: &TVar<Vec<T>>, value: T) {
    list.update(|mut all| {
        all.push(value.clone());
        all
    });
}

fn wait_for<T: Clone + Send + Sync + 'static>(list: &TVar<Vec<T>>, count: usize) -> Vec<T> {
    hivework::atomically_timeout(BOUND, |tx| {
        let all = list.read(tx)?;
        check(all.len() >= count)?;
        Ok(all)
    })
    .expect("never so many")
}

fn word(event: &Event) -> Option<&'static str> {
    match event {
        Event::User(event) => event.downcast_ref::<&'static str>().copied(),
        _ => None,
    }
}

#[test]
fn events_that_pass_the_filter_are_handled_by_workers() {
    let scheduler = builder().workers(2).name("handling").start().unwrap();
    let handled = list();
    let theirs = handled.clone();
    let subscription = scheduler.on(
        |event| word(event).is_some_and(|word| word != "noise"),
        move |event| {
            let thread = std::thread::current().name().unwrap().to_owned();
            push(&theirs, (word(&event).unwrap(), thread));
        },
    );
    assert!(subscription.is_alive());
    for word in ["one", "noise", "two"] {
        scheduler.emit(word);
    }
    let never: Result<(), ()> = atomically_or(|tx| {
        scheduler.emit_in(tx, "rolled back")?;
        abort(())
    });
    assert!(never.is_err());
    atomically(|tx| scheduler.emit_in(tx, "three"));
    let mut handled = wait_for(&handled, 3);
    handled.sort();
    for ((word, thread), expected) in handled.iter().zip(["one", "three", "two"]) {
        assert_eq!(*word, expected);
        assert!(thread.starts_with("handling-"), "{thread}");
    }
}

#[test]
fn a_handler_or_filter_that_panics_harms_nobody() {
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let handled = list();
    let theirs = handled.clone();
    let subscription = scheduler.on(
        |event| match word(event) {
            Some("bad filter") => panic!("a filter fell over"),
            word => word.is_some(),
        },
        move |event| match word(&event).unwrap() {
            "bad handler" => panic!("a handler fell over"),
            word => push(&theirs, word),
        },
    );
    for word in ["bad filter", "bad handler", "good"] {
        scheduler.emit(word);
    }
    assert_eq!(wait_for(&handled, 1), ["good"]);
    assert!(subscription.is_alive());
    let (mut filter, mut handler) = (0, 0);
    while (filter, handler) != (1, 1) {
        match events.next_timeout(BOUND).expect("never told") {
            Event::FilterPanicked { message } => {
                assert_eq!(&*message, "a filter fell over");
                filter += 1;
            }
            Event::WorkPanicked { message, .. } => {
                assert_eq!(&*message, "a handler fell over");
                handler += 1;
            }
            _ => {}
        }
    }
}

#[test]
fn works_of_handlers_call_no_handler_and_what_they_emit_does() {
    // Where events arrive at once, a drain handles them all.
    let scheduler = Scheduler::builder().workers(2).start().unwrap();
    let events = scheduler.events();
    let calls = Arc::new(AtomicUsize::new(0));
    let (ours, theirs) = (Arc::downgrade(&calls), Arc::clone(&calls));
    let home = Arc::new(Mutex::new(None::<Scheduler>));
    *home.lock().unwrap() = Some(scheduler.clone());
    let inside = Arc::clone(&home);
    scheduler
        .on(
            |event| matches!(event, Event::WorkFinished(_)) || word(event).is_some(),
            move |event| {
                theirs.fetch_add(1, Ordering::SeqCst);
                let scheduler = inside.lock().unwrap().clone().unwrap();
                match word(&event) {
                    Some("again") => scheduler.emit("and again"),
                    Some(_) => {}
                    None => {
                        // A work of a handler's work, and what that puts in turn.
                        _ = scheduler.put_work(|work: &WorkContext| {
                            _ = work.scheduler().unwrap().put_work(|| ());
                        });
                        scheduler.emit("again");
                    }
                }
            },
        )
        .detach();
    for _ in 0..3 {
        _ = scheduler.put_work(|| ());
    }
    scheduler.drain(BOUND).unwrap();
    // Each of the three works, and two words for each.
    assert_eq!(calls.load(Ordering::SeqCst), 9);
    let finished = std::iter::from_fn(|| events.try_next())
        .filter(|event| matches!(event, Event::WorkFinished(_)))
        .count();
    // The three, the nine handlers', and two for each of three handlers.
    assert_eq!(finished, 18);
    let stats = scheduler.stats();
    assert_eq!((stats.put, stats.finished, stats.stopped), (19, 18, 1));
    assert_eq!((stats.queued, stats.running, stats.waiting), (0, 0, 0));
    // A handler that owns its scheduler went with the drain.
    drop(calls);
    eventually("the handler's drop", || ours.upgrade().is_none());
    home.lock().unwrap().take();
}

#[test]
fn a_stop_interrupts_a_subscription_and_a_drain_ends_it() {
    let scheduler = scheduler(1);
    let handled = list();
    let theirs = handled.clone();
    let subscription = scheduler.on(
        |event| word(event).is_some(),
        move |event| push(&theirs, word(&event).unwrap()),
    );
    scheduler.emit("before");
    wait_for(&handled, 1);
    scheduler.stop().unwrap();
    scheduler.emit("meanwhile");
    assert!(subscription.is_alive());
    scheduler.start().unwrap();
    assert_eq!(wait_for(&handled, 2), ["before", "meanwhile"]);
    scheduler.drain(BOUND).unwrap();
    assert!(!subscription.is_alive());
    scheduler.start().unwrap();
    scheduler.emit("after");
    join(scheduler.put_work(|| ())).unwrap();
    assert_eq!(handled.load().len(), 2);
}

#[test]
fn a_subscription_ends_with_its_handle_or_its_scheduler() {
    let held = Arc::new(());
    let subscribe = |scheduler: &Scheduler| {
        let held = Arc::clone(&held);
        scheduler.on(|_| true, move |_| drop(Arc::clone(&held)))
    };
    let of_us = |count| eventually("the drop", || Arc::strong_count(&held) == count);
    let scheduler = scheduler(1);
    let subscription = subscribe(&scheduler);
    subscribe(&scheduler).detach();
    scheduler.emit(1);
    drop(subscription);
    join(scheduler.put_work(|| ())).unwrap();
    of_us(2);
    drop(scheduler);
    of_us(1);
    // One that never ran, over one that never started.
    let scheduler = builder().workers(1).queue_capacity(1).build().unwrap();
    let work = scheduler.put_work(|| ());
    let subscription = subscribe(&scheduler);
    subscribe(&scheduler).detach();
    assert!(subscription.is_alive());
    drop((scheduler, work));
    assert!(!subscription.is_alive());
    drop(subscription);
    of_us(1);
}

#[test]
fn a_subscription_can_be_made_by_work_and_not_in_a_transaction() {
    let scheduler = scheduler(1);
    let handled = list();
    let theirs = handled.clone();
    let subscription = join(scheduler.put_work(move |work: &WorkContext| {
        let scheduler = work.scheduler().unwrap();
        let subscription = scheduler.on(
            |event| word(event).is_some(),
            move |event| push(&theirs, word(&event).unwrap()),
        );
        scheduler.emit("from inside");
        subscription
    }))
    .unwrap();
    assert_eq!(wait_for(&handled, 1), ["from inside"]);
    drop(subscription);
    let inside = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        atomically(|_| Ok(scheduler.on(|_| true, |_| ())))
    }));
    assert!(inside.is_err());
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn slow_handlers_hold_up_nothing_and_are_told_what_they_missed() {
    let count: u64 = if cfg!(miri) { 10 } else { 8_000 };
    let scheduler = scheduler(1);
    let (open, gate) = latch::<()>();
    let gate = Mutex::new(Some(gate));
    let (handled, missed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let theirs = (Arc::clone(&handled), Arc::clone(&missed));
    let subscription = scheduler.on(
        |event| matches!(event, Event::User(_) | Event::Missed(_)),
        move |event| {
            if let Some(gate) = gate.lock().unwrap().take() {
                receive(&gate);
            }
            match event {
                Event::Missed(more) => theirs.1.fetch_add(more, Ordering::SeqCst),
                _ => theirs.0.fetch_add(1, Ordering::SeqCst),
            };
        },
    );
    for n in 0..count {
        scheduler.emit(n);
    }
    // No more are put than fit.
    assert!(scheduler.stats().put < 1_300);
    open.send(()).unwrap();
    eventually("all of them", || {
        let missed = missed.load(Ordering::SeqCst);
        // Among what it missed may be what was told of its own works.
        handled.load(Ordering::SeqCst) + missed >= count
    });
    assert!(handled.load(Ordering::SeqCst) <= count);
    drop(subscription);
    join(scheduler.put_work(make_work(|| ()).name("afterwards"))).unwrap();
}
