use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use hivework::internals::Crash;
use hivework::{
    NameStats, Priority, Scheduler, Stats, TVar, WorkContext, WorkError, WorkerStats, abort,
    atomically, atomically_or, blocking, check, make_future, make_transaction, make_work,
};

use crate::support::{builder, eventually, join, latch, receive, scheduler, stopped_scheduler};

/// Long enough to tell times apart, on any clock.
const WHILE: Duration = Duration::from_millis(5);

/// Put, queued, running, waiting, finished, panicked, cancelled, overdue, stopped, lost.
fn figures(stats: &NameStats) -> [u64; 10] {
    [
        stats.put,
        stats.queued,
        stats.running,
        stats.waiting,
        stats.finished,
        stats.panicked,
        stats.cancelled,
        stats.overdue,
        stats.stopped,
        stats.lost,
    ]
}

fn named(scheduler: &Scheduler, name: &str) -> NameStats {
    let stats = scheduler.stats();
    stats.name(name).expect("its name has books").clone()
}

fn assert_adds_up(stats: &Stats) {
    let all = [
        stats.queued,
        stats.running,
        stats.waiting,
        stats.finished,
        stats.panicked,
        stats.cancelled,
        stats.overdue,
        stats.stopped,
        stats.lost,
    ];
    assert_eq!(stats.put, all.iter().sum::<u64>(), "{stats:?}");
    for name in &stats.names {
        let [put, rest @ ..] = figures(name);
        assert_eq!(put, rest.iter().sum::<u64>(), "{name:?}");
    }
}

#[test]
fn each_end_is_counted_under_its_name() {
    let scheduler = scheduler(1);
    let work = |name: &'static str| make_work(|| ()).name(name);
    for _ in 0..3 {
        join(scheduler.put_work(work("ends"))).unwrap();
    }
    let panics = make_work(|| panic!("on purpose")).name("panics");
    join(scheduler.put_work(panics)).unwrap_err();
    join(scheduler.put_work(make_work(|| panic_any(Crash)).name("dies"))).unwrap_err();

    let (open, gate) = latch::<()>();
    let (begun, begins) = latch();
    let runs = scheduler.put_work(
        make_work(move || {
            begun.send(()).unwrap();
            receive(&gate);
        })
        .name("runs"),
    );
    receive(&begins);
    assert_eq!(
        figures(&named(&scheduler, "runs")),
        [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    );
    let cancelled = scheduler.put_work(work("cancelled"));
    let late = scheduler.put_work(work("late").deadline(WHILE));
    assert_eq!(
        figures(&named(&scheduler, "cancelled")),
        [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    );
    cancelled.cancel();
    assert!(matches!(join(late), Err(WorkError::DeadlineExceeded)));
    open.send(()).unwrap();
    join(runs).unwrap();

    let flag = TVar::new(false);
    let theirs = flag.clone();
    let waits = make_transaction(move |tx| check(theirs.read(tx)?)).name("waits");
    let waits = scheduler.put_work(waits);
    eventually("it waits", || named(&scheduler, "waits").waiting == 1);
    flag.store(true);
    join(waits).unwrap();

    let stats = scheduler.stats();
    let expected = [
        ("cancelled", [1, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        ("dies", [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("ends", [3, 0, 0, 0, 3, 0, 0, 0, 0, 0]),
        ("late", [1, 0, 0, 0, 0, 0, 0, 1, 0, 0]),
        ("panics", [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
        ("runs", [1, 0, 0, 0, 1, 0, 0, 0, 0, 0]),
        ("waits", [1, 0, 0, 0, 1, 0, 0, 0, 0, 0]),
    ];
    let found: Vec<_> = stats
        .names
        .iter()
        .map(|name| (&*name.name, figures(name)))
        .collect();
    assert_eq!(found, expected);
    assert_adds_up(&stats);
    // Timed are those that ran, and expected those that came to their end.
    let timed = |name| stats.name(name).unwrap().run_time.count();
    assert_eq!(
        ["ends", "panics", "cancelled", "late", "waits"].map(timed),
        [3, 1, 0, 0, 1]
    );
    assert_eq!(scheduler.expected("panics"), None);
    assert!(scheduler.expected("ends").is_some());
    assert_eq!(
        scheduler.expected("ends"),
        stats.name("ends").unwrap().expected
    );
    assert_eq!(scheduler.expected("nobody"), None);
}

#[test]
fn what_was_never_put_is_not_counted() {
    let scheduler = builder().workers(1).queue_capacity(1).build().unwrap();
    let work = || make_work(|| ()).name("some");
    let put = scheduler.put_work(work());
    let full = scheduler.try_put_work(work()).unwrap_err();
    drop(full);
    assert_eq!(
        figures(&named(&scheduler, "some")),
        [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    );
    // One that is answered rather than given back was put.
    assert!(matches!(
        join(scheduler.put_work(work())),
        Err(WorkError::Full)
    ));
    assert_eq!(
        figures(&named(&scheduler, "some")),
        [2, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    );
    scheduler.start().unwrap();
    join(put).unwrap();
    let rolled_back = atomically_or(|tx| {
        scheduler.put_work_in(tx, work())?;
        abort::<(), _>("never mind")
    });
    assert_eq!(rolled_back, Err("never mind"));
    atomically(|tx| scheduler.put_work_in(tx, work()))
        .join()
        .unwrap();
    assert_eq!(
        figures(&named(&scheduler, "some")),
        [3, 0, 0, 0, 2, 0, 0, 0, 1, 0]
    );
}

#[test]
fn a_work_that_is_overdue_no_longer_counts_as_running_and_its_time_is_known_all_the_same() {
    let scheduler = scheduler(1);
    let (open, gate) = latch::<()>();
    let (begun, begins) = latch();
    let work = make_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    // It has begun long before that passes, unless the machine is very busy indeed.
    let late = scheduler.put_work(work.name("late").deadline(40 * WHILE));
    receive(&begins);
    assert!(matches!(join(late), Err(WorkError::DeadlineExceeded)));
    let stats = named(&scheduler, "late");
    assert_eq!((stats.running, stats.overdue), (0, 1));
    assert!(stats.run_time.is_empty());
    open.send(()).unwrap();
    join(scheduler.put_work(|| ())).unwrap();
    let stats = named(&scheduler, "late");
    assert_eq!((stats.running, stats.overdue), (0, 1));
    assert_eq!(stats.run_time.count(), 1);
    assert_eq!(stats.expected, stats.run_time.max());
}

#[test]
fn a_named_work_is_timed_exactly() {
    let scheduler = scheduler(2);
    let begin = Instant::now();
    let inside = join(
        scheduler.put_work(
            make_work(|| {
                let begin = Instant::now();
                thread::sleep(WHILE);
                begin.elapsed()
            })
            .name("nap"),
        ),
    )
    .unwrap();
    let around = begin.elapsed();
    let took = named(&scheduler, "nap").run_time.max().unwrap();
    assert!(
        inside <= took && took <= around,
        "{inside:?} <= {took:?} <= {around:?}"
    );
}

#[test]
fn of_what_runs_in_turns_the_turns_are_timed_and_not_the_waiting() {
    let scheduler = scheduler(1);
    let (send, wakers) = latch();
    let mut turns = 0;
    let future = std::future::poll_fn(move |context| {
        thread::sleep(WHILE);
        turns += 1;
        if turns == 3 {
            return Poll::Ready(());
        }
        send.send(context.waker().clone()).unwrap();
        Poll::Pending
    });
    let begin = Instant::now();
    let turns = scheduler.put_work(make_future(future).name("turns"));
    let mut aside = Duration::ZERO;
    for _ in 0..2 {
        let waker = receive(&wakers);
        eventually("it is set aside", || {
            named(&scheduler, "turns").waiting == 1
        });
        let since = Instant::now();
        thread::sleep(WHILE);
        aside += since.elapsed();
        waker.wake();
    }
    join(turns).unwrap();
    let around = begin.elapsed();
    let run_time = named(&scheduler, "turns").run_time;
    assert_eq!(run_time.count(), 1);
    let took = run_time.max().unwrap();
    assert!(
        3 * WHILE <= took && took <= around - aside,
        "{took:?} of {around:?}, of which aside {aside:?}"
    );
}

#[test]
fn of_works_without_a_name_some_are_timed() {
    let scheduler = scheduler(1);
    let count = if cfg!(miri) { 128 } else { 1280 };
    for handle in scheduler.put_all((0..count).map(|_| || ())) {
        join(handle).unwrap();
    }
    let stats = scheduler.stats();
    let timed = stats.unnamed.count();
    assert!(
        (count / 128..=count / 32).contains(&timed),
        "{timed} of {count}"
    );
    assert!(stats.names.is_empty());
}

#[test]
fn there_are_so_many_names_and_the_rest_is_counted_together() {
    let scheduler = stopped_scheduler(1);
    let most = 1024;
    let works = |range: std::ops::Range<u32>| {
        range.map(|number| make_work(|| ()).name(format!("work {number:04}")))
    };
    drop(scheduler.put_all(works(0..most)));
    assert_eq!(scheduler.stats().names.len(), 1024);
    drop(scheduler.put_all(works(0..most)));
    drop(scheduler.put_all(works(most..most + 5)));
    // Whoever has the reserved name is one of them.
    let others = scheduler.put_work(make_work(|| ()).name(NameStats::OTHERS));
    let stats = scheduler.stats();
    assert_eq!(stats.names.len(), 1025);
    assert_eq!(stats.name("work 1023").unwrap().put, 2);
    assert!(stats.name("work 1024").is_none());
    assert_eq!(stats.name(NameStats::OTHERS).unwrap().put, 6);
    assert_adds_up(&stats);
    scheduler.start().unwrap();
    join(others).unwrap();
    assert_eq!(scheduler.expected("work 1024"), None);
    assert_eq!(scheduler.expected(NameStats::OTHERS), None);
}

/// Everything that works can come to, for as long as it is asked for.
fn flow(scheduler: &Scheduler, ends: &AtomicBool) {
    let flag = TVar::new(0_u64);
    let mut round = 0_u64;
    while !ends.load(Ordering::SeqCst) {
        round += 1;
        let theirs = flag.clone();
        let waits = make_transaction(move |tx| check(theirs.read(tx)? >= round)).name("waits");
        let waits = scheduler.put_work(waits);
        let stays = make_future(std::future::pending::<()>()).name("stays");
        let stays = scheduler.put_work(stays);
        let inner = scheduler.clone();
        let forks = scheduler.put_work(
            make_work(move || {
                let inside = inner.put_work(make_work(|| ()).name("inside"));
                hivework::join(|| (), || ());
                inside.join().unwrap();
            })
            .name("forks"),
        );
        let panics = scheduler.put_work(make_work(|| panic!("on purpose")).name("panics"));
        let plain = scheduler.put_batch((0..8).map(|_| || ()));
        let late = make_work(|work: &WorkContext| while !work.cancelled() {});
        let late = scheduler.put_work(late.name("late").deadline(Duration::from_micros(200)));
        let gone = scheduler.put_work(make_work(|| ()).name("cancelled"));
        gone.cancel();
        stays.cancel();
        flag.store(round);
        join(waits).unwrap();
        join(forks).unwrap();
        join(panics).unwrap_err();
        join(late).unwrap_err();
        plain.into_iter().for_each(|handle| join(handle).unwrap());
    }
}

#[test]
fn every_snapshot_adds_up_whatever_goes_on() {
    let scheduler = scheduler(3);
    let ends = AtomicBool::new(false);
    let snapshots = if cfg!(miri) { 20 } else { 1000 };
    thread::scope(|scope| {
        let flows = scope.spawn(|| flow(&scheduler, &ends));
        let mut last = scheduler.stats();
        for _ in 0..snapshots {
            let stats = scheduler.stats();
            assert_adds_up(&stats);
            assert!(stats.finished >= last.finished && stats.overdue >= last.overdue);
            last = stats;
        }
        ends.store(true, Ordering::SeqCst);
        flows.join().unwrap();
    });
    scheduler.drain(Duration::from_secs(60)).unwrap();
    let stats = scheduler.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.queued, stats.running, stats.waiting), (0, 0, 0));
    for name in &stats.names {
        assert_eq!(name.queued + name.running + name.waiting, 0, "{name:?}");
    }
}

fn only(scheduler: &Scheduler) -> WorkerStats {
    let stats = scheduler.stats();
    let workers = stats.workers.iter().filter(|worker| !worker.is_spare);
    let [worker] = *workers.collect::<Vec<_>>() else {
        panic!("one worker and its spares: {stats:?}");
    };
    worker.clone()
}

#[test]
fn busy_parked_and_away_are_all_of_a_workers_life() {
    let begin = Instant::now();
    let scheduler = scheduler(1);
    eventually("it is idle for a while", || {
        only(&scheduler).parked_time >= WHILE
    });
    let before = only(&scheduler);
    let between = Instant::now();

    // While it is away and while it works time goes on, before either is over.
    let (open, gate) = latch::<()>();
    let away = scheduler.put_work(move || blocking(|| receive(&gate)));
    eventually("it is away for a while", || {
        only(&scheduler).away_time >= WHILE
    });
    open.send(()).unwrap();
    join(away).unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&ends);
    let busy = scheduler.put_work(move || while !theirs.load(Ordering::SeqCst) {});
    let was_busy = only(&scheduler).busy_time;
    eventually("it is busy for a while", || {
        only(&scheduler).busy_time >= was_busy + WHILE
    });
    ends.store(true, Ordering::SeqCst);
    join(busy).unwrap();

    let least = between.elapsed();
    let after = only(&scheduler);
    assert!(after.is_here);
    assert!(after.life() >= before.life() + least, "{before} {after}");
    assert!(after.life() <= begin.elapsed(), "{after}");
    assert!(after.parked_time >= before.parked_time && after.away_time >= WHILE);

    // A life ends with a run, and goes on with the next.
    scheduler.stop().unwrap();
    let stopped = only(&scheduler);
    assert!(!stopped.is_here && stopped.life() >= after.life());
    thread::sleep(WHILE);
    assert_eq!(only(&scheduler), stopped);
    scheduler.start().unwrap();
    eventually("it is here again", || {
        let again = only(&scheduler);
        again.is_here && again.life() > stopped.life()
    });
}

#[test]
fn a_worker_that_dies_takes_no_time_along() {
    let scheduler = scheduler(1);
    let soon = TVar::new(false);
    let theirs = soon.clone();
    let dies = scheduler.put_work(move || {
        atomically(|tx| check(theirs.read(tx)?));
        panic_any(Crash)
    });
    eventually("it is away", || only(&scheduler).away_time > Duration::ZERO);
    soon.store(true);
    join::<()>(dies).unwrap_err();
    eventually("it is replaced", || {
        scheduler.stats().crashed_workers == 1 && only(&scheduler).is_here
    });
    let worker = only(&scheduler);
    assert!(worker.away_time > Duration::ZERO);
    let away = worker.away_time;
    join(scheduler.put_work(|| ())).unwrap();
    assert_eq!(only(&scheduler).away_time, away);
}

#[test]
fn workers_that_are_or_were_are_listed_with_their_numbers() {
    let scheduler = scheduler(2);
    let (open, gate) = latch::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let away: Vec<_> = (0..2)
        .map(|_| {
            let gate = Arc::clone(&gate);
            scheduler.put_work(move || blocking(|| receive(&gate.lock().unwrap())))
        })
        .collect();
    eventually("both are away", || scheduler.stats().blocked_workers == 2);
    join(scheduler.put_work(|| ())).unwrap();
    let stats = scheduler.stats();
    let kinds: Vec<_> = stats.workers.iter().map(|worker| worker.is_spare).collect();
    assert_eq!(kinds[..2], [false, false]);
    assert!(kinds.len() > 2 && kinds[2..].iter().all(|is_spare| *is_spare));
    let numbers = stats.workers.iter().map(|worker| worker.number);
    assert!(numbers.is_sorted_by(|one, next| one < next));
    for _ in 0..2 {
        open.send(()).unwrap();
    }
    away.into_iter().for_each(|handle| join(handle).unwrap());
}

#[test]
fn what_lies_on_a_workers_own_deque_is_told() {
    let scheduler = scheduler(1);
    let inner = scheduler.clone();
    let queued = scheduler.put_work(move || {
        let before = inner.stats().workers[0].queued;
        let put: Vec<_> = (0..3).map(|_| inner.put_work(|| ())).collect();
        drop(put);
        inner.stats().workers[0].queued - before
    });
    assert_eq!(join(queued).unwrap(), 3);
}

fn oldest(stats: &Stats, priority: Priority) -> (u64, Option<Duration>) {
    let mut queues = stats.queues.iter();
    let queue = queues.find(|queue| queue.priority == priority).unwrap();
    (queue.depth, queue.oldest)
}

#[test]
fn a_queue_that_waits_shows_its_age_and_an_empty_one_none() {
    let scheduler = Scheduler::builder().workers(1).build().unwrap();
    assert_eq!(oldest(&scheduler.stats(), Priority::Normal), (0, None));
    let first = scheduler.put_work(make_work(|| ()).priority(Priority::Low));
    let (depth, age) = oldest(&scheduler.stats(), Priority::Low);
    assert_eq!((depth, age.is_some()), (1, true));
    eventually("it has waited for a while", || {
        oldest(&scheduler.stats(), Priority::Low).1 >= Some(WHILE)
    });
    // Those of another priority have not.
    assert_eq!(oldest(&scheduler.stats(), Priority::High), (0, None));
    let second = scheduler.put_work(make_work(|| ()).priority(Priority::High));
    let (_, age) = oldest(&scheduler.stats(), Priority::High);
    assert_eq!(age, Some(Duration::ZERO));
    scheduler.start().unwrap();
    join(first).unwrap();
    join(second).unwrap();
    assert_eq!(oldest(&scheduler.stats(), Priority::Low), (0, None));
}

#[test]
fn the_supervisor_notes_ages_unasked() {
    let scheduler = Scheduler::builder().workers(1).start().unwrap();
    let (open, gate) = latch::<()>();
    let (begun, begins) = latch();
    let blocker = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    receive(&begins);
    let put = Instant::now();
    let queued = scheduler.put_work(|| ());
    // The supervisor answers it, and has noted what is queued by then.
    let late = scheduler.put_work(make_work(|| ()).deadline(WHILE));
    join(late).unwrap_err();
    let noted = Instant::now();
    thread::sleep(WHILE);
    let least = noted.elapsed();
    let (depth, age) = oldest(&scheduler.stats(), Priority::Normal);
    let (age, most) = (age.unwrap(), put.elapsed());
    assert_eq!(depth, 2, "the late one's tombstone lies there");
    assert!(
        least <= age && age <= most,
        "{least:?} <= {age:?} <= {most:?}"
    );
    open.send(()).unwrap();
    join(blocker).unwrap();
    join(queued).unwrap();
}

#[test]
fn conflicts_are_told_by_the_variables_name() {
    let scheduler = scheduler(1);
    let busy = TVar::named("a busy variable", 0);
    let mut first = true;
    atomically(|tx| {
        let seen = busy.read(tx)?;
        if std::mem::take(&mut first) {
            let theirs = busy.clone();
            let rival = move || theirs.store(1);
            thread::spawn(rival).join().unwrap();
        }
        busy.write(tx, seen + 1)
    });
    let transactions = scheduler.stats().transactions;
    assert!(transactions.commits > 0 && transactions.conflicts > 0);
    let conflicts = transactions.conflicts_by_name;
    assert!(conflicts.contains(&("a busy variable", 1)), "{conflicts:?}");
}

#[test]
fn the_figures_are_shown_as_a_table() {
    let scheduler = scheduler(1);
    let nothing = scheduler.stats().to_string();
    assert!(nothing.starts_with("put 0, queued 0"), "{nothing}");
    join(scheduler.put_work(make_work(|| ()).name("answer"))).unwrap();
    join(scheduler.put_work(|| ())).unwrap();
    let stats = scheduler.stats();
    let shown = stats.to_string();
    let line = |begin: &str| shown.lines().find(|line| line.starts_with(begin));
    let columns = |begin: &str| line(begin).unwrap().split_whitespace().count();
    assert_eq!(columns("answer"), columns("name"));
    assert_eq!(columns("worker 0"), columns("workers") + 1, "{shown}");
    assert!(line("transactions").is_some());
    // Columns are below their heads.
    let width = |begin: &str| line(begin).map(|line| line.chars().count());
    assert_eq!(width("answer"), width("name"), "{shown}");
    assert!(stats.workers[0].to_string().starts_with("run 2, stolen 0"));
}
