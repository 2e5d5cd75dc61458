//! Many workers on one job.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Barrier};

use hivework::{
    Event, Member, MemberError, Scheduler, Status, TVar, TeamError, TeamHandle, WorkError,
    WorkHandle, abort, atomically, atomically_or, blocking, check, join as fork_join,
};

use crate::support::{
    BOUND, block_on, builder, eventually, join, latch, receive, scheduler, stopped_scheduler,
};

/// Joins, and fails the test instead of hanging it.
fn end<T: Send + 'static>(mut team: TeamHandle<T>) -> Result<Vec<T>, WorkError> {
    team.join_timeout(BOUND).expect("the team does not end")
}

/// A team whose members wait for the variable, and say whether it came.
fn waiting(
    scheduler: &Scheduler,
    size: usize,
    open: &TVar<bool>,
) -> TeamHandle<Result<(), MemberError>> {
    let open = open.clone();
    let wait = move |member: &Member| member.atomically(|tx| check(open.read(tx)?));
    scheduler.put_team(size, wait).unwrap()
}

fn has_started<T: Send + 'static>(team: &TeamHandle<T>) {
    eventually("the team starts", || team.status() == Status::Running);
}

/// A work that has a worker until the test opens it.
fn occupy(scheduler: &Scheduler) -> (Sender<()>, WorkHandle<()>) {
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let busy = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate)
    });
    receive(&begins);
    (open, busy)
}

fn message_of(error: &WorkError) -> &str {
    error.panic_message().unwrap_or("no panic")
}

#[test]
fn all_members_run_at_the_same_time() {
    for (workers, size) in [(1, 8), (2, 5), (4, 4), (3, 1)] {
        let scheduler = scheduler(workers);
        let meet = Barrier::new(size);
        let team = scheduler.put_team(size, move |member: &Member| {
            blocking(|| meet.wait());
            (member.index(), member.size())
        });
        let results: Vec<_> = (0..size).map(|index| (index, size)).collect();
        assert_eq!(end(team.unwrap()).unwrap(), results);
    }
}

#[test]
fn nobody_starts_before_all_have_a_thread() {
    let scheduler = builder().workers(2).max_spares(0).start().unwrap();
    let (open, busy) = occupy(&scheduler);
    let calls = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&calls);
    let team = scheduler.put_team(2, move |_: &Member| theirs.fetch_add(1, Ordering::SeqCst));
    let team = team.unwrap();
    eventually("one waits for the other", || {
        scheduler.stats().blocked_workers == 1
    });
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(team.status(), Status::Queued);
    open.send(()).unwrap();
    join(busy).unwrap();
    end(team).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn members_exchange_and_meet_again_and_again() {
    const ROUNDS: usize = if cfg!(miri) { 3 } else { 50 };
    let scheduler = scheduler(2);
    let leaders = Arc::new(AtomicUsize::new(0));
    let led = Arc::clone(&leaders);
    let team = scheduler.put_team(4, move |member: &Member<usize>| {
        let mut sum = 0;
        for round in 0..ROUNDS {
            let all = member.exchange(round * 10 + member.index())?;
            let expected: Vec<_> = (0..4).map(|index| round * 10 + index).collect();
            assert_eq!(all, expected);
            sum += all[3];
            let leads = member.barrier()?.is_leader();
            led.fetch_add(usize::from(leads), Ordering::SeqCst);
        }
        Ok::<_, MemberError>(sum)
    });
    let sum = (0..ROUNDS).map(|round| round * 10 + 3).sum();
    for result in end(team.unwrap()).unwrap() {
        assert_eq!(result, Ok(sum));
    }
    assert_eq!(leaders.load(Ordering::SeqCst), ROUNDS);
}

#[test]
fn messages_come_from_whom_they_were_sent_by_and_in_order() {
    let scheduler = scheduler(2);
    let team = scheduler.put_team(3, |member: &Member<(usize, usize)>| {
        let next = (member.index() + 1) % 3;
        for n in 0..20 {
            member.send(next, (member.index(), n))?;
        }
        for n in 0..20 {
            let (from, (who, m)) = member.receive()?;
            assert_eq!((from, who, m), ((member.index() + 2) % 3, from, n));
        }
        member.barrier()?;
        member.broadcast((member.index(), 100))?;
        let mut from = [member.receive()?.0, member.receive()?.0];
        from.sort_unstable();
        Ok::<_, MemberError>(from)
    });
    let results = end(team.unwrap()).unwrap();
    assert_eq!(results, [Ok([1, 2]), Ok([0, 2]), Ok([0, 1])]);
}

#[test]
fn a_receive_is_one_side_of_a_larger_transaction() {
    let scheduler = scheduler(2);
    let log = TVar::new(Vec::new());
    let theirs = log.clone();
    let team = scheduler.put_team(2, move |member: &Member<u32>| {
        if member.index() == 0 {
            atomically(|tx| {
                theirs.modify(tx, |mut log| {
                    log.push("sent");
                    log
                })?;
                member.send_in(tx, 1, 7)
            })?;
            return member.barrier().map(|_| 0);
        }
        let quiet = TVar::new(false);
        let got = atomically(|tx| {
            tx.or_else(
                |tx| check(quiet.read(tx)?).map(|()| Ok(0)),
                |tx| Ok(member.receive_in(tx)?.map(|(_, message)| message)),
            )
        })?;
        assert_eq!(theirs.load(), ["sent"]);
        member.barrier().map(|_| got)
    });
    assert_eq!(end(team.unwrap()).unwrap(), [Ok(0), Ok(7)]);
}

#[test]
fn teams_that_are_larger_together_than_the_workers_all_end() {
    const TEAMS: usize = if cfg!(miri) { 4 } else { 40 };
    let scheduler = builder().workers(2).max_spares(5).start().unwrap();
    let teams: Vec<_> = (0..TEAMS)
        .map(|n| {
            let size = n % 7 + 1;
            scheduler.put_team(size, move |member: &Member<usize>| {
                member.barrier()?;
                Ok::<_, MemberError>(member.exchange(n)?.len())
            })
        })
        .collect();
    for (n, team) in teams.into_iter().enumerate() {
        let size = n % 7 + 1;
        assert_eq!(end(team.unwrap()).unwrap(), vec![Ok(size); size]);
    }
    eventually("nothing is left", || {
        let stats = scheduler.stats();
        (stats.queued, stats.running, stats.waiting) == (0, 0, 0)
    });
}

#[test]
fn a_large_team_is_not_overtaken() {
    let scheduler = builder().workers(3).max_spares(0).start().unwrap();
    let open = TVar::new(false);
    let first = waiting(&scheduler, 2, &open);
    has_started(&first);
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let teams: Vec<_> = [3, 1, 1]
        .into_iter()
        .map(|size| {
            let order = Arc::clone(&order);
            let note = move |member: &Member| {
                if member.index() == 0 {
                    order.lock().unwrap().push(size);
                }
            };
            scheduler.put_team(size, note).unwrap()
        })
        .collect();
    // A single member would fit now, but for the line.
    eventually("they wait", || scheduler.stats().waiting == 4);
    assert!(order.lock().unwrap().is_empty());
    open.store(true);
    assert_eq!(end(first).unwrap(), [Ok(()), Ok(())]);
    for team in teams {
        end(team).unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [3, 1, 1]);
}

#[test]
fn without_spares_a_team_takes_the_workers() {
    let scheduler = builder().workers(3).max_spares(0).start().unwrap();
    for size in 1..=3 {
        let team = scheduler.put_team(size, |member: &Member| member.barrier().is_ok());
        assert_eq!(end(team.unwrap()).unwrap(), vec![true; size]);
    }
    let error = scheduler.put_team(4, |_: &Member| ()).unwrap_err();
    assert_eq!(error, TeamError::TooMany { size: 4, most: 3 });
}

#[test]
fn a_work_that_joins_a_team_is_one_of_its_threads() {
    for workers in [1, 2] {
        let scheduler = builder().workers(workers).max_spares(0).start().unwrap();
        let inner = scheduler.clone();
        let work = scheduler.put_work(move || {
            let team = inner.put_team(workers, |member: &Member| member.barrier().is_ok());
            team.unwrap().join().unwrap()
        });
        assert_eq!(join(work).unwrap(), vec![true; workers]);
    }
}

#[test]
fn works_that_wait_for_teams_as_large_as_there_are_threads_wait_for_none_in_vain() {
    const WORKS: usize = if cfg!(miri) { 4 } else { 60 };
    let scheduler = builder().workers(2).max_spares(2).start().unwrap();
    let works: Vec<_> = (0..WORKS)
        .map(|n| {
            let inner = scheduler.clone();
            scheduler.put_work(move || {
                let team = inner.put_team(n % 4 + 1, |member: &Member| member.barrier().is_ok());
                team.unwrap().join()
            })
        })
        .collect();
    for (n, work) in works.into_iter().enumerate() {
        match join(work).unwrap() {
            Ok(results) => assert_eq!(results, vec![true; n % 4 + 1]),
            Err(error) => assert!(matches!(error, WorkError::WouldDeadlock), "{error}"),
        }
    }
    scheduler.drain(BOUND).unwrap();
}

#[test]
fn works_put_and_join_teams() {
    let scheduler = scheduler(2);
    let works: Vec<_> = (0..8)
        .map(|n| {
            let inner = scheduler.clone();
            scheduler.put_work(move || {
                let sum = move |member: &Member<usize>| member.exchange(n).map(|all| all.len());
                inner.put_team(3, sum).unwrap().join().unwrap()
            })
        })
        .collect();
    for work in works {
        assert_eq!(join(work).unwrap(), vec![Ok(3); 3]);
    }
}

#[test]
fn a_panic_ends_every_wait_of_the_others_and_arrives_once() {
    let scheduler = scheduler(2);
    let never = TVar::new(false);
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let team = scheduler.put_team(6, move |member: &Member<()>| {
        let end = match member.index() {
            0 => {
                eventually("all wait", || {
                    member.scheduler().unwrap().stats().blocked_workers >= 5
                });
                std::panic::panic_any(String::from("no more"));
            }
            1 => member.barrier().map(|_| ()),
            2 => member.receive().map(|_| ()),
            3 => member.exchange(()).map(|_| ()),
            4 => member.atomically(|tx| check(never.read(tx)?)),
            _ => Err(atomically(|tx| {
                check(member.cancelled_in(tx)?)?;
                Ok(MemberError::TeamOver)
            })),
        };
        assert_eq!(end, Err(MemberError::TeamOver));
        assert!(member.cancelled());
        assert_eq!(member.checkpoint(), Err(MemberError::TeamOver));
        assert_eq!(member.send(0, ()), Err(MemberError::TeamOver));
        count.fetch_add(1, Ordering::SeqCst);
        panic!("and so do I");
    });
    let WorkError::Panicked(report) = end(team.unwrap()).unwrap_err() else {
        panic!("how did it end?");
    };
    // Not before all have ended.
    assert_eq!(told.load(Ordering::SeqCst), 5);
    assert_eq!(report.message(), "no more");
    let payload = report.take_payload().unwrap();
    assert_eq!(*payload.downcast::<String>().unwrap(), "no more");
    assert!(report.take_payload().is_none());
    assert_eq!(scheduler.stats().panicked, 1);
}

#[test]
fn what_panics_when_it_is_dropped_ends_no_worker() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in drop");
            }
        }
    }
    let scheduler = scheduler(2);
    let kept = Bad;
    let team = scheduler.put_team(3, move |member: &Member| {
        let _kept = &kept;
        if member.index() == 2 {
            std::panic::panic_any(Bad);
        }
        Bad
    });
    let error = end(team.unwrap()).err().unwrap();
    assert!(matches!(error, WorkError::Panicked(_)));
    std::mem::forget(error);
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
    assert_eq!(scheduler.stats().crashed_workers, 0);
}

#[test]
fn a_team_that_waits_for_threads_is_cancelled_while_it_waits() {
    let scheduler = builder().workers(3).max_spares(0).start().unwrap();
    let open = TVar::new(false);
    let first = waiting(&scheduler, 2, &open);
    has_started(&first);
    let called = Arc::new(AtomicBool::new(false));
    let calls = Arc::clone(&called);
    let second = scheduler
        .put_team(2, move |_: &Member| calls.store(true, Ordering::SeqCst))
        .unwrap();
    let third = scheduler.put_team(1, |_: &Member| 3).unwrap();
    eventually("they wait", || scheduler.stats().waiting == 3);
    assert!(second.cancel());
    assert!(!second.cancel());
    // While the first has the threads.
    assert!(matches!(end(second), Err(WorkError::Cancelled)));
    open.store(true);
    assert_eq!(end(first).unwrap(), [Ok(()), Ok(())]);
    // Whoever stood behind it goes on.
    assert_eq!(end(third).unwrap(), [3]);
    assert!(!called.load(Ordering::SeqCst));
}

#[test]
fn a_team_that_musters_is_cancelled_while_it_waits() {
    let scheduler = builder().workers(2).max_spares(0).start().unwrap();
    let (open, busy) = occupy(&scheduler);
    let team = scheduler
        .put_team(2, |_: &Member| -> () { panic!("it was cancelled") })
        .unwrap();
    eventually("one waits for the other", || {
        scheduler.stats().blocked_workers == 1
    });
    assert!(team.cancel());
    assert!(matches!(end(team), Err(WorkError::Cancelled)));
    eventually("nobody waits", || scheduler.stats().blocked_workers == 0);
    open.send(()).unwrap();
    join(busy).unwrap();
    // Its threads are there again.
    assert_eq!(
        end(waiting(&scheduler, 2, &TVar::new(true))).unwrap().len(),
        2
    );
}

#[test]
fn a_team_that_runs_is_cancelled_when_all_have_ended() {
    let scheduler = scheduler(2);
    let (open, gate) = latch::<()>();
    let gate = std::sync::Mutex::new(gate);
    let mut team = scheduler
        .put_team(3, move |member: &Member<u8>| match member.index() {
            0 => blocking(|| receive(&gate.lock().unwrap())),
            _ => assert_eq!(member.receive(), Err(MemberError::TeamOver)),
        })
        .unwrap();
    has_started(&team);
    assert!(team.cancel());
    assert!(!team.cancel());
    assert!(team.try_join().is_none(), "answered before its members");
    open.send(()).unwrap();
    assert!(matches!(end(team), Err(WorkError::Cancelled)));
    assert_eq!(scheduler.stats().cancelled, 1);
}

#[test]
fn a_team_is_cancelled_by_a_transaction_that_commits() {
    let scheduler = scheduler(1);
    let never = TVar::new(false);
    let team = waiting(&scheduler, 2, &never);
    let refused: Result<(), _> = atomically_or(|tx| {
        team.cancel_in(tx);
        hivework::abort("no")
    });
    assert_eq!(refused, Err("no"));
    has_started(&team);
    atomically(|tx| {
        team.cancel_in(tx);
        Ok(())
    });
    assert!(matches!(end(team), Err(WorkError::Cancelled)));
}

#[test]
fn a_stop_in_the_middle_of_a_muster_returns_and_the_next_start_goes_on() {
    let scheduler = builder().workers(2).max_spares(1).start().unwrap();
    let (open, busy) = occupy(&scheduler);
    let calls = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&calls);
    let team = scheduler.put_team(3, move |member: &Member| {
        theirs.fetch_add(1, Ordering::SeqCst);
        member.barrier().is_ok()
    });
    let team = team.unwrap();
    eventually("two wait for the third", || {
        scheduler.stats().blocked_workers == 2
    });
    let stopping = scheduler.clone();
    let stop = std::thread::spawn(move || stopping.stop().unwrap());
    eventually("the stop has begun", || !scheduler.is_running());
    open.send(()).unwrap();
    join(busy).unwrap();
    stop.join().unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(team.status(), Status::Queued);
    scheduler.start().unwrap();
    assert_eq!(end(team).unwrap(), [true; 3]);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[test]
fn stops_at_any_moment_lose_no_team() {
    const ROUNDS: usize = if cfg!(miri) { 2 } else { 60 };
    let scheduler = builder().workers(2).max_spares(4).start().unwrap();
    let teams: Vec<_> = (0..ROUNDS)
        .map(|n| {
            let team = scheduler.put_team(n % 4 + 1, |member: &Member| {
                member.barrier().and_then(|_| member.barrier()).is_ok()
            });
            if n % 3 == 0 {
                scheduler.stop().unwrap();
                scheduler.start().unwrap();
            }
            team.unwrap()
        })
        .collect();
    for (n, team) in teams.into_iter().enumerate() {
        assert_eq!(end(team).unwrap(), vec![true; n % 4 + 1]);
    }
}

#[test]
fn a_stop_waits_for_a_team_that_runs_and_has_it_answered() {
    let scheduler = scheduler(2);
    let open = TVar::new(false);
    let mut team = waiting(&scheduler, 3, &open);
    has_started(&team);
    let stopping = scheduler.clone();
    let stop = std::thread::spawn(move || stopping.stop().unwrap());
    eventually("the stop has begun", || !scheduler.is_running());
    assert!(team.try_join().is_none());
    open.store(true);
    stop.join().unwrap();
    let outcome = team.try_join().expect("the stop has left it unanswered");
    assert_eq!(outcome.unwrap(), vec![Ok(()); 3]);
}

#[test]
fn a_work_that_joins_a_team_is_no_hindrance_to_a_stop() {
    let scheduler = builder().workers(2).max_spares(0).start().unwrap();
    let (open, busy) = occupy(&scheduler);
    let inner = scheduler.clone();
    let joining = scheduler.put_work(move || {
        let team = inner.put_team(2, |_: &Member| panic!("it was stopped"));
        let outcome: Result<Vec<()>, _> = team.unwrap().join();
        outcome
    });
    eventually("it takes part", || scheduler.stats().blocked_workers == 1);
    let stopping = scheduler.clone();
    let stop = std::thread::spawn(move || stopping.stop().unwrap());
    let outcome = join(joining).unwrap();
    assert!(matches!(outcome, Err(WorkError::Stopped)), "{outcome:?}");
    open.send(()).unwrap();
    stop.join().unwrap();
    join(busy).unwrap();
    scheduler.start().unwrap();
    scheduler.drain(BOUND).unwrap();
}

#[test]
fn a_drain_runs_teams_to_their_end_and_refuses_others() {
    let scheduler = builder().workers(2).max_spares(2).start().unwrap();
    let open = TVar::new(false);
    let teams: Vec<_> = (0..4).map(|_| waiting(&scheduler, 3, &open)).collect();
    has_started(&teams[0]);
    let draining = scheduler.clone();
    let events = scheduler.events();
    let drain = std::thread::spawn(move || draining.drain(BOUND).unwrap());
    while !matches!(events.next_timeout(BOUND), Some(Event::Draining)) {}
    let late = scheduler.put_team(1, |_: &Member| ()).unwrap();
    assert!(matches!(end(late), Err(WorkError::Stopped)));
    open.store(true);
    drain.join().unwrap();
    for mut team in teams {
        let outcome = team.try_join().expect("the drain has left it");
        assert_eq!(outcome.unwrap(), vec![Ok(()); 3]);
    }
}

#[test]
fn the_last_handle_answers_teams_in_every_phase() {
    let scheduler = builder().workers(2).max_spares(0).start().unwrap();
    let never = TVar::new(false);
    let running = waiting(&scheduler, 1, &never);
    has_started(&running);
    let (open, busy) = occupy(&scheduler);
    // Its members have no thread, and the next has none reserved.
    let mustering = waiting(&scheduler, 1, &never);
    let in_line = waiting(&scheduler, 2, &never);
    let closer = std::thread::spawn(move || drop(scheduler));
    for team in [running, mustering, in_line] {
        assert!(matches!(end(team), Err(WorkError::Stopped)));
    }
    open.send(()).unwrap();
    closer.join().unwrap();
    join(busy).unwrap();
}

#[test]
fn teams_put_before_the_start_wait_for_it() {
    let scheduler = stopped_scheduler(2);
    let open = TVar::new(true);
    let team = waiting(&scheduler, 3, &open);
    let mut cancelled = waiting(&scheduler, 3, &open);
    let dropped = waiting(&scheduler, 3, &open);
    assert_eq!(team.status(), Status::Queued);
    assert!(cancelled.cancel());
    let outcome = cancelled.try_join().expect("not answered at once");
    assert!(matches!(outcome, Err(WorkError::Cancelled)));
    drop(dropped);
    scheduler.start().unwrap();
    assert_eq!(end(team).unwrap(), vec![Ok(()); 3]);
    scheduler.drain(BOUND).unwrap();
    assert_eq!(scheduler.stats().finished, 8);
    let unanswered = waiting(&scheduler, 2, &open);
    drop(scheduler);
    assert!(matches!(end(unanswered), Err(WorkError::Stopped)));
}

/// Nobody sat on the seats that were to be fewer, and there are no spares.
#[test]
fn threads_that_were_reserved_before_there_were_to_be_fewer_are_made() {
    let fixed = builder().workers(1).max_workers(4).max_spares(0);
    let scheduler = fixed.build().unwrap();
    scheduler.set_workers(4).unwrap();
    let team = waiting(&scheduler, 4, &TVar::new(true));
    scheduler.set_workers(2).unwrap();
    scheduler.start().unwrap();
    assert_eq!(end(team).unwrap(), vec![Ok(()); 4]);
    eventually("the surplus retires", || {
        let workers = scheduler.stats().workers;
        workers.iter().filter(|worker| worker.is_here).count() == 2
    });
}

/// A worker beyond the target, which stays for a team, dies before that has started.
#[test]
fn a_worker_that_stays_for_a_team_is_replaced() {
    let fixed = builder().workers(2).max_workers(2).max_spares(0);
    let scheduler = fixed.start().unwrap();
    let (die, gate) = latch::<()>();
    let (begun, begins) = latch();
    let dying = |gate: std::sync::mpsc::Receiver<()>| {
        let begun = begun.clone();
        move || {
            begun.send(()).unwrap();
            receive(&gate);
            std::panic::resume_unwind(Box::new(hivework::internals::Crash));
        }
    };
    let first = scheduler.put_work(dying(gate));
    let (die_too, gate) = latch::<()>();
    let second = scheduler.put_work(dying(gate));
    receive(&begins);
    receive(&begins);
    let team = waiting(&scheduler, 2, &TVar::new(true));
    scheduler.set_workers(1).unwrap();
    die.send(()).unwrap();
    die_too.send(()).unwrap();
    let _: Result<(), _> = join(first);
    let _: Result<(), _> = join(second);
    assert_eq!(end(team).unwrap(), vec![Ok(()); 2]);
}

#[test]
fn a_thread_that_dies_in_a_member_loses_the_team_and_nothing_else() {
    let scheduler = scheduler(2);
    let team = scheduler.put_team(4, |member: &Member| {
        if member.index() == 1 {
            std::panic::panic_any(hivework::internals::Crash);
        }
        member.barrier().unwrap_err()
    });
    let error = end(team.unwrap()).unwrap_err();
    assert!(
        matches!(error, WorkError::Lost(why) if why.contains("died")),
        "{error}"
    );
    assert_eq!(
        end(waiting(&scheduler, 4, &TVar::new(true))).unwrap().len(),
        4
    );
    scheduler.drain(BOUND).unwrap();
}

#[test]
fn what_can_never_start_is_an_error_that_says_the_bound() {
    let scheduler = builder().workers(2).max_spares(3).start().unwrap();
    let none = scheduler.put_team(0, |_: &Member| ()).unwrap_err();
    assert_eq!(none, TeamError::Empty);
    let many = scheduler.put_team(6, |_: &Member| ()).unwrap_err();
    assert_eq!(many, TeamError::TooMany { size: 6, most: 5 });
    assert!(many.to_string().contains("5 threads at most"), "{many}");
    assert!(scheduler.put_team(usize::MAX, |_: &Member| ()).is_err());
    assert!(
        scheduler
            .put_team(5, |_: &Member| ())
            .unwrap()
            .join()
            .is_ok()
    );
    eventually("all are counted", || scheduler.stats().finished == 6);
}

#[test]
#[should_panic(expected = "use `put_team_in(tx, …)`")]
fn a_put_inside_a_transaction_says_what_to_do() {
    let scheduler = scheduler(1);
    atomically(|_| {
        let _ = scheduler.put_team(1, |_: &Member| ());
        Ok(())
    });
}

#[test]
fn a_message_to_nobody_is_an_error() {
    let scheduler = scheduler(1);
    let team = scheduler.put_team(2, |member: &Member<u8>| member.send(2, 0));
    let error = MemberError::NoSuchMember { index: 2, size: 2 };
    assert_eq!(end(team.unwrap()).unwrap(), [Err(error), Err(error)]);
}

#[test]
fn nobody_waits_for_a_member_that_has_returned() {
    let scheduler = scheduler(2);
    let team = scheduler.put_team(4, |member: &Member<u8>| match member.index() {
        0 => member.send(1, 9).map(|()| 0),
        // The last of them waits for nobody.
        1 => {
            assert_eq!(member.receive(), Ok((0, 9)));
            member.receive().map(|_| 0)
        }
        2 => member.barrier().map(|_| 0),
        _ => member.exchange(0).map(|_| 0),
    });
    let left = Err(MemberError::MemberLeft);
    assert_eq!(end(team.unwrap()).unwrap(), [Ok(0), left, left, left]);
}

#[test]
fn one_that_is_alone_waits_for_no_message() {
    let scheduler = scheduler(1);
    let team = scheduler.put_team(1, |member: &Member<u8>| member.receive());
    assert_eq!(end(team.unwrap()).unwrap(), [Err(MemberError::MemberLeft)]);
}

#[test]
fn where_the_number_follows_the_load_a_team_may_have_all_that_can_come() {
    let scheduler = builder()
        .workers_between(1, 4)
        .max_spares(0)
        .start()
        .unwrap();
    let meet = Barrier::new(4);
    let team = scheduler.put_team(4, move |member: &Member| {
        meet.wait();
        member.index()
    });
    assert_eq!(end(team.unwrap()).unwrap(), [0, 1, 2, 3]);
    let refused = scheduler.put_team(5, |_: &Member| ());
    assert!(matches!(refused, Err(TeamError::TooMany { most: 4, .. })));
}

#[test]
fn nobody_begins_a_team_whose_put_is_rolled_back() {
    let scheduler = scheduler(2);
    let (hand_over, handed_over) = std::sync::mpsc::channel();
    let handed_over = std::sync::Mutex::new(handed_over);
    let joins = scheduler.put_work(move || {
        let team: TeamHandle<()> = receive(&handed_over.lock().unwrap());
        team.join()
    });
    let rolled_back = atomically_or(|tx| {
        let team = scheduler.put_team_in(tx, 2, |_: &Member| ())?;
        hand_over.send(team.unwrap()).unwrap();
        // It has the handle, and all the time to make something of it.
        eventually("it waits", || scheduler.stats().blocked_workers > 0);
        abort::<(), _>(())
    });
    assert_eq!(rolled_back, Err(()));
    assert!(matches!(join(joins).unwrap(), Err(WorkError::Cancelled)));
    assert!(scheduler.drain(BOUND).is_ok());
}

#[test]
fn a_member_puts_a_team_and_joins_it() {
    let scheduler = builder().workers(1).max_spares(5).start().unwrap();
    let outer = scheduler.put_team(2, |member: &Member| {
        let scheduler = member.scheduler().unwrap();
        let inner = scheduler.put_team(2, |member: &Member| member.barrier().is_ok());
        let results = inner.unwrap().join().unwrap();
        member.barrier().unwrap();
        results
    });
    assert_eq!(end(outer.unwrap()).unwrap(), vec![vec![true; 2]; 2]);
}

#[test]
fn a_member_never_waits_for_threads_that_its_own_team_has() {
    let scheduler = builder().workers(2).max_spares(2).start().unwrap();
    // Four threads: each of two teams has two, and each member wants three more.
    let started = Arc::new(AtomicUsize::new(0));
    let teams: Vec<_> = (0..2)
        .map(|_| {
            let started = Arc::clone(&started);
            scheduler.put_team(2, move |member: &Member| {
                let scheduler = member.scheduler().unwrap();
                started.fetch_add(1, Ordering::SeqCst);
                blocking(|| eventually("all run", || started.load(Ordering::SeqCst) == 4));
                member.barrier().unwrap();
                let inner = scheduler.put_team(3, |_: &Member| ());
                let error = inner.unwrap_err();
                member.barrier().unwrap();
                error
            })
        })
        .collect();
    for team in teams {
        for error in end(team.unwrap()).unwrap() {
            assert!(
                matches!(error, TeamError::WouldDeadlock { size: 3, free } if free <= 2),
                "{error}"
            );
        }
    }
}

#[test]
fn a_member_that_joins_a_team_in_the_line_is_told() {
    let scheduler = builder().workers(2).max_spares(0).start().unwrap();
    let (give, given) = latch::<TeamHandle<()>>();
    let given = std::sync::Mutex::new(given);
    let outer = scheduler.put_team(2, move |member: &Member| {
        let answer = (member.index() == 0).then(|| {
            let team = blocking(|| receive(&given.lock().unwrap()));
            team.join()
        });
        member.barrier().unwrap();
        answer
    });
    let outer = outer.unwrap();
    has_started(&outer);
    give.send(scheduler.put_team(1, |_: &Member| ()).unwrap())
        .unwrap();
    let answers = end(outer).unwrap();
    assert!(matches!(answers[0], Some(Err(WorkError::WouldDeadlock))));
}

#[test]
fn a_member_that_waits_for_its_own_team_is_told() {
    type Handle = TeamHandle<bool>;
    let scheduler = scheduler(2);
    let (give, given) = latch::<Handle>();
    let given = std::sync::Mutex::new(given);
    let team = scheduler.put_team(2, move |member: &Member| {
        if member.index() == 1 {
            return true;
        }
        let own = blocking(|| receive(&given.lock().unwrap()));
        let in_half = fork_join(|| (), || block_on(own)).1;
        assert!(matches!(in_half, Err(WorkError::WouldDeadlock)));
        true
    });
    give.send(team.unwrap()).unwrap();
    scheduler.drain(BOUND).unwrap();
    assert_eq!(scheduler.stats().panicked, 0);

    // A work that joins the team, and a member that joins the work.
    let scheduler = crate::support::scheduler(2);
    let (give, given) = latch::<WorkHandle<Result<Vec<bool>, WorkError>>>();
    let given = std::sync::Mutex::new(given);
    let team = scheduler.put_team(3, move |member: &Member| {
        if member.index() != 1 {
            // These wait in joins as well, for something else.
            let other = member.scheduler().unwrap().put_work(|| ());
            return other.join().is_ok();
        }
        let work = blocking(|| receive(&given.lock().unwrap()));
        let outcome = work.join().and_then(|outcome| outcome);
        assert!(matches!(outcome, Err(WorkError::WouldDeadlock)));
        true
    });
    let team = team.unwrap();
    has_started(&team);
    give.send(scheduler.put_work(move || team.join())).unwrap();
    scheduler.drain(BOUND).unwrap();
    assert_eq!(scheduler.stats().panicked, 0);
}

#[test]
fn results_are_waited_for_in_a_transaction_and_awaited() {
    let scheduler = scheduler(2);
    let never = TVar::new(false);
    let slow = waiting(&scheduler, 2, &never);
    let fast = scheduler
        .put_team(2, |member: &Member| member.index())
        .unwrap();
    let first = atomically(|tx| {
        tx.or_else(
            |tx| slow.wait_in(tx).map(|outcome| outcome.map(|all| all.len())),
            |tx| fast.wait_in(tx).map(|outcome| outcome.map(|all| all[1])),
        )
    });
    assert_eq!(first.unwrap(), 1);
    // It stays in the handle.
    assert_eq!(block_on(fast).unwrap(), [0, 1]);
    never.store(true);
    assert_eq!(block_on(slow).unwrap(), [Ok(()), Ok(())]);
}

#[test]
fn a_team_whose_handle_is_dropped_runs_on() {
    let scheduler = scheduler(2);
    let (say, said) = latch();
    let team = scheduler.put_team(3, move |member: &Member| {
        member.barrier().unwrap();
        say.send(member.index()).unwrap();
    });
    drop(team.unwrap());
    let mut all: Vec<_> = (0..3).map(|_| receive(&said)).collect();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2]);
}

#[test]
fn what_the_closure_holds_is_given_back_before_the_results() {
    let scheduler = scheduler(2);
    for _ in 0..20 {
        let sum = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&sum);
        let team = scheduler.put_team(3, move |member: &Member| {
            theirs.fetch_add(member.index(), Ordering::SeqCst);
        });
        end(team.unwrap()).unwrap();
        assert_eq!(Arc::try_unwrap(sum).unwrap().into_inner(), 3);
    }
}

#[test]
fn a_team_is_put_with_its_transaction_or_not_at_all() {
    let scheduler = scheduler(2);
    let parts = TVar::new(3);
    let put = |fail: bool| {
        atomically_or(|tx| {
            let size = parts.replace(tx, 0)?;
            let team = scheduler.put_team_in(tx, size, |member: &Member| member.index())?;
            if fail {
                return hivework::abort("no");
            }
            Ok(team)
        })
    };
    assert_eq!(put(true).err(), Some("no"));
    assert_eq!(end(put(false).unwrap().unwrap()).unwrap(), [0, 1, 2]);
    assert_eq!(put(false).unwrap().err(), Some(TeamError::Empty));
    scheduler.drain(BOUND).unwrap();
}

#[test]
fn members_fork_and_spawn() {
    let scheduler = scheduler(2);
    let team = scheduler.put_team(3, |member: &Member<u64>| {
        let base = member.index() as u64 * 100;
        let numbers: Vec<u64> = (base..base + 100).collect();
        let (low, high) = fork_join(
            || numbers[..50].iter().sum::<u64>(),
            || numbers[50..].iter().sum::<u64>(),
        );
        let mut last = 0;
        hivework::scope(|scope| {
            scope.spawn(|_| last = numbers[99]);
        });
        assert_eq!(last, base + 99);
        Ok::<_, MemberError>(member.exchange(low + high)?.iter().sum::<u64>())
    });
    let sum = (0..300).sum();
    assert_eq!(end(team.unwrap()).unwrap(), vec![Ok(sum); 3]);
}

#[test]
fn the_first_of_several_panics_is_the_outcome() {
    let scheduler = scheduler(2);
    let first = TVar::new(false);
    let team = scheduler.put_team(3, move |member: &Member| {
        if member.index() == 2 {
            panic!("first");
        }
        atomically(|tx| check(member.cancelled_in(tx)?));
        first.store(true);
        panic!("later");
    });
    let error = end::<()>(team.unwrap()).unwrap_err();
    assert_eq!(message_of(&error), "first");
}

#[test]
fn every_team_is_answered_whatever_comes_together() {
    const ROUNDS: u64 = if cfg!(miri) { 3 } else { 150 };
    let scheduler = builder().workers(3).max_spares(5).start().unwrap();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut teams = Vec::new();
    for _ in 0..ROUNDS {
        let (size, kind) = (next(8) as usize + 1, next(10));
        let inner = scheduler.clone();
        let put = move || {
            let team = inner.put_team(size, move |member: &Member<usize>| {
                if member.index() == 0 {
                    match kind {
                        0 => panic!("on purpose"),
                        1 => std::panic::panic_any(hivework::internals::Crash),
                        2 => return Ok(0),
                        3 => {
                            let scheduler = member.scheduler().ok_or(MemberError::TeamOver)?;
                            let inner = scheduler.put_team(2, |member: &Member| member.barrier());
                            _ = inner.map(TeamHandle::join);
                        }
                        _ => {}
                    }
                }
                member.barrier()?;
                Ok::<_, MemberError>(member.exchange(size)?.len())
            });
            team.unwrap()
        };
        match next(6) {
            0 => {
                let work = scheduler.put_work(move || _ = put().join());
                teams.push(scheduler.put_team(1, move |_: &Member| Ok(0)).unwrap());
                if next(2) == 0 {
                    scheduler.stop().unwrap();
                    scheduler.start().unwrap();
                }
                // Lost, where the member died on its thread.
                _ = join(work);
            }
            1 => {
                let team = put();
                team.cancel();
                teams.push(team);
            }
            2 => drop(put()),
            _ => teams.push(put()),
        }
        match next(8) {
            0 => {
                scheduler.stop().unwrap();
                scheduler.start().unwrap();
            }
            1 => {
                let some = teams.split_off(teams.len() / 2);
                some.into_iter().for_each(|team| _ = end(team));
            }
            _ => {}
        }
    }
    teams.into_iter().for_each(|team| _ = end(team));
    scheduler.drain(BOUND).unwrap();
    let stats = scheduler.stats();
    assert_eq!((stats.queued, stats.running, stats.waiting), (0, 0, 0));
}
