//! Transactions as futures: waking, cancelling, moving, and foreign wakers.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread;

use hivework_stm::{TVar, atomically, atomically_async, check, in_transaction, retry};

use crate::support::{HANGS, elsewhere, finishes, joined, panics, rounds};

/// A waker that counts, and sends word.
struct Woken {
    times: AtomicUsize,
    word: Sender<()>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        assert!(!in_transaction(), "woken from inside a transaction");
        self.times.fetch_add(1, Ordering::SeqCst);
        let _ = self.word.send(());
    }
}

fn woken() -> (Arc<Woken>, Receiver<()>) {
    let (word, words) = channel();
    let times = AtomicUsize::new(0);
    (Arc::new(Woken { times, word }), words)
}

fn poll<F: Future + Unpin>(future: &mut F, woken: &Arc<Woken>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(woken));
    std::pin::Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Says that it waits on the channel each time that it is about to.
fn block_on<F: Future>(future: F, waits: Option<&Sender<()>>) -> F::Output {
    let (woken, words) = woken();
    let waker = Waker::from(woken);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        if let Some(waits) = waits {
            let _ = waits.send(());
        }
        words.recv_timeout(HANGS).expect("never woken");
    }
}

#[test]
fn a_transaction_that_need_not_wait_is_ready_at_once() {
    let var = TVar::new(1);
    let (woken, _words) = woken();
    let mut future = atomically_async(|tx| var.replace(tx, 2));
    assert_eq!(var.load(), 1, "nothing happens before it is polled");
    assert_eq!(poll(&mut future, &woken), Poll::Ready(1));
    assert_eq!((var.load(), woken.times.load(Ordering::SeqCst)), (2, 0));
}

#[test]
fn a_waiting_future_is_woken_by_a_commit() {
    let var = TVar::new(0);
    let own = var.clone();
    let (waits, waiting) = channel();
    let thread = thread::spawn(move || {
        block_on(
            atomically_async(move |tx| {
                let n = own.read(tx)?;
                check(n > 1)?;
                Ok(n)
            }),
            Some(&waits),
        )
    });
    for n in 1..=2 {
        waiting.recv_timeout(HANGS).expect("waits");
        var.store(n);
    }
    assert_eq!(joined(thread), 2);
}

#[test]
fn a_future_is_woken_once_by_what_concerns_it_and_by_nothing_else() {
    let (left, right, other) = (TVar::new(0), TVar::new(0), TVar::new(0));
    let (woken, words) = woken();
    let mut future = atomically_async(|tx| {
        tx.or_else(
            |tx| check(left.read(tx)? > 0).map(|()| "left"),
            |tx| check(right.read(tx)? > 0).map(|()| "right"),
        )
    });
    assert!(poll(&mut future, &woken).is_pending());
    other.store(1);
    assert_eq!(woken.times.load(Ordering::SeqCst), 0);
    right.store(1);
    right.store(2);
    left.store(-1);
    words.recv_timeout(HANGS).expect("woken");
    assert_eq!(woken.times.load(Ordering::SeqCst), 1);
    assert_eq!(poll(&mut future, &woken), Poll::Ready("right"));
}

#[test]
fn a_future_dropped_while_it_waits_leaves_nothing_behind() {
    let vars: Vec<_> = (0..50).map(|_| TVar::new(0)).collect();
    let (woken, _words) = woken();
    let mut future = atomically_async(|tx| {
        vars[7].modify(tx, |n| n + 100)?;
        for var in &vars {
            check(var.read(tx)? > 1_000)?;
        }
        Ok(())
    });
    assert!(poll(&mut future, &woken).is_pending());
    assert!(Arc::strong_count(&woken) > 1, "it has left its waker");
    drop(future);
    assert_eq!(Arc::strong_count(&woken), 1, "and taken it back");
    for var in &vars {
        assert_eq!(var.load(), 0);
        var.store(1);
    }
    assert_eq!(woken.times.load(Ordering::SeqCst), 0);
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let var = TVar::new(0);
    let ((first, _), (second, words)) = (woken(), woken());
    let mut future = atomically_async(|tx| check(var.read(tx)? > 0));
    assert!(poll(&mut future, &first).is_pending());
    assert!(poll(&mut future, &second).is_pending());
    assert_eq!(Arc::strong_count(&first), 1);
    var.store(1);
    words.recv_timeout(HANGS).expect("woken");
    assert_eq!(first.times.load(Ordering::SeqCst), 0);
    assert_eq!(poll(&mut future, &second), Poll::Ready(()));
}

#[test]
fn a_waiting_future_may_move_between_threads() {
    let (var, out) = (TVar::new(0), TVar::new(Vec::new()));
    let (waits, written) = (var.clone(), out.clone());
    let (woken, words) = woken();
    let mut future = atomically_async(move |tx| {
        check(waits.read(tx)? > 0)?;
        written.write(tx, vec![1])
    });
    assert!(poll(&mut future, &woken).is_pending());
    let own = Arc::clone(&woken);
    let mut future = joined(thread::spawn(move || {
        assert!(poll(&mut future, &own).is_pending());
        future
    }));
    var.store(1);
    words.recv_timeout(HANGS).expect("woken");
    elsewhere(|| assert_eq!(poll(&mut future, &woken), Poll::Ready(())));
    assert_eq!(out.load(), [1]);
    drop(future);
    assert_eq!(Arc::strong_count(&woken), 1);
}

#[test]
fn two_tasks_hop() {
    let turn = TVar::new(0_usize);
    let hops = rounds(2_000);
    finishes(move || {
        let player = |turn: TVar<usize>, parity| async move {
            for _ in 0..hops {
                atomically_async(|tx| {
                    let n = turn.read(tx)?;
                    check(n % 2 == parity)?;
                    turn.write(tx, n + 1)
                })
                .await;
            }
        };
        let other = player(turn.clone(), 1);
        let thread = thread::spawn(move || block_on(other, None));
        block_on(player(turn.clone(), 0), None);
        thread.join().expect("plays");
        assert_eq!(turn.load(), 2 * hops);
    });
}

#[test]
fn conflicts_without_end_let_other_tasks_run() {
    let var = TVar::new(0);
    let (woken, words) = woken();
    let mut runs = 0;
    let mut future = atomically_async(|tx| {
        runs += 1;
        var.read(tx)?;
        if runs <= 16 {
            elsewhere(|| var.update(|n| n + 1));
        }
        var.modify(tx, |n| n + 1)
    });
    assert!(poll(&mut future, &woken).is_pending());
    words.recv_timeout(HANGS).expect("asks to be polled again");
    assert_eq!(poll(&mut future, &woken), Poll::Ready(()));
    assert_eq!((runs, var.load()), (17, 17));
}

#[test]
fn a_waker_that_panics_harms_neither_the_commit_nor_the_other_waiters() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in the waker");
        }
    }
    let var = TVar::new(0);
    let (woken, words) = woken();
    let wait = || atomically_async(|tx| check(var.read(tx)? > 0));
    let (mut first, mut second) = (wait(), wait());
    let waker = Waker::from(Arc::new(Panics));
    let polled = std::pin::Pin::new(&mut first).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert!(poll(&mut second, &woken).is_pending());
    var.store(1);
    words.recv_timeout(HANGS).expect("woken");
    assert_eq!(var.load(), 1);
}

#[test]
fn a_waker_may_run_transactions() {
    struct Stores(TVar<u32>);
    impl Wake for Stores {
        fn wake(self: Arc<Self>) {
            self.0.update(|n| n + 1);
        }
    }
    let (var, told) = (TVar::new(0), TVar::new(0));
    let waker = Waker::from(Arc::new(Stores(told.clone())));
    let mut future = atomically_async(|tx| check(var.read(tx)? > 0));
    let polled = std::pin::Pin::new(&mut future).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    atomically(|tx| var.write(tx, 1));
    assert_eq!(told.load(), 1);
}

#[test]
fn a_panic_while_polled_passes_on_and_rolls_back() {
    let var = TVar::new(0);
    let (woken, _words) = woken();
    let mut runs = 0;
    let mut future = atomically_async(|tx| {
        runs += 1;
        var.modify(tx, |n| n + 1)?;
        assert!(runs > 1, "in the closure");
        Ok(())
    });
    assert_eq!(panics(|| poll(&mut future, &woken)), "in the closure");
    assert_eq!((var.load(), in_transaction()), (0, false));
    assert_eq!(poll(&mut future, &woken), Poll::Ready(()));
    assert_eq!(var.load(), 1);
}

#[test]
fn a_future_that_has_read_nothing_panics_when_it_would_wait() {
    let (woken, _words) = woken();
    let mut future = atomically_async(|_| retry::<()>());
    let message = panics(|| poll(&mut future, &woken));
    assert!(message.contains("read no variable"), "{message}");
}

/// One whose clones run a transaction when they are dropped.
fn busy_waker(var: &TVar<u32>) -> Waker {
    unsafe fn clone(var: *const ()) -> RawWaker {
        // SAFETY: a `TVar` that the test keeps.
        let var = unsafe { &*var.cast::<TVar<u32>>() };
        let clone = Box::into_raw(Box::new(var.clone()));
        RawWaker::new(clone.cast_const().cast(), &CLONE)
    }
    unsafe fn drop_clone(var: *const ()) {
        // SAFETY: made by `clone`, and dropped once.
        let var = unsafe { Box::from_raw(var.cast::<TVar<u32>>().cast_mut()) };
        var.update(|n| n + 1);
    }
    unsafe fn nothing(_: *const ()) {}
    static ORIGINAL: RawWakerVTable = RawWakerVTable::new(clone, nothing, nothing, nothing);
    static CLONE: RawWakerVTable = RawWakerVTable::new(clone, drop_clone, nothing, drop_clone);
    let original = RawWaker::new((&raw const *var).cast(), &ORIGINAL);
    // SAFETY: the table does what it should while `var` lives, which the tests see to.
    unsafe { Waker::from_raw(original) }
}

#[test]
fn a_waker_is_dropped_outside_of_the_attempt_that_panics() {
    let drops = TVar::new(0);
    let waker = busy_waker(&drops);
    let mut future = atomically_async(|_| retry::<()>());
    let told = panics(|| Pin::new(&mut future).poll(&mut Context::from_waker(&waker)));
    assert!(told.contains("read no variable"), "{told}");
    assert_eq!(drops.load(), 1);
}

#[test]
fn a_future_that_was_ready_does_not_run_again() {
    let var = TVar::new(0);
    let (waker, _) = woken();
    let mut future = atomically_async(|tx| var.modify(tx, |n| n + 1));
    assert!(poll(&mut future, &waker).is_ready());
    let said = panics(|| poll(&mut future, &waker).is_ready());
    assert!(said.contains("polled again"), "{said}");
    assert_eq!(var.load(), 1);
}

#[test]
fn polling_a_future_inside_a_transaction_panics_and_says_so() {
    let (woken, _words) = woken();
    let var = TVar::new(0);
    let mut future = atomically_async(|tx| var.write(tx, 1));
    let message = panics(|| atomically(|_| Ok(poll(&mut future, &woken))));
    assert!(message.contains("inside another one"), "{message}");
    assert_eq!(poll(&mut future, &woken), Poll::Ready(()));
}
