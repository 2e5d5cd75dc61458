use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use hivework::{TryPutError, WorkContext, WorkError, make_work};

use crate::support::{builder, join, latch, receive, scheduler, stopped_scheduler};

#[test]
fn work_runs_and_answers_its_result() {
    let scheduler = builder().start().unwrap();
    assert_eq!(join(scheduler.put_work(|| 6 * 7)).unwrap(), 42);
}

#[test]
fn everything_that_can_be_put_is_put_with_the_same_word() {
    let scheduler = scheduler(1);
    let context = |work: &WorkContext| work.id();
    let (plain, contextual) = (scheduler.put_work(|| 1), scheduler.put_work(context));
    let made = scheduler.put_work(make_work(|| 3).name("three"));
    let boxed: Box<dyn FnOnce() -> i32 + Send> = Box::new(|| 4);
    let boxed = scheduler.put_work(boxed);
    assert_eq!(made.name(), Some("three"));
    assert_eq!(join(plain).unwrap(), 1);
    let id = contextual.id();
    assert_eq!(join(contextual).unwrap(), id);
    assert_eq!(join(made).unwrap(), 3);
    assert_eq!(join(boxed).unwrap(), 4);
}

#[test]
fn a_million_small_works_run_exactly_once() {
    const WORKS: usize = 1_000_000;
    let scheduler = scheduler(2);
    let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..WORKS).map(|_| AtomicUsize::new(0)).collect());
    let putters: Vec<_> = (0..2)
        .map(|putter| {
            let (scheduler, runs) = (scheduler.clone(), Arc::clone(&runs));
            thread::spawn(move || {
                for work in (putter..WORKS).step_by(2) {
                    let runs = Arc::clone(&runs);
                    drop(scheduler.put_work(move || runs[work].fetch_add(1, Ordering::Relaxed)));
                }
            })
        })
        .collect();
    for putter in putters {
        putter.join().unwrap();
    }
    scheduler.drain(crate::support::BOUND).unwrap();
    assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
    let stats = scheduler.stats();
    assert_eq!((stats.put, stats.finished), (WORKS as u64, WORKS as u64));
    assert_eq!((stats.queued, stats.running), (0, 0));
}

#[test]
fn all_workers_take_part() {
    let scheduler = scheduler(4);
    let together = Arc::new(Barrier::new(4));
    let works = scheduler.put_all((0..4).map(|_| {
        let together = Arc::clone(&together);
        move || {
            together.wait();
            thread::current().id()
        }
    }));
    let threads: HashSet<_> = works.into_iter().map(|work| join(work).unwrap()).collect();
    assert_eq!(threads.len(), 4);
}

#[test]
fn what_a_worker_puts_is_stolen_by_others() {
    let scheduler = scheduler(2);
    let ours = scheduler.clone();
    let (thief, owner) = join(scheduler.put_work(move || {
        let (sender, stolen) = latch();
        // This worker is busy until another has run the item in its deque.
        drop(ours.put_work(move || {
            sender.send(()).unwrap();
        }));
        receive(&stolen);
        let stats = ours.stats();
        let steals: u64 = stats.workers.iter().map(|worker| worker.stolen).sum();
        (steals, 1)
    }))
    .unwrap();
    assert!(thief >= owner, "the item was run, but not stolen");
}

#[test]
fn work_put_before_the_start_waits_for_it() {
    let scheduler = stopped_scheduler(2);
    let mut work = scheduler.put_work(|| "ran");
    assert!(work.try_join().is_none());
    assert_eq!(scheduler.stats().queued, 1);
    scheduler.start().unwrap();
    assert_eq!(join(work).unwrap(), "ran");
}

#[test]
fn a_batch_is_seen_as_a_whole() {
    let scheduler = scheduler(2);
    let works = scheduler.put_batch((0..100).map(|n| move || n));
    let sum: i32 = works.into_iter().map(|work| join(work).unwrap()).sum();
    assert_eq!(sum, 4950);
    assert!(scheduler.put_batch(Vec::<fn()>::new()).is_empty());
}

#[test]
fn a_full_queue_gives_the_work_back() {
    let scheduler = builder().workers(1).queue_capacity(2).start().unwrap();
    let (open, gate) = latch();
    let (sender, begun) = latch();
    let blocker = scheduler.put_work(move || {
        sender.send(()).unwrap();
        receive(&gate);
    });
    receive(&begun);
    let queued: Vec<_> = (0..2)
        .map(|n| scheduler.try_put_work(move || n).unwrap())
        .collect();
    let refused = scheduler
        .try_put_work(make_work(|| 7).name("seven"))
        .unwrap_err();
    assert!(matches!(refused, TryPutError::Full(_)));
    open.send(()).unwrap();
    join(blocker).unwrap();
    for (n, work) in queued.into_iter().enumerate() {
        assert_eq!(join(work).unwrap(), n);
    }
    let again = scheduler.put_work(refused.into_work());
    assert_eq!(again.name(), Some("seven"));
    assert_eq!(join(again).unwrap(), 7);
    let stats = scheduler.stats();
    assert_eq!((stats.put, stats.finished), (4, 4));
}

#[test]
fn a_put_waits_for_room_in_a_full_queue() {
    let scheduler = builder().workers(1).queue_capacity(1).start().unwrap();
    let sum = Arc::new(AtomicUsize::new(0));
    for n in 0..1000 {
        let sum = Arc::clone(&sum);
        drop(scheduler.put_work(move || sum.fetch_add(n, Ordering::Relaxed)));
    }
    scheduler.drain(crate::support::BOUND).unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), 499_500);
}

#[test]
fn a_full_queue_without_a_run_does_not_wait() {
    let scheduler = builder().workers(1).queue_capacity(1).build().unwrap();
    let first = scheduler.put_work(|| 1);
    let second = scheduler.put_work(|| 2);
    assert!(matches!(join(second), Err(WorkError::Full)));
    scheduler.start().unwrap();
    assert_eq!(join(first).unwrap(), 1);
}

#[test]
fn works_that_running_work_puts_are_never_held_up_by_the_capacity() {
    let scheduler = builder().workers(1).queue_capacity(1).start().unwrap();
    let inner = scheduler.clone();
    let works =
        join(scheduler.put_work(move || inner.put_all((0..100).map(|n| move || n)))).unwrap();
    assert_eq!(
        works
            .into_iter()
            .map(|work| join(work).unwrap())
            .sum::<i32>(),
        4950
    );
}

#[test]
fn work_from_outside_is_not_starved_by_work_that_puts_work() {
    // The one worker's own deque never runs empty.
    fn breed(work: &WorkContext, stop: Arc<Mutex<bool>>) {
        if !*stop.lock().unwrap() {
            if let Some(scheduler) = work.scheduler() {
                drop(scheduler.put_work(move |work: &WorkContext| breed(work, stop)));
            }
        }
    }
    let scheduler = scheduler(1);
    let stop = Arc::new(Mutex::new(false));
    let theirs = Arc::clone(&stop);
    drop(scheduler.put_work(move |work: &WorkContext| breed(work, theirs)));
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
    *stop.lock().unwrap() = true;
}

#[test]
fn figures_add_up_when_nothing_runs() {
    let scheduler = scheduler(2);
    let works = scheduler.put_all((0..100).map(|n| move || assert!(n % 10 != 0, "tenth")));
    let ended: Vec<_> = works.into_iter().map(join).collect();
    let stats = scheduler.stats();
    assert_eq!(stats.put, 100);
    assert_eq!(stats.panicked, 10);
    assert_eq!(stats.finished, 90);
    assert_eq!(ended.iter().filter(|outcome| outcome.is_ok()).count(), 90);
    assert_eq!(
        stats.workers.iter().map(|worker| worker.run).sum::<u64>(),
        100
    );
    let text = stats.to_string();
    assert!(
        text.contains("put 100") && text.contains("worker 1"),
        "{text}"
    );
}

#[test]
fn a_put_whose_retry_is_not_passed_on_leaves_nothing_live() {
    let scheduler = builder().workers(1).queue_capacity(1).start().unwrap();
    let (release, released) = latch::<()>();
    let (began, has_begun) = latch();
    let first = scheduler.put_work(move || {
        began.send(()).unwrap();
        receive(&released);
    });
    receive(&has_begun);
    let second = scheduler.put_work(|| ());
    let put = hivework::atomically(|tx| Ok(scheduler.put_work_in(tx, || ()).is_ok()));
    release.send(()).unwrap();
    join(first).unwrap();
    join(second).unwrap();
    assert!(!put, "there was room for one");
    scheduler.drain(crate::support::BOUND).unwrap();
}
