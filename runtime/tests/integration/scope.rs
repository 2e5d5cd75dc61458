//! Works that borrow: over when the scope is, whatever happens meanwhile.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use hivework::{Event, Priority, Scheduler, Scope, TVar, WorkError, atomically, make_work, scope};

use crate::support::{
    BOUND, builder, eventually, join, latch, receive, scheduler, stopped_scheduler,
};

/// Fewer of everything where an interpreter runs the tests.
const MANY: usize = if cfg!(miri) { 30 } else { 100_000 };

/// What `f` panics with.
fn payload_of<R>(f: impl FnOnce() -> R) -> Box<dyn std::any::Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

fn said(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

struct PanicsOnDrop(Arc<AtomicUsize>);

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("in drop");
    }
}

#[test]
fn a_scope_answers_after_all_that_was_spawned() {
    let scheduler = scheduler(2);
    let count = AtomicUsize::new(0);
    let answer = scheduler.scope(|scope| {
        for _ in 0..MANY {
            scope.spawn(|_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
        "answer"
    });
    assert_eq!((answer, count.into_inner()), ("answer", MANY));
}

#[test]
fn spawned_work_borrows_and_changes_what_is_outside() {
    let scheduler = scheduler(2);
    let mut squares = vec![0; 100];
    scheduler.scope(|scope| {
        for (n, square) in squares.iter_mut().enumerate() {
            scope.spawn(move |_| *square = n * n);
        }
    });
    assert!(
        squares
            .iter()
            .enumerate()
            .all(|(n, square)| *square == n * n)
    );
}

#[test]
fn a_closure_that_cannot_be_sent_may_open_a_scope() {
    let scheduler = scheduler(1);
    let here = Cell::new(1);
    let answer = scheduler.scope(|scope| {
        scope.spawn(|_| ());
        here.set(2);
        std::rc::Rc::new(here.get())
    });
    assert_eq!(*answer, 2);
}

fn spread<'scope>(scope: &Scope<'scope>, depth: usize, count: &'scope AtomicUsize) {
    count.fetch_add(1, Ordering::Relaxed);
    if depth > 0 {
        for _ in 0..2 {
            scope.spawn(move |scope| spread(scope, depth - 1, count));
        }
    }
}

#[test]
fn spawned_work_spawns_more() {
    let depth = if cfg!(miri) { 3 } else { 14 };
    for workers in [1, 3] {
        let scheduler = scheduler(workers);
        let count = AtomicUsize::new(0);
        scheduler.scope(|scope| spread(scope, depth, &count));
        let inside = join(scheduler.put_work(move || {
            let count = AtomicUsize::new(0);
            scope(|scope| spread(scope, depth, &count));
            count.into_inner()
        }));
        let whole = (2 << depth) - 1;
        assert_eq!((count.into_inner(), inside.unwrap()), (whole, whole));
    }
}

#[test]
fn a_long_chain_of_spawns_takes_no_stack() {
    fn next<'scope>(scope: &Scope<'scope>, left: usize, count: &'scope AtomicUsize) {
        count.fetch_add(1, Ordering::Relaxed);
        if left > 1 {
            scope.spawn(move |scope| next(scope, left - 1, count));
        }
    }
    let scheduler = scheduler(2);
    let count = AtomicUsize::new(0);
    scheduler.scope(|scope| next(scope, MANY, &count));
    assert_eq!(count.into_inner(), MANY);
}

fn sum(numbers: &[u64]) -> u64 {
    let [number] = numbers else {
        let (left, right) = numbers.split_at(numbers.len() / 2);
        let (mut one, mut two) = (0, 0);
        scope(|scope| {
            scope.spawn(|_| one = sum(left));
            scope.spawn(|_| two = sum(right));
        });
        return one + two;
    };
    *number
}

#[test]
fn scopes_nest_in_scopes_in_works() {
    let most = if cfg!(miri) { 6 } else { 5000 };
    for workers in [1, 2, 4] {
        let scheduler = scheduler(workers);
        let numbers: Vec<u64> = (0..most).collect();
        let total = join(scheduler.put_work(move || sum(&numbers)));
        assert_eq!(total.unwrap(), most * (most - 1) / 2);
    }
}

#[test]
fn scopes_nest_deep() {
    fn down(depth: usize) -> usize {
        let mut below = 0;
        if depth > 0 {
            scope(|scope| scope.spawn(|_| below = down(depth - 1)));
        }
        below + 1
    }
    let depth = if cfg!(miri) { 5 } else { 1000 };
    let scheduler = builder().workers(2).stack_size(64 << 20).start().unwrap();
    assert_eq!(
        join(scheduler.put_work(move || down(depth))).unwrap(),
        depth + 1
    );
}

#[test]
fn a_scope_in_a_work_on_the_only_worker_ends() {
    let scheduler = scheduler(1);
    let works: Vec<_> = (0..10)
        .map(|_| {
            scheduler.put_work(|| {
                let count = AtomicUsize::new(0);
                scope(|scope| spread(scope, 3, &count));
                count.into_inner()
            })
        })
        .collect();
    for work in works {
        assert_eq!(join(work).unwrap(), 15);
    }
}

#[test]
fn outside_of_any_pool_the_calling_thread_runs_it() {
    let me = thread::current().id();
    let threads = Mutex::new(Vec::new());
    let closure_is_over = AtomicBool::new(false);
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|scope| {
                assert!(closure_is_over.load(Ordering::SeqCst));
                scope.spawn(|_| threads.lock().unwrap().push(thread::current().id()));
            });
        }
        closure_is_over.store(true, Ordering::SeqCst);
    });
    assert_eq!(threads.into_inner().unwrap(), [me; 3]);
}

#[test]
fn a_scope_on_a_scheduler_that_does_not_run_is_run_by_its_owner() {
    let scheduler = stopped_scheduler(2);
    let me = thread::current().id();
    for _ in 0..100 {
        scheduler.scope(|scope| scope.spawn(|_| assert_eq!(thread::current().id(), me)));
    }
    assert_eq!(scheduler.stats().put, 0);
    scheduler.start().unwrap();
    assert_eq!(join(scheduler.put_work(|| 7)).unwrap(), 7);
}

#[test]
fn workers_help_while_the_closure_waits_for_what_it_spawned() {
    let scheduler = scheduler(1);
    let (sender, receiver) = latch();
    let helped = scheduler.scope(|scope| {
        scope.spawn(move |_| sender.send(thread::current().id()).unwrap());
        receive(&receiver)
    });
    assert_ne!(helped, thread::current().id());
}

#[test]
fn no_job_hides_behind_one_that_blocks() {
    // Each waits for all the others: as many threads as jobs must come, spares here.
    let scheduler = scheduler(1);
    let jobs = 6;
    let here = AtomicUsize::new(0);
    scheduler.scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|_| {
                here.fetch_add(1, Ordering::SeqCst);
                hivework::blocking(|| {
                    eventually("all are here", || here.load(Ordering::SeqCst) == jobs);
                });
            });
        }
    });
}

#[test]
fn the_owner_waits_for_what_others_still_run() {
    let scheduler = scheduler(2);
    let (started, starts) = latch();
    let (open, gate) = latch::<()>();
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        let opener = threads.spawn(move || {
            receive(&starts);
            open.send(()).unwrap();
        });
        scheduler.scope(|scope| {
            let (over, gone) = (&over, AtomicBool::new(false));
            scope.spawn(move |_| {
                started.send(()).unwrap();
                receive(&gate);
                over.store(true, Ordering::SeqCst);
                gone.store(true, Ordering::SeqCst);
            });
        });
        assert!(over.load(Ordering::SeqCst));
        opener.join().unwrap();
    });
}

#[test]
fn a_waiting_owner_is_away_and_others_work_is_done() {
    let scheduler = scheduler(1);
    let inner = scheduler.clone();
    let (sender, receiver) = latch();
    let (started, starts) = latch();
    let work = scheduler.put_work(move || {
        scope(|scope| {
            scope.spawn(move |_| {
                started.send(()).unwrap();
                hivework::blocking(|| receive(&receiver))
            });
            // Somebody else than this worker must take it for the work below to be done.
        });
    });
    receive(&starts);
    let other = inner.put_work(move || sender.send(()).unwrap());
    join(other).unwrap();
    join(work).unwrap();
}

#[test]
fn a_panic_arrives_after_everything_is_over() {
    let many = if cfg!(miri) { 10 } else { 100 };
    for workers in [1, 3] {
        let scheduler = scheduler(workers);
        let count = AtomicUsize::new(0);
        let payload = payload_of(|| {
            scheduler.scope(|scope| {
                for n in 0..many {
                    let count = &count;
                    scope.spawn(move |scope| {
                        if n == many / 2 {
                            panic_any(7u8);
                        }
                        scope.spawn(move |_| {
                            count.fetch_add(1, Ordering::SeqCst);
                        });
                    });
                }
            });
        });
        assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
        assert_eq!(count.into_inner(), many - 1);
        assert_eq!(scheduler.stats().crashed_workers, 0);
    }
}

#[test]
fn the_panic_of_the_closure_comes_first_and_what_it_spawned_is_run() {
    let scheduler = scheduler(2);
    let count = AtomicUsize::new(0);
    let payload = payload_of(|| {
        scheduler.scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|scope| {
                    // Spawned after the closure has panicked, some of them.
                    scope.spawn(|_| {
                        count.fetch_add(1, Ordering::SeqCst);
                    });
                    panic!("spawned");
                });
            }
            panic!("closure");
        })
    });
    assert_eq!((said(&*payload), count.into_inner()), ("closure", 10));
}

#[test]
fn a_closure_panics_while_its_work_runs_elsewhere() {
    let scheduler = scheduler(1);
    let (started, starts) = latch();
    let (open, gate) = latch::<()>();
    let over = AtomicBool::new(false);
    let payload = payload_of(|| {
        scheduler.scope(|scope| {
            let over = &over;
            scope.spawn(move |_| {
                started.send(()).unwrap();
                receive(&gate);
                over.store(true, Ordering::SeqCst);
            });
            receive(&starts);
            open.send(()).unwrap();
            panic!("closure");
        })
    });
    assert!(over.load(Ordering::SeqCst));
    assert_eq!(said(&*payload), "closure");
}

#[test]
fn nothing_is_lost_and_nothing_is_dropped_twice() {
    let (made, dropped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    struct Token<'a>(&'a AtomicUsize);
    impl Drop for Token<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let scheduler = scheduler(3);
    let rounds = if cfg!(miri) { 2 } else { 100 };
    for round in 0..rounds {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            scheduler.scope(|scope| {
                for n in 0..20 {
                    made.fetch_add(1, Ordering::SeqCst);
                    let token = Token(&dropped);
                    scope.spawn(move |_| {
                        let _token = token;
                        assert!(n != 7 || round % 2 == 0);
                    });
                }
                assert!(round % 3 == 0);
                Token(&made)
            })
        }));
    }
    // Answers count as made where they are dropped.
    let made = made.into_inner();
    assert!(made >= rounds * 20);
    assert_eq!(dropped.into_inner(), rounds * 20);
}

#[test]
fn panics_in_drops_are_contained() {
    let scheduler = scheduler(2);
    let drops = Arc::new(AtomicUsize::new(0));
    // The captures' drop is the spawned work's own panic.
    let captured = PanicsOnDrop(Arc::clone(&drops));
    let payload = payload_of(|| scheduler.scope(|scope| scope.spawn(move |_| drop(captured))));
    assert_eq!(said(&*payload), "in drop");
    // A payload that nobody gets, and an answer that nobody gets.
    let payload = payload_of(|| {
        scheduler.scope(|scope| {
            for _ in 0..2 {
                let drops = Arc::clone(&drops);
                scope.spawn(move |_| panic_any(PanicsOnDrop(drops)));
            }
            panic!("closure");
        })
    });
    assert_eq!(said(&*payload), "closure");
    let payload = payload_of(|| {
        scheduler.scope(|scope| {
            scope.spawn(|_| panic!("spawned"));
            PanicsOnDrop(Arc::clone(&drops))
        })
    });
    assert_eq!(said(&*payload), "spawned");
    assert_eq!(drops.load(Ordering::SeqCst), 4);
    assert_eq!(join(scheduler.put_work(|| 7)).unwrap(), 7);
    assert_eq!(scheduler.stats().crashed_workers, 0);
}

#[test]
fn a_destructor_spawns() {
    struct Spawns<'a, 'scope>(&'a Scope<'scope>, &'scope AtomicUsize);
    impl Drop for Spawns<'_, '_> {
        fn drop(&mut self) {
            let count = self.1;
            self.0.spawn(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
    }
    let scheduler = scheduler(2);
    let count = AtomicUsize::new(0);
    scheduler.scope(|scope| drop(Spawns(scope, &count)));
    let payload = payload_of(|| {
        scheduler.scope(|scope| {
            scope.spawn(|scope| drop(Spawns(scope, &count)));
            let _spawns = Spawns(scope, &count);
            panic!("closure");
        })
    });
    assert_eq!((said(&*payload), count.into_inner()), ("closure", 3));
}

#[test]
fn a_scope_opens_while_its_thread_unwinds() {
    struct Opens(Scheduler, Arc<AtomicUsize>);
    impl Drop for Opens {
        fn drop(&mut self) {
            self.0.scope(|scope| {
                scope.spawn(|_| {
                    self.1.fetch_add(1, Ordering::SeqCst);
                });
            });
        }
    }
    let scheduler = scheduler(1);
    let count = Arc::new(AtomicUsize::new(0));
    payload_of(|| {
        let _opens = Opens(scheduler.clone(), Arc::clone(&count));
        panic!("on the way");
    });
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_thread_local_destructor_opens_a_scope() {
    struct AtExit(Scheduler, Arc<AtomicUsize>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            self.0.scope(|scope| {
                scope.spawn(|_| {
                    self.1.fetch_add(1, Ordering::SeqCst);
                });
            });
        }
    }
    thread_local! {
        static AT_EXIT: Cell<Option<AtExit>> = const { Cell::new(None) };
    }
    let scheduler = scheduler(1);
    let count = Arc::new(AtomicUsize::new(0));
    let (theirs, counts) = (scheduler.clone(), Arc::clone(&count));
    thread::spawn(move || {
        AT_EXIT.set(Some(AtExit(theirs.clone(), counts)));
        theirs.scope(|scope| scope.spawn(|_| ()));
    })
    .join()
    .unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_worker_that_dies_in_a_scope_takes_nothing_along() {
    let scheduler = scheduler(1);
    let count = AtomicUsize::new(0);
    let payload = payload_of(|| {
        scheduler.scope(|scope| {
            let (started, starts) = latch();
            scope.spawn(move |_| {
                started.send(()).unwrap();
                resume_unwind(Box::new(hivework::internals::Crash));
            });
            // Taken by the worker, not by us.
            receive(&starts);
            for _ in 0..10 {
                scope.spawn(|_| {
                    count.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
    });
    assert_eq!(said(&*payload), "the worker that ran it died");
    assert_eq!(count.into_inner(), 10);
    eventually("it is replaced", || scheduler.stats().crashed_workers == 1);
    assert_eq!(join(scheduler.put_work(|| 7)).unwrap(), 7);
}

#[test]
fn the_death_of_the_owner_waits_for_what_borrows() {
    let scheduler = scheduler(2);
    let count = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&count);
    let work = scheduler.put_work(move || {
        let borrowed = AtomicUsize::new(0);
        struct Read<'a>(&'a AtomicUsize, Arc<AtomicUsize>);
        impl Drop for Read<'_> {
            fn drop(&mut self) {
                self.1
                    .store(self.0.load(Ordering::SeqCst), Ordering::SeqCst);
            }
        }
        let _read = Read(&borrowed, counts);
        scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|_| {
                    borrowed.fetch_add(1, Ordering::SeqCst);
                });
            }
            resume_unwind(Box::new(hivework::internals::Crash));
        });
    });
    assert!(matches!(join(work), Err(WorkError::Lost(_))));
    assert_eq!(count.load(Ordering::SeqCst), 10);
}

#[test]
fn a_full_scheduler_holds_up_no_spawn() {
    let scheduler = builder().workers(1).queue_capacity(1).start().unwrap();
    let (open, gate) = latch::<()>();
    let busy = scheduler.put_work(move || receive(&gate));
    eventually("it runs", || scheduler.stats().running == 1);
    let queued = scheduler.put_work(|| ());
    let count = AtomicUsize::new(0);
    scheduler.scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|_| {
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(count.into_inner(), 100);
    open.send(()).unwrap();
    join(busy).unwrap();
    join(queued).unwrap();
}

#[test]
fn works_count_and_jobs_do_not() {
    let scheduler = scheduler(2);
    join(scheduler.put_work(|| scope(|scope| scope.spawn(|_| ())))).unwrap();
    scheduler.scope(|scope| scope.spawn(|_| ()));
    eventually("it is counted", || scheduler.stats().finished == 1);
    let stats = scheduler.stats();
    assert_eq!((stats.put, stats.queued, stats.running), (1, 0, 0));
}

#[test]
fn a_drain_waits_for_the_scope_of_a_work_and_lets_it_spawn() {
    let scheduler = scheduler(2);
    let count = Arc::new(AtomicUsize::new(0));
    let (counts, events) = (Arc::clone(&count), scheduler.events());
    let (started, starts) = latch();
    scheduler.put_work(move || {
        scope(|scope| {
            scope.spawn(|scope| {
                started.send(()).unwrap();
                while !matches!(events.next(), Some(Event::Draining)) {}
                scope.spawn(|_| {
                    counts.fetch_add(1, Ordering::SeqCst);
                });
            });
        });
    });
    receive(&starts);
    scheduler.drain(BOUND).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_stop_in_the_middle_leaves_the_rest_to_the_owner() {
    let rounds = if cfg!(miri) { 2 } else { 50 };
    for _ in 0..rounds {
        let scheduler = scheduler(2);
        let count = AtomicUsize::new(0);
        thread::scope(|threads| {
            let (started, starts) = latch();
            let stopper = threads.spawn({
                let scheduler = scheduler.clone();
                move || {
                    receive(&starts);
                    scheduler.stop().unwrap();
                }
            });
            scheduler.scope(|scope| {
                scope.spawn(move |_| started.send(()).unwrap());
                for _ in 0..1000 {
                    scope.spawn(|_| {
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
            assert_eq!(count.load(Ordering::Relaxed), 1000);
            stopper.join().unwrap();
        });
        scheduler.start().unwrap();
        assert_eq!(join(scheduler.put_work(|| 7)).unwrap(), 7);
    }
}

#[test]
fn a_transaction_opens_no_scope_and_spawns_nothing() {
    let scheduler = scheduler(1);
    let there = TVar::new(1);
    let payload = payload_of(|| {
        atomically(|tx| {
            there.read(tx)?;
            scheduler.scope(|_| ());
            Ok(())
        })
    });
    assert!(said(&*payload).contains("open the scope before or after it"));
    let payload = payload_of(|| {
        scheduler.scope(|scope| {
            atomically(|tx| {
                there.read(tx)?;
                scope.spawn(|_| ());
                Ok(())
            });
        })
    });
    assert!(said(&*payload).contains("spawn after it has committed"));
    // Each by itself is fine.
    scheduler.scope(|scope| {
        scope.spawn(|_| atomically(|tx| there.modify(tx, |n| n + 1)));
    });
    assert_eq!(there.load(), 2);
}

#[test]
fn spawned_work_that_joins_the_work_around_it_is_told() {
    let scheduler = scheduler(2);
    let (give, given) = latch();
    let (answer, answers) = latch();
    let work = scheduler.put_work(move || {
        let around: hivework::WorkHandle<()> = receive(&given);
        scope(|scope| {
            let (started, starts) = latch();
            scope.spawn(move |_| {
                // On another worker: this one waits for it in the closure.
                started.send(()).unwrap();
                answer
                    .send(around.join().err().map(|error| error.to_string()))
                    .unwrap();
            });
            receive(&starts);
        });
    });
    give.send(work).unwrap();
    let error = receive(&answers).expect("an error");
    assert_eq!(error, WorkError::WouldDeadlock.to_string());
}

#[test]
fn a_scope_is_of_the_scheduler_it_was_opened_on() {
    let (one, two) = (scheduler(1), scheduler(1));
    let inner = two.clone();
    let work = one.put_work(move || {
        let (sender, receiver) = latch();
        inner.scope(|scope| {
            scope.spawn(move |_| {
                sender
                    .send(thread::current().name().map(String::from))
                    .unwrap()
            });
            receive(&receiver)
        })
    });
    let name = join(work).unwrap().expect("a worker's name");
    assert!(name.contains("-0"), "{name}");
}

#[test]
fn scopes_one_after_the_other_leave_nothing_behind() {
    // The workers are busy, so nobody comes for the tickets.
    let scheduler = scheduler(1);
    let (open, gate) = latch::<()>();
    let busy = scheduler.put_work(move || {
        for _ in 0..MANY / 10 {
            scope(|scope| scope.spawn(|_| ()));
        }
        receive(&gate);
    });
    for _ in 0..MANY / 10 {
        scheduler.scope(|scope| scope.spawn(|_| ()));
    }
    open.send(()).unwrap();
    join(busy).unwrap();
    assert_eq!(join(scheduler.put_work(|| 7)).unwrap(), 7);
}

#[test]
fn a_free_scope_in_a_section_uses_its_workers() {
    let scheduler = scheduler(2);
    let (to_spawned, from_owner) = std::sync::mpsc::channel();
    let (to_owner, from_spawned) = std::sync::mpsc::channel();
    scheduler.install(|| {
        hivework::scope(|scope| {
            scope.spawn(move |_| {
                from_owner.recv_timeout(BOUND).unwrap();
                to_owner.send(()).unwrap();
            });
            to_spawned.send(()).unwrap();
            from_spawned.recv_timeout(BOUND).expect("a worker runs it");
        });
    });
}

/// The job is not the item that it ran: its worker does not look for work while it goes on.
#[cfg(target_os = "linux")]
#[test]
fn a_job_that_waits_after_an_item_keeps_nobody_from_being_woken() {
    use crate::support::doing;

    let scheduler = builder().workers(4).name("waiters").start().unwrap();
    for _ in 0..10 {
        let (began, has_begun) = latch();
        let (release, released) = latch();
        scheduler.scope(|scope| {
            let scheduler = &scheduler;
            scope.spawn(move |_| {
                // Not on this worker's own deque.
                let urgent = make_work(|| ()).priority(Priority::High);
                scheduler.put_work(urgent).join().unwrap();
                began.send(()).unwrap();
                receive(&released);
            });
            receive(&has_begun);
            // Three workers have found nothing; the fourth waits in the job.
            eventually("all asleep", || doing("waiters") == "SSSSS");
            scheduler.put_work(move || release.send(()).unwrap());
        });
    }
}

#[test]
fn what_is_forked_in_a_scope_from_outside_is_shared() {
    let scheduler = scheduler(2);
    let (to_b, from_a) = std::sync::mpsc::channel();
    let (to_a, from_b) = std::sync::mpsc::channel();
    scheduler.scope(|_| {
        hivework::join(
            move || {
                to_b.send(()).unwrap();
                from_b
                    .recv_timeout(BOUND)
                    .expect("a worker runs the other half");
            },
            move || {
                from_a.recv_timeout(BOUND).unwrap();
                to_a.send(()).unwrap();
            },
        );
    });
}
