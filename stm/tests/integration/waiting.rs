//! `retry`: who sleeps, what wakes, and what must not be left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use hivework_stm::{
    Abort, BlockHook, TVar, abort, atomically, atomically_or, atomically_timeout, check,
    in_transaction, retry, set_block_hook, try_atomically,
};

use crate::support::{Sleep, announce_sleeps, asleep, finishes, joined, panics, rounds, sleeper};

#[test]
fn a_commit_wakes_who_waits_for_it() {
    let var = TVar::new(0);
    let own = var.clone();
    let (thread, sleeps) = sleeper(move || {
        atomically(|tx| {
            let n = own.read(tx)?;
            check(n > 0)?;
            Ok(n)
        })
    });
    asleep(&sleeps);
    atomically(|tx| var.write(tx, 5));
    assert_eq!(joined(thread), 5);
}

#[test]
fn a_store_and_an_update_wake_as_well() {
    let var = TVar::new(vec![0]);
    let own = var.clone();
    let (thread, sleeps) = sleeper(move || {
        atomically(|tx| check(own.read_with(tx, |v| v[0] == 2)?));
    });
    asleep(&sleeps);
    var.store(vec![1]);
    asleep(&sleeps);
    var.update(|v| vec![v[0] + 1]);
    joined(thread);
}

#[test]
fn commits_that_do_not_concern_it_leave_a_sleeper_asleep() {
    let var = TVar::new(0);
    let runs = Arc::new(AtomicUsize::new(0));
    let (own, counted) = (var.clone(), Arc::clone(&runs));
    let (thread, sleeps) = sleeper(move || {
        atomically(|tx| {
            counted.fetch_add(1, Ordering::Relaxed);
            check(own.read(tx)? > 0)
        });
    });
    asleep(&sleeps);
    // More variables than there are places to wait in: some share the sleeper's.
    let others: Vec<_> = (0..rounds(1_000)).map(TVar::new).collect();
    for other in &others {
        other.update(|n| n + 1);
    }
    // An attempt on the variable itself that is rolled back wakes nobody either.
    let refused: Result<(), ()> = atomically_or(|tx| {
        var.write(tx, 1)?;
        abort(())
    });
    assert_eq!(refused, Err(()));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    var.store(1);
    joined(thread);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[test]
fn any_of_many_variables_wakes() {
    for changed in [0, 150, 299] {
        let vars: Vec<_> = (0..300).map(|_| TVar::new(0)).collect();
        let own = vars.clone();
        let (thread, sleeps) = sleeper(move || {
            atomically(|tx| {
                for (n, var) in own.iter().enumerate() {
                    if var.read(tx)? > 0 {
                        return Ok(n);
                    }
                }
                retry()
            })
        });
        asleep(&sleeps);
        vars[changed].store(1);
        assert_eq!(joined(thread), changed);
    }
}

#[test]
fn one_commit_wakes_all_who_wait_for_it() {
    let gate = TVar::new(false);
    let threads: Vec<_> = (0..rounds(50).max(3))
        .map(|_| {
            let gate = gate.clone();
            sleeper(move || atomically(|tx| check(gate.read(tx)?)))
        })
        .collect();
    for (_, sleeps) in &threads {
        asleep(sleeps);
    }
    gate.store(true);
    for (thread, _) in threads {
        joined(thread);
    }
}

#[test]
fn each_unit_goes_to_one_of_many_waiters() {
    let units = TVar::new(0_u32);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let units = units.clone();
            sleeper(move || {
                atomically(|tx| {
                    let n = units.read(tx)?;
                    check(n > 0)?;
                    units.write(tx, n - 1)
                });
            })
        })
        .collect();
    for (_, sleeps) in &threads {
        asleep(sleeps);
    }
    for _ in 0..8 {
        units.update(|n| n + 1);
    }
    for (thread, _) in threads {
        joined(thread);
    }
    assert_eq!(units.load(), 0);
}

#[test]
fn two_threads_hop_ten_thousand_times() {
    let turn = TVar::new(0_usize);
    let hops = rounds(10_000);
    let other = turn.clone();
    let player = move |turn: TVar<usize>, parity: usize| {
        for _ in 0..hops {
            atomically(|tx| {
                let n = turn.read(tx)?;
                check(n % 2 == parity)?;
                turn.write(tx, n + 1)
            });
        }
    };
    finishes(move || {
        let thread = thread::spawn(move || player(other, 1));
        player(turn.clone(), 0);
        thread.join().expect("plays");
        assert_eq!(turn.load(), 2 * hops);
    });
}

/// ScalaSTM's token ring.
#[test]
fn a_token_goes_round_a_ring_of_threads() {
    const SEATS: usize = 6;
    let laps = rounds(300);
    finishes(move || {
        let seats: Vec<_> = (0..SEATS).map(|n| TVar::new(n == 0)).collect();
        thread::scope(|scope| {
            for n in 0..SEATS {
                let seats = &seats;
                scope.spawn(move || {
                    for _ in 0..laps {
                        atomically(|tx| {
                            check(seats[n].read(tx)?)?;
                            seats[n].write(tx, false)?;
                            seats[(n + 1) % SEATS].write(tx, true)
                        });
                    }
                });
            }
        });
        assert!(seats[0].load());
    });
}

/// scala-stm 9, rust-stm 17: a wake-up lost between looking and sleeping.
#[test]
fn no_wake_up_is_lost_between_producers_and_consumers() {
    let n = rounds(5_000);
    let sum = finishes(move || {
        let slots: Vec<_> = (0..3).map(|_| TVar::new(None::<usize>)).collect();
        let taken = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for item in 1..=n {
                        atomically(|tx| {
                            for slot in &slots {
                                if slot.read(tx)?.is_none() {
                                    return slot.write(tx, Some(item));
                                }
                            }
                            retry()
                        });
                    }
                });
                scope.spawn(|| {
                    for _ in 0..n {
                        let item = atomically(|tx| {
                            for slot in &slots {
                                if let Some(item) = slot.replace(tx, None)? {
                                    return Ok(item);
                                }
                            }
                            retry()
                        });
                        taken.fetch_add(item, Ordering::Relaxed);
                    }
                });
            }
        });
        taken.into_inner()
    });
    assert_eq!(sum, n * (n + 1));
}

#[test]
fn a_sleeper_follows_a_variable_that_is_exchanged_and_freed() {
    let outer = TVar::new(TVar::new(0));
    let own = outer.clone();
    let (thread, sleeps) = sleeper(move || {
        atomically(|tx| {
            let inner = own.read(tx)?;
            let n = inner.read(tx)?;
            check(n > 0)?;
            Ok(n)
        })
    });
    for _ in 0..3 {
        asleep(&sleeps);
        outer.store(TVar::new(0));
        hivework_stm::flush();
    }
    asleep(&sleeps);
    outer.load().store(9);
    assert_eq!(joined(thread), 9);
}

#[test]
fn a_retry_that_has_read_nothing_panics_and_says_so() {
    let var = TVar::new(0);
    for message in [
        panics(|| atomically(|_| retry::<()>())),
        panics(|| atomically(|tx| var.write(tx, 1).and_then(|()| retry::<()>()))),
        panics(|| atomically_timeout(Duration::ZERO, |_| retry::<()>())),
        panics(|| atomically_or(|_| -> Result<(), Abort<()>> { Ok(retry()?) })),
        panics(|| atomically(|tx| tx.or_else(|_| retry::<()>(), |_| retry()))),
        // What it has written itself is nothing that another could change.
        panics(|| atomically(|tx| var.write(tx, 1).and_then(|()| check(var.read(tx)? > 1)))),
    ] {
        assert!(message.contains("read no variable"), "{message}");
    }
    var.update(|n| n + 2);
    assert_eq!(var.load(), 2, "rolled back, and the thread goes on");
}

#[test]
fn try_atomically_answers_none_where_it_would_wait() {
    let var = TVar::new(0);
    let outcome = try_atomically(|tx| {
        var.write(tx, 1)?;
        check(false)
    });
    assert_eq!((outcome, var.load()), (None, 0));
    assert_eq!(try_atomically(|tx| var.replace(tx, 2)), Some(0));
    assert_eq!(
        try_atomically(|_| retry::<()>()),
        None,
        "without a read too"
    );
}

#[test]
fn a_wait_that_runs_out_answers_none_and_changes_nothing() {
    let var = TVar::new(0);
    let outcome = atomically_timeout(Duration::from_millis(5), |tx| {
        var.modify(tx, |n| n + 1)?;
        retry::<()>()
    });
    assert_eq!((outcome, var.load()), (None, 0));
}

#[test]
fn a_limit_of_zero_does_not_wait() {
    let var = TVar::new(0);
    let wait = || atomically_timeout(Duration::ZERO, |tx| check(var.read(tx)? > 0));
    assert_eq!(wait(), None);
    var.store(1);
    assert_eq!(wait(), Some(()));
}

#[test]
fn a_limit_of_any_size_can_be_met() {
    for limit in [
        Duration::from_secs(3_600),
        Duration::from_secs(u64::from(u32::MAX) * 1_000),
        Duration::from_secs(i64::MAX as u64 / 4),
        Duration::MAX,
    ] {
        let var = TVar::new(0);
        let own = var.clone();
        let (thread, sleeps) =
            sleeper(move || atomically_timeout(limit, |tx| check(own.read(tx)? > 0)));
        asleep(&sleeps);
        var.store(1);
        assert_eq!(joined(thread), Some(()), "{limit:?}");
    }
}

#[test]
fn a_thread_can_wait_again_after_a_wait_ran_out() {
    let (first, second) = (TVar::new(0), TVar::new(0));
    let (a, b) = (first.clone(), second.clone());
    let (thread, sleeps) = sleeper(move || {
        let limit = Duration::from_millis(1);
        assert_eq!(atomically_timeout(limit, |tx| check(a.read(tx)? > 0)), None);
        let mut runs = 0;
        atomically(|tx| {
            runs += 1;
            check(b.read(tx)? > 0)
        });
        runs
    });
    asleep(&sleeps);
    asleep(&sleeps);
    first.store(1);
    second.store(1);
    assert_eq!(
        joined(thread),
        2,
        "the wait that ran out left nothing behind"
    );
}

#[test]
fn the_block_hook_is_told_in_pairs_and_outside_of_transactions() {
    #[derive(Debug)]
    struct Counts(TVar<(u32, u32)>);
    impl BlockHook for Counts {
        fn block(&self) {
            assert!(!in_transaction());
            self.0.update(|(block, unblock)| (block + 1, unblock));
        }
        fn unblock(&self) {
            assert!(!in_transaction());
            self.0.update(|(block, unblock)| (block, unblock + 1));
        }
    }
    let counts = TVar::new((0, 0));
    let (var, own) = (TVar::new(0), counts.clone());
    let gate = var.clone();
    let thread = thread::spawn(move || {
        assert!(set_block_hook(Some(Arc::new(Counts(own)))).is_none());
        atomically(|tx| check(gate.read(tx)? > 0));
        assert_eq!(
            atomically_timeout(Duration::ZERO, |tx| check(gate.read(tx)? > 1)),
            None
        );
        let mine = set_block_hook(None).expect("was set");
        assert_eq!(
            atomically_timeout(Duration::ZERO, |tx| check(gate.read(tx)? > 1)),
            None
        );
        format!("{mine:?}").contains("Counts")
    });
    // The hook's own count tells that the thread is about to sleep.
    atomically(|tx| check(counts.read(tx)?.0 == 1));
    var.store(1);
    assert!(joined(thread));
    assert_eq!(counts.load(), (2, 2));
}

#[test]
fn a_block_hook_that_panics_leaves_the_thread_usable() {
    #[derive(Debug)]
    struct Panics;
    impl BlockHook for Panics {
        fn block(&self) {
            panic!("in the hook");
        }
        fn unblock(&self) {}
    }
    let var = TVar::new(0);
    set_block_hook(Some(Arc::new(Panics)));
    let message = panics(|| atomically(|tx| check(var.read(tx)? > 0)));
    set_block_hook(None);
    assert_eq!(message, "in the hook");
    var.store(1);
    atomically(|tx| check(var.read(tx)? > 0));
}

#[test]
fn every_sleep_that_begins_ends() {
    let var = TVar::new(0);
    let own = var.clone();
    let (to, sleeps) = channel();
    let thread = thread::spawn(move || {
        announce_sleeps(to);
        for wanted in 1..=10 {
            atomically(|tx| check(own.read(tx)? >= wanted));
        }
    });
    for n in 1..=10 {
        asleep(&sleeps);
        var.store(n);
        assert_eq!(sleeps.recv(), Ok(Sleep::Ends));
    }
    joined(thread);
}
