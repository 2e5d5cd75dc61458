use std::panic::{panic_any, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use hivework::internals::Crash;
use hivework::{Builder, Scheduler, TVar, TraceFile, atomically, blocking, check, make_work};

use super::format::Trace;
use crate::support::{BOUND, builder, eventually, join, latch, receive};

/// A file that goes with the test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let name = format!("hivework-{}-{name}.json", std::process::id());
        Place(std::env::temp_dir().join(name))
    }

    fn file(&self) -> TraceFile {
        TraceFile::create(&self.0).unwrap()
    }

    fn read(&self) -> Trace {
        Trace::read(&self.0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn traced(place: &Place, workers: usize) -> Builder {
    builder().workers(workers).trace(place.file())
}

/// How many works it has begun.
fn run(scheduler: &Scheduler) -> usize {
    let stats = scheduler.stats();
    usize::try_from(stats.put - stats.queued).unwrap()
}

fn fib(scheduler: &Scheduler, n: u64) -> u64 {
    fn go(fork: &mut hivework::Fork<'_>, n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = fork.join(|fork| go(fork, n - 1), |fork| go(fork, n - 2));
        a + b
    }
    scheduler.fork(|fork| go(fork, n))
}

#[test]
fn a_trace_is_whole_after_a_stop_a_drain_and_the_end_and_has_every_work() {
    let place = Place::new("whole");
    drop(place.file());
    assert_eq!(place.read().bars.len(), 0, "a file of nothing is one, too");
    let scheduler = traced(&place, 2).start().unwrap();
    let total = TVar::new(0);
    let puts = |scheduler: &Scheduler| {
        let handles: Vec<_> = (0..20)
            .map(|count| {
                let (total, theirs) = (total.clone(), scheduler.clone());
                let work = move || {
                    total.update(|total| total + 1);
                    assert!(count % 10 != 3, "no");
                    blocking(|| ());
                    theirs.put_work(|| 7).join().unwrap()
                };
                scheduler
                    .put_work(make_work(work).name(format!("a \"bad\\ \u{1}\nname\u{e9} {count}")))
            })
            .collect();
        handles.into_iter().map(join).filter(Result::is_err).count()
    };
    assert_eq!(puts(&scheduler), 2);
    assert_eq!(fib(&scheduler, 15), 610);
    scheduler.stop().unwrap();
    let trace = place.read();
    assert_eq!(trace.works().len(), run(&scheduler));
    assert_eq!(
        (trace.works().len(), trace.arrows, trace.dropped),
        (38, 38, 0)
    );
    assert_eq!(trace.named("a \"bad\\ \u{1}\nname\u{e9} 3").len(), 1);
    assert!(trace.named("commit").len() >= 20);
    assert!(trace.named("blocked").len() >= 18);
    assert!(!trace.named("tick").is_empty());

    scheduler.start().unwrap();
    assert_eq!(puts(&scheduler), 2);
    scheduler.drain(BOUND).unwrap();
    assert_eq!(place.read().works().len(), run(&scheduler));

    scheduler.put_work(|| ());
    drop(scheduler);
    let trace = place.read();
    assert_eq!(
        trace.works().len(),
        76,
        "what is queued at the end does not run"
    );
    for thread in ["hivework-0", "hivework-1", "hivework-supervisor"] {
        assert!(trace.threads.contains(thread), "{thread}");
    }
}

#[test]
fn what_has_happened_is_in_the_file_although_nobody_stops() {
    let place = Place::new("meanwhile");
    let scheduler = traced(&place, 1).start().unwrap();
    join(scheduler.put_work(make_work(|| ()).name("seen"))).unwrap();
    eventually("a file with the work", || {
        let text = std::fs::read_to_string(&place.0).unwrap();
        Trace::parse(&text).is_ok_and(|trace| trace.named("seen").len() == 1)
    });
}

#[test]
fn each_turn_is_a_bar_and_the_first_has_the_arrow() {
    let place = Place::new("turns");
    let scheduler = traced(&place, 2).start().unwrap();
    let mut polls = 0;
    let handle = scheduler.spawn(std::future::poll_fn(move |task| {
        polls += 1;
        if polls == 3 {
            return Poll::Ready(polls);
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }));
    assert_eq!(join(handle).unwrap(), 3);
    scheduler.stop().unwrap();
    let trace = place.read();
    assert_eq!((trace.works().len(), trace.arrows), (3, 1));
}

#[test]
fn a_wait_in_a_transaction_is_a_retry_and_a_block() {
    let place = Place::new("waits");
    let scheduler = traced(&place, 1).start().unwrap();
    let (lamp, theirs) = (TVar::new(false), TVar::new(false));
    let (watched, lit) = (lamp.clone(), theirs.clone());
    let waits = scheduler.put_work(move || {
        atomically(|tx| {
            let on = watched.read(tx)?;
            check(on)
        });
        lit.store(true);
    });
    eventually("a worker that waits", || {
        scheduler.stats().blocked_workers == 1
    });
    lamp.store(true);
    join(waits).unwrap();
    assert!(theirs.load());
    scheduler.stop().unwrap();
    let trace = place.read();
    assert!(!trace.named("retry").is_empty());
    assert!(!trace.named("blocked").is_empty());
}

#[test]
fn an_attempt_that_somebody_else_was_faster_than_is_a_conflict() {
    let place = Place::new("conflicts");
    let scheduler = traced(&place, 1).start().unwrap();
    let work = || {
        let (count, mut runs) = (TVar::new(0), 0);
        atomically(|tx| {
            let seen = count.read(tx)?;
            runs += 1;
            if runs == 1 {
                std::thread::scope(|scope| _ = scope.spawn(|| count.store(10)));
            }
            count.write(tx, seen + 1)
        });
        (runs, count.load())
    };
    assert_eq!(
        join(scheduler.put_work(make_work(work).name("race"))).unwrap(),
        (2, 11)
    );
    scheduler.stop().unwrap();
    let trace = place.read();
    let race = trace.named("race")[0];
    let inside = |name| {
        let bars = trace.named(name).into_iter();
        bars.filter(|bar| bar.thread == race.thread && race.from <= bar.from && bar.to <= race.to)
            .count()
    };
    assert_eq!((inside("conflict"), inside("commit")), (1, 1));
}

#[test]
fn a_worker_that_dies_leaves_bars_that_nest_with_those_of_the_next() {
    let place = Place::new("deaths");
    let scheduler = traced(&place, 1).start().unwrap();
    for _ in 0..3 {
        assert!(join(scheduler.put_work(|| resume_unwind(Box::new(Crash)))).is_err());
        assert!(join(scheduler.put_work(|| panic_any("no"))).is_err());
    }
    scheduler.stop().unwrap();
    let trace = place.read();
    let threads: Vec<_> = trace.works().iter().map(|bar| bar.thread).collect();
    assert_eq!(threads, [2; 6]);
}

#[test]
fn what_finds_no_room_is_counted_and_waits_for_nobody() {
    let place = Place::new("room");
    let file = place.file().buffer(5);
    let scheduler = builder().workers(1).trace(file).build().unwrap();
    // Nobody writes: the first puts fill the track.
    let ran = Arc::new(AtomicU64::new(0));
    let handles: Vec<_> = (0..50)
        .map(|_| {
            let ran = Arc::clone(&ran);
            scheduler.put_work(move || ran.fetch_add(1, Ordering::Relaxed))
        })
        .collect();
    scheduler.start().unwrap();
    handles
        .into_iter()
        .for_each(|handle| _ = join(handle).unwrap());
    drop(scheduler);
    assert_eq!(ran.load(Ordering::Relaxed), 50);
    let trace = place.read();
    // A bar and an arrow for each put, at least.
    assert!(trace.dropped >= 95, "{}", trace.dropped);
}

#[test]
fn a_half_that_is_stolen_is_a_bar_of_the_thief() {
    let place = Place::new("halves");
    let scheduler = traced(&place, 1).start().unwrap();
    let (begun, begins) = latch();
    scheduler.fork(|fork| {
        // The first does not end before the worker has the second.
        fork.join(move |_| receive(&begins), move |_| begun.send(()).unwrap());
    });
    scheduler.stop().unwrap();
    let trace = place.read();
    let halves = trace.named("half");
    assert_eq!((halves.len(), halves[0].thread), (1, 2));
    assert!(trace.steals >= 1);
}

#[test]
fn a_file_that_cannot_be_is_an_error_at_once() {
    assert!(TraceFile::create(std::env::temp_dir()).is_err());
    assert!(TraceFile::create(Path::new("/no/such/place/trace.json")).is_err());
    #[cfg(target_os = "linux")]
    assert!(TraceFile::create("/dev/full").is_err());
}
