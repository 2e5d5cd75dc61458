use hivework::{Event, TVar, WorkContext, abort, atomically, atomically_or, make_work};

use crate::support::{BOUND, join, scheduler, stopped_scheduler};

#[test]
fn the_life_of_work_and_workers_is_told_in_order() {
    let scheduler = stopped_scheduler(1);
    let events = scheduler.events();
    scheduler.start().unwrap();
    join(scheduler.put_work(make_work(|| 1).name("good"))).unwrap();
    let bad = join(scheduler.put_work(make_work(|| panic!("bad luck")).name("bad")));
    assert!(bad.is_err());
    scheduler.stop().unwrap();
    let mut told = Vec::new();
    loop {
        match events.next_timeout(BOUND).expect("never told") {
            Event::Started { workers: 1 } => told.push("started"),
            Event::WorkerStarted { worker: 0 } => told.push("worker started"),
            Event::WorkPut(work) => told.push(if work.name.as_deref() == Some("good") {
                "good put"
            } else {
                "bad put"
            }),
            Event::WorkStarted { work, worker } => {
                assert_eq!(worker, Some(0));
                told.push(if work.name.as_deref() == Some("good") {
                    "good started"
                } else {
                    "bad started"
                });
            }
            Event::WorkFinished(work) => {
                assert_eq!(work.name.as_deref(), Some("good"));
                told.push("finished");
            }
            Event::WorkPanicked { work, message } => {
                assert_eq!((work.name.as_deref(), &*message), (Some("bad"), "bad luck"));
                told.push("panicked");
            }
            Event::WorkerStopped { worker: 0 } => told.push("worker stopped"),
            // A panic that is printed with all that led to it takes its time.
            Event::WorkOverran { .. } => {}
            Event::Stopped => break,
            other => panic!("{other:?}"),
        }
    }
    let place = |what| told.iter().position(|told| *told == what).unwrap();
    assert!(place("worker started") < place("good started"));
    assert!(told.contains(&"started"));
    told.retain(|told| *told != "started" && *told != "worker started");
    // Whichever transport brings them: each thread's in order.
    let (puts, told): (Vec<_>, Vec<_>) = told.into_iter().partition(|told| told.ends_with("put"));
    assert_eq!(puts, ["good put", "bad put"]);
    let order = [
        "good started",
        "finished",
        "bad started",
        "panicked",
        "worker stopped",
    ];
    assert_eq!(told, order);
}

#[test]
fn users_events_reach_every_subscriber() {
    let scheduler = scheduler(1);
    let (one, other) = (scheduler.events(), scheduler.events());
    scheduler.emit(7u32);
    join(scheduler.put_work(|work: &WorkContext| work.scheduler().unwrap().emit("inside")))
        .unwrap();
    for events in [one, other] {
        let mut seen = (false, false);
        while seen != (true, true) {
            if let Event::User(event) = events.next_timeout(BOUND).expect("never told") {
                seen.0 |= event.downcast_ref() == Some(&7u32);
                seen.1 |= event.downcast_ref() == Some(&"inside");
            }
        }
    }
}

#[test]
fn an_event_of_a_transaction_leaves_when_it_commits() {
    let scheduler = scheduler(1);
    let events = scheduler.events();
    let total = TVar::new(0);
    let rolled_back: Result<(), ()> = atomically_or(|tx| {
        scheduler.emit_in(tx, "never")?;
        abort(())
    });
    assert!(rolled_back.is_err());
    atomically(|tx| {
        total.modify(tx, |n| n + 1)?;
        scheduler.emit_in(tx, "sold")
    });
    let inner = scheduler.clone();
    join(scheduler.put_work(move || atomically(|tx| inner.emit_in(tx, "sold again")))).unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Event::User(event) = events.next_timeout(BOUND).expect("never told") {
            told.push(*event.downcast_ref::<&str>().unwrap());
        }
    }
    assert_eq!(told, ["sold", "sold again"]);
}

#[test]
fn a_subscriber_that_does_not_read_loses_the_oldest_and_is_told() {
    let scheduler = stopped_scheduler(1);
    let events = scheduler.events();
    for n in 0..10_000u64 {
        scheduler.emit(n);
    }
    let Some(Event::Missed(missed)) = events.try_next() else {
        panic!("not told");
    };
    assert!(missed > 0);
    let Some(Event::User(next)) = events.try_next() else {
        panic!("nothing left");
    };
    assert_eq!(next.downcast_ref(), Some(&missed));
}

#[test]
fn the_end_of_the_scheduler_ends_its_events() {
    let scheduler = scheduler(1);
    let events = scheduler.events();
    drop(scheduler);
    while let Some(event) = events.next() {
        assert!(!matches!(event, Event::WorkerCrashed { .. }));
    }
    assert!(events.try_next().is_none());
}
