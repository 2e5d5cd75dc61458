//! Jobs that end before they have begun, and schedulers that end before their jobs.

use std::sync::{Arc, Weak};
use std::time::Duration;

use hivework::{Draw, ManualClock, Status, StreamScheduler, WorkContext, WorkError, check};
use hivework::{TVar, make_future, make_job, make_transaction, make_work};

use super::{Log, blocker, slots, streams_of};
use crate::support::{BOUND, builder, eventually, join, scheduler, stopped_scheduler};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_cancelled_pending_job_never_runs_and_leaves_its_stream() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let (first, gate) = blocker(&stream);
    let log = Log::default();
    let job = stream.put(log.saying("ran"));
    assert_eq!(stream.len(), 1);
    assert!(job.cancel());
    assert_eq!(stream.len(), 0);
    drop(gate);
    join(first).unwrap();
    assert!(matches!(join(job), Err(WorkError::Cancelled)));
    scheduler.drain(BOUND).unwrap();
    assert!(log.take().is_empty());
}

#[test]
fn what_ends_frees_its_slot_for_the_next_at_once() {
    // Cancelling, finishing and failing refill, each without a tick.
    let clock = ManualClock::new();
    let scheduler = builder().workers(2).clock(&clock).start().unwrap();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let cancelled = stream.put(|work: &WorkContext| -> Result<(), WorkError> {
        loop {
            work.checkpoint()?;
            std::thread::yield_now();
        }
    });
    eventually("it runs", || cancelled.status() == Status::Running);
    let next = [
        stream.put(|| 1),
        stream.put(|| panic!("no")),
        stream.put(|| 3),
    ];
    assert!(cancelled.cancel());
    assert!(matches!(join(cancelled), Err(WorkError::Cancelled)));
    let [one, two, three] = next;
    assert_eq!(join(one).unwrap(), 1);
    assert!(join(two).is_err());
    assert_eq!(join(three).unwrap(), 3);
}

#[test]
fn slots_that_come_home_together_are_all_filled() {
    let scheduler = scheduler(4);
    let streams = streams_of(&scheduler, 3, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let (first, gates): (Vec<_>, Vec<_>) = (0..3).map(|_| blocker(&stream)).unzip();
    let jobs: Vec<_> = (0..3).map(|_| stream.put(|| ())).collect();
    drop(gates);
    for job in first.into_iter().chain(jobs) {
        join(job).unwrap();
    }
    eventually("slots home", || streams.slots().free() == 3);
}

#[test]
fn a_deadline_that_passes_while_it_waits_takes_it_out() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(2).clock(&clock).start().unwrap();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let log = Log::default();
    let aborted = log.clone();
    let stream = streams
        .stream("s")
        .on_job_aborted(move |_, end| aborted.say(format!("{end:?}")))
        .open()
        .unwrap();
    let (first, gate) = blocker(&stream);
    let late = stream.put(make_job(log.saying("ran")).deadline(10 * MS));
    clock.advance(10 * MS);
    assert!(matches!(join(late), Err(WorkError::DeadlineExceeded)));
    eventually("it has left", || stream.is_empty());
    eventually("told", || log.0.lock().unwrap().len() == 1);
    assert_eq!(log.take(), ["Timeout"]);
    drop(gate);
    join(first).unwrap();
}

#[test]
fn the_slot_of_an_overdue_job_comes_home_when_it_has_ended() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(2).clock(&clock).start().unwrap();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let (open, gate) = crate::support::latch::<()>();
    let slow = stream.put(make_job(move || _ = gate.recv()).deadline(10 * MS));
    eventually("it runs", || slow.status() == Status::Running);
    clock.advance(10 * MS);
    assert!(matches!(join(slow), Err(WorkError::DeadlineExceeded)));
    assert_eq!((stream.running(), streams.slots().free()), (1, 0));
    drop(open);
    eventually("slot home", || streams.slots().free() == 1);
}

#[test]
fn a_delayed_job_enters_its_stream_when_that_is_over() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(2).clock(&clock).start().unwrap();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").paused().open().unwrap();
    let job = stream.put(make_job(|| "ran").delay(10 * MS));
    let transacted =
        hivework::atomically(|tx| stream.put_in(tx, make_job(|| "too").delay(10 * MS)));
    let cancelled = stream.put(make_job(|| ()).delay(10 * MS));
    assert!(cancelled.cancel());
    clock.advance(9 * MS);
    assert_eq!(stream.len(), 0);
    clock.advance(MS);
    eventually("they have come", || stream.len() == 2);
    assert_eq!(job.status(), Status::Queued);
    stream.activate();
    assert_eq!(join(job).unwrap(), "ran");
    assert_eq!(join(transacted).unwrap(), "too");
}

#[test]
fn futures_transactions_and_periodic_works_are_jobs_as_well() {
    let clock = ManualClock::new();
    let scheduler = builder().workers(2).clock(&clock).start().unwrap();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let door = TVar::new(false);
    let (flag, other) = (door.clone(), door.clone());
    let waits = stream.put(make_transaction(move |tx| check(flag.read(tx)?)));
    eventually("set aside", || scheduler.stats().waiting == 1);
    let next = stream.put(make_future(async move {
        hivework::atomically_async(|tx| check(other.read(tx)?)).await;
        "awaited"
    }));
    assert_eq!(
        (stream.running(), stream.len()),
        (1, 1),
        "it has its slot to the end"
    );
    door.store(true);
    join(waits).unwrap();
    assert_eq!(join(next).unwrap(), "awaited");
    let mut left = 3;
    let series = stream.put(hivework::Work::every(10 * MS, move || {
        left -= 1;
        if left > 0 {
            std::ops::ControlFlow::Continue(())
        } else {
            std::ops::ControlFlow::Break("done")
        }
    }));
    for turn in 1..3 {
        eventually("it sleeps", || scheduler.stats().delayed == 1);
        assert_eq!(streams.slots().free(), 0, "turn {turn}");
        clock.advance(10 * MS);
    }
    assert_eq!(join(series).unwrap(), "done");
    // One that is cancelled while it is aside.
    let never = stream.put(make_transaction(|_| hivework::retry::<()>()));
    drop(never);
    let door = TVar::new(false);
    let flag = door.clone();
    let aside = stream.put(make_transaction(move |tx| check(flag.read(tx)?)));
    let last = stream.put(|| "last");
    stream.cancel_all();
    assert!(join(aside).is_err());
    assert!(matches!(join(last), Err(WorkError::Cancelled)));
    eventually("slot home", || streams.slots().free() == 1);
}

#[test]
fn cancel_all_takes_the_pending_and_asks_the_running() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let other = streams.stream("other").open().unwrap();
    let running = stream.put(|work: &WorkContext| {
        while !work.cancelled() {
            std::thread::yield_now();
        }
        "asked"
    });
    eventually("it runs", || running.status() == Status::Running);
    let waiting = [stream.put(|| "ran"), stream.put(|| "ran")];
    let spared = other.put(|| "spared");
    assert_eq!(stream.cancel_all(), 3);
    for job in waiting {
        assert!(matches!(join(job), Err(WorkError::Cancelled)));
    }
    assert_eq!(join(running).unwrap(), "asked");
    assert_eq!(join(spared).unwrap(), "spared");
}

#[test]
fn a_stop_leaves_jobs_where_they_are() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").paused().open().unwrap();
    let job = stream.put(|| 1);
    scheduler.stop().unwrap();
    let other = stream.put(|| 2);
    assert_eq!(stream.len(), 2);
    stream.activate();
    scheduler.start().unwrap();
    assert_eq!(join(job).unwrap() + join(other).unwrap(), 3);
}

#[test]
fn a_drain_runs_what_can_run_and_answers_what_only_waits() {
    let scheduler = stopped_scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let (active, paused) = (
        streams.stream("active").open().unwrap(),
        streams.stream("paused").paused().open().unwrap(),
    );
    let runs: Vec<_> = (0..100).map(|number| active.put(move || number)).collect();
    let waits: Vec<_> = (0..10).map(|_| paused.put(|| ())).collect();
    scheduler.start().unwrap();
    scheduler.drain(BOUND).unwrap();
    for (number, job) in runs.into_iter().enumerate() {
        assert_eq!(join(job).unwrap(), number);
    }
    for job in waits {
        assert!(matches!(join(job), Err(WorkError::Stopped)));
    }
    assert_eq!((paused.len(), streams.slots().free()), (0, 1));
}

#[test]
fn while_it_drains_nothing_comes_in_from_outside_and_jobs_may_put_jobs() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let (tell, told) = crate::support::latch();
    let (open, gate) = crate::support::latch::<()>();
    let theirs = stream.clone();
    let job = stream.put(move || {
        tell.send(()).unwrap();
        let _ = gate.recv();
        theirs.put(|| "inside")
    });
    crate::support::receive(&told);
    std::thread::scope(|scope| {
        let drained = scope.spawn(|| scheduler.drain(BOUND));
        let events = scheduler.events();
        drop(events);
        eventually("refused", || {
            let outside = stream.put(|| "outside");
            let refused = outside.status() == Status::Done;
            outside.cancel();
            refused
        });
        drop(open);
        drained.join().unwrap().unwrap();
    });
    assert_eq!(join(join(job).unwrap()).unwrap(), "inside");
}

#[test]
fn when_the_scheduler_goes_all_that_waits_is_answered() {
    for started in [true, false] {
        let scheduler = stopped_scheduler(2);
        if started {
            scheduler.start().unwrap();
        }
        let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
        let stream = streams.stream("s").paused().open().unwrap();
        let waits: Vec<_> = (0..10).map(|_| stream.put(|| ())).collect();
        let delayed = stream.put(make_job(|| ()).delay(Duration::from_secs(1000)));
        drop(scheduler);
        for job in waits {
            assert!(matches!(join(job), Err(WorkError::Stopped)));
        }
        assert!(matches!(join(delayed), Err(WorkError::Stopped)));
        assert!(matches!(join(stream.put(|| ())), Err(WorkError::Stopped)));
        let late = hivework::atomically(|tx| stream.put_in(tx, || ()));
        assert!(matches!(join(late), Err(WorkError::Stopped)));
        assert_eq!(stream.len(), 0);
        stream.activate();
    }
}

#[test]
fn a_stream_whose_handles_have_gone_runs_its_jobs() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let (first, gate) = blocker(&stream);
    let jobs: Vec<_> = (0..10).map(|number| stream.put(move || number)).collect();
    drop((stream, streams));
    drop(gate);
    join(first).unwrap();
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(join(job).unwrap(), number);
    }
}

#[test]
fn a_paused_stream_whose_handles_have_gone_answers_its_jobs() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("s").paused().open().unwrap();
    let job = stream.put(|| ());
    drop(stream.clone());
    assert_eq!(job.status(), Status::Queued);
    drop(stream);
    assert!(matches!(join(job), Err(WorkError::Stopped)));
}

#[test]
fn nothing_is_kept_when_all_is_over() {
    let scheduler = scheduler(2);
    let mark = Arc::new(());
    let weak: Weak<()> = Arc::downgrade(&mark);
    {
        let streams = StreamScheduler::new(&scheduler, &slots(1));
        let (a, b, c) = (Arc::clone(&mark), Arc::clone(&mark), Arc::clone(&mark));
        let outer = streams
            .stream("outer")
            .on_emptied(move |_| drop(Arc::clone(&a)))
            .open()
            .unwrap();
        let inner = StreamScheduler::subordinate(&outer, 1, Draw::WeightedFair).unwrap();
        let stream = inner
            .stream("inner")
            .on_job_started(move |_| drop(Arc::clone(&b)))
            .open()
            .unwrap();
        let job = make_job(move || drop(c)).on_pause(|_| ());
        let jobs: Vec<_> = (0..10).map(|_| stream.put(|| ())).collect();
        stream.put(job).join().unwrap();
        stream.pause();
        for job in jobs {
            join(job).unwrap();
        }
        let waits = stream.put(make_work(|| ()));
        drop((streams, outer, inner, stream));
        assert!(matches!(join(waits), Err(WorkError::Stopped)));
    }
    drop(mark);
    // What threads have displaced last they keep until they end.
    drop(scheduler);
    eventually("all has gone", || {
        hivework::flush();
        weak.strong_count() == 0
    });
}

#[test]
fn a_job_that_joins_a_job_of_its_stream_waits_away() {
    let scheduler = scheduler(1);
    let streams = streams_of(&scheduler, 2, Draw::StrictPriority);
    let stream = streams.stream("s").open().unwrap();
    let theirs = stream.clone();
    let job = stream.put(move || join(theirs.put(|| 20)).unwrap() + 1);
    assert_eq!(join(job).unwrap(), 21);
    // One that is paused meanwhile: nobody runs it past its stream.
    let paused = streams.stream("paused").paused().open().unwrap();
    let theirs = paused.clone();
    let job = stream.put(move || theirs.put(|| 1).join().unwrap() + 1);
    eventually("it waits", || paused.len() == 1);
    paused.activate();
    assert_eq!(join(job).unwrap(), 2);
}
