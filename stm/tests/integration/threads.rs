//! Threads that come and go, many at once and at awkward moments.

use std::cell::RefCell;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;

use hivework_stm::{StmResult, TVar, atomically, flush};

use crate::support::{Count, finishes, joined};

/// Beyond the table of clocks the threads share one.
#[test]
fn more_threads_than_clocks_still_count_right() {
    let threads = if cfg!(miri) { 8 } else { 1_100 };
    finishes(move || {
        let sum = TVar::new(0_usize);
        let own: Arc<Vec<_>> = Arc::new((0..16).map(|_| TVar::new(vec![0_usize])).collect());
        let alive = Arc::new(Barrier::new(threads));
        let all: Vec<_> = (0..threads)
            .map(|me| {
                let (sum, own, alive) = (sum.clone(), Arc::clone(&own), Arc::clone(&alive));
                thread::Builder::new()
                    .stack_size(64 << 10)
                    .spawn(move || {
                        // Each has its clock before any gives one back.
                        atomically(|tx| sum.modify(tx, |n| n + 1));
                        alive.wait();
                        for n in 0..3 {
                            atomically(|tx| {
                                let total = sum.read(tx)?;
                                let mut seen = 0;
                                for var in own.iter() {
                                    seen += var.read(tx)?[0];
                                }
                                // Every later step below keeps them equal.
                                assert_eq!(total - seen, threads, "never together");
                                own[(me + n) % 16].modify(tx, |v| vec![v[0] + 1])?;
                                sum.write(tx, total + 1)
                            });
                        }
                        alive.wait();
                    })
                    .expect("starts")
            })
            .collect();
        for thread in all {
            thread.join().expect("counts");
        }
        assert_eq!(sum.load(), 4 * threads);
    });
}

#[test]
fn clocks_of_ended_threads_are_used_again() {
    // Many more threads than clocks, one after the other: were clocks not given
    // back, or did they begin anew, a version would repeat or the shared one run.
    let var = TVar::new(0);
    for n in 0..if cfg!(miri) { 10 } else { 1_500 } {
        let own = var.clone();
        joined(thread::spawn(move || {
            let before = atomically(|tx| own.replace(tx, n + 1));
            assert_eq!(before, n);
        }));
    }
}

#[test]
fn a_transaction_may_run_while_its_thread_is_taken_down() {
    struct Last(TVar<u32>, TVar<Vec<crate::support::Counted>>, Count);
    impl Drop for Last {
        fn drop(&mut self) {
            atomically(|tx| {
                tx.on_commit(|| ());
                self.0.modify(tx, |n| n + 1)?;
                self.1.write(tx, vec![self.2.value(2)])
            });
            self.0.update(|n| n + 10);
            assert_eq!(self.0.load() % 11, 0);
            flush();
        }
    }
    thread_local! {
        static EARLY: RefCell<Option<Last>> = const { RefCell::new(None) };
        static LATE: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let count = Count::default();
    let (var, boxed) = (TVar::new(0), TVar::new(vec![count.value(1)]));
    let last = || Last(var.clone(), boxed.clone(), count.clone());
    // Registered before the engine's own thread-locals, and after them: one of
    // the two is dropped when those are gone, whatever the order.
    let (early, late) = (last(), last());
    joined(thread::spawn(move || {
        EARLY.set(Some(early));
        let _ = late.0.load();
        atomically(|tx| late.0.read(tx));
        LATE.set(Some(late));
    }));
    assert_eq!(var.load(), 22);
    count.settles_at(1);
    drop((var, boxed));
    count.settles_at(0);
}

#[test]
fn a_variable_may_be_the_last_thing_a_thread_drops() {
    thread_local! {
        static KEPT: RefCell<Vec<TVar<Vec<crate::support::Counted>>>> = const { RefCell::new(Vec::new()) };
    }
    let count = Count::default();
    let own = count.clone();
    joined(thread::spawn(move || {
        KEPT.with_borrow_mut(|kept| {
            for n in 0..100 {
                let var = TVar::new(vec![own.value(n)]);
                var.store(vec![own.value(n)]);
                kept.push(var);
            }
        });
    }));
    count.settles_at(0);
}

/// Where it is called, the thread's destructors run: those of the engine too, though a
/// transaction is running, and others after them while threads go on.
#[test]
#[cfg_attr(miri, ignore = "Miri starts no processes")]
fn a_process_may_exit_inside_a_transaction() {
    const CHILD: &str = "HIVEWORK_EXITS";
    const CODE: i32 = 77;
    struct Late(TVar<u32>);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.update(|n| n + 1);
            let own = self.0.clone();
            let others = thread::spawn(move || {
                own.update(|n| n + 1);
                own.load()
            });
            if others.join().ok() != Some(2) {
                std::process::abort();
            }
        }
    }
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    if std::env::var_os(CHILD).is_some() {
        // Registered before the engine's own thread-local, and so dropped after it.
        LATE.set(Some(Late(TVar::new(0))));
        let var = TVar::new(String::from("read"));
        atomically(|tx| -> StmResult<()> {
            let read = var.read(tx)?;
            var.write(tx, read + " and written")?;
            std::process::exit(CODE)
        });
    }
    let name = "threads::a_process_may_exit_inside_a_transaction";
    let child = Command::new(std::env::current_exe().expect("has a path"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .expect("starts");
    let told = String::from_utf8_lossy(&child.stderr);
    assert_eq!(child.status.code(), Some(CODE), "{told}");
}
