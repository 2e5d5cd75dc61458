//! What a user's code may do, and leave undone, at awkward moments: in a Clone, a
//! Drop or a hook, in a thread's last moments, or by never dropping something.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use hivework_stm::{
    TVar, abort, after, after_transaction, atomically, atomically_async, atomically_or,
    atomically_timeout, check, flush, in_transaction, retry, try_atomically,
};

use crate::support::{Count, elsewhere, finishes, joined, leak, panics, rounds};

/// A waker that counts.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll<F: Future + Unpin>(future: &mut F, woken: &Arc<Woken>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(woken));
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Were a lock held around it, or the version word locked, this would hang.
#[test]
fn a_clone_may_wait_for_another_thread_that_writes_the_same_variable() {
    struct Meddles {
        var: TVar<Option<Meddles>>,
        left: u32,
    }
    impl Clone for Meddles {
        fn clone(&self) -> Self {
            if let Some(left) = self.left.checked_sub(1) {
                elsewhere(|| {
                    self.var.store(Some(Meddles {
                        var: self.var.clone(),
                        left,
                    }))
                });
            }
            Meddles {
                var: self.var.clone(),
                left: self.left,
            }
        }
    }
    finishes(|| {
        let var = TVar::new(None);
        let arm = || {
            var.store(Some(Meddles {
                var: var.clone(),
                left: 3,
            }));
        };
        let left = |value: Option<Meddles>| value.map(|value| value.left);
        arm();
        assert_eq!(
            left(var.load()),
            Some(3),
            "what it was when it was looked at"
        );
        assert_eq!(left(var.load()), Some(2));
        arm();
        let out = TVar::new(None);
        atomically(|tx| {
            let seen = left(var.read(tx)?);
            out.write(tx, seen)
        });
        assert_eq!(out.load(), Some(0), "each run but the last was overtaken");
        var.store(None);
    });
}

/// As above, for whoever drops what was displaced.
#[test]
fn a_drop_may_wait_for_another_thread_that_writes_the_same_variable() {
    #[derive(Clone)]
    struct Meddles(TVar<u32>, TVar<Vec<Meddles>>);
    impl Drop for Meddles {
        fn drop(&mut self) {
            if self.0.load() < 5 {
                elsewhere(|| {
                    self.0.update(|n| n + 1);
                    self.1.store(Vec::new());
                });
            }
        }
    }
    finishes(|| {
        let (count, var) = (TVar::new(0), TVar::new(Vec::new()));
        let meddles = || vec![Meddles(count.clone(), var.clone())];
        while count.load() < 5 {
            var.store(meddles());
            let refused = atomically_or(|tx| {
                var.write(tx, meddles())?;
                abort::<(), _>(())
            });
            assert_eq!(refused, Err(()));
            flush();
        }
        var.store(Vec::new());
    });
}

/// Nor is any dropped within the transaction that happens to collect it, or
/// under its pin: what a Drop displaces could then never become free.
#[test]
fn a_drop_runs_outside_of_the_transaction_that_collects_the_value() {
    #[derive(Clone)]
    struct Looks(Arc<[AtomicUsize; 2]>);
    impl Drop for Looks {
        fn drop(&mut self) {
            self.0[usize::from(in_transaction())].fetch_add(1, Ordering::SeqCst);
        }
    }
    finishes(|| {
        let (outside, inside) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let looks = Looks(Arc::new([outside, inside]));
        let var = TVar::new(Some(looks.clone()));
        // No flush, which is outside by its nature: transactions collect.
        while looks.0[0].load(Ordering::SeqCst) < rounds(2_000) {
            atomically(|tx| var.write(tx, Some(looks.clone())));
            assert_eq!(looks.0[1].load(Ordering::SeqCst), 0, "inside of one");
        }
    });
}

#[test]
fn a_drop_that_starts_a_transaction_inside_of_one_panics_or_puts_it_off() {
    struct Transacts(TVar<u32>);
    impl Drop for Transacts {
        fn drop(&mut self) {
            self.0.update(|n| n + 1);
        }
    }
    struct PutsOff(TVar<u32>);
    impl Drop for PutsOff {
        fn drop(&mut self) {
            let var = self.0.clone();
            after_transaction(move || var.update(|n| n + 1));
        }
    }
    let (var, own) = (TVar::new(0), TVar::new(0));
    let message = panics(|| {
        atomically(|tx| {
            own.write(tx, 1)?;
            drop(Transacts(var.clone()));
            Ok(())
        });
    });
    assert!(message.contains("inside another one"), "{message}");
    assert_eq!((own.load(), var.load()), (0, 0));
    atomically(|tx| {
        drop(PutsOff(var.clone()));
        own.write(tx, 1)
    });
    assert_eq!((own.load(), var.load()), (1, 1));
    drop(PutsOff(var.clone()));
    assert_eq!(var.load(), 2, "at once where none runs");
}

/// What it is put off to is the end of the transaction, whichever end.
#[test]
fn what_is_put_off_runs_once_however_the_transaction_ends() {
    let told = TVar::new(0);
    let tell = || {
        let told = told.clone();
        after_transaction(move || {
            told.update(|n| n + 1);
            panic!("contained");
        });
    };
    let refused = atomically_or(|_| {
        tell();
        abort::<(), _>(())
    });
    assert_eq!((refused, told.load()), (Err(()), 1));
    assert_eq!(
        try_atomically(|_| {
            tell();
            retry::<()>()
        }),
        None
    );
    assert_eq!(told.load(), 2);
    let message = panics(|| {
        atomically(|_| -> hivework_stm::StmResult<()> {
            tell();
            panic!("in the closure")
        })
    });
    assert_eq!((message.as_str(), told.load()), ("in the closure", 3));
}

/// Only unpinned threads see what they displace dropped.
#[test]
fn hooks_run_unpinned() {
    finishes(|| {
        let count = Count::default();
        let var = TVar::new(count.value(0));
        let displaces = || {
            let (var, count) = (var.clone(), count.clone());
            move || {
                var.store(count.value(1));
                count.settles_at(1);
            }
        };
        atomically(|tx| {
            tx.on_commit(displaces());
            Ok(())
        });
        let refused = atomically_or(|tx| {
            tx.on_abort(displaces());
            abort::<(), _>(())
        });
        assert_eq!(refused, Err(()));
    });
}

#[test]
fn a_hook_that_is_not_run_may_panic_as_it_is_dropped() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let (var, told) = (TVar::new(0), TVar::new(0));
    let message = panics(|| {
        atomically(|tx| {
            let (panics, told) = (Panics, told.clone());
            tx.on_abort(move || drop(panics));
            tx.on_commit(move || told.update(|n| n + 1));
            var.write(tx, 1)
        });
    });
    assert_eq!(message, "in drop");
    assert_eq!(
        (var.load(), told.load()),
        (1, 1),
        "the commit and its hooks stand"
    );
}

/// What an attempt that failed has returned is dropped between attempts.
#[test]
fn an_answer_that_is_not_wanted_may_panic_as_it_is_dropped() {
    struct Panics(bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(!self.0, "in drop");
        }
    }
    let (read, written, runs) = (TVar::new(0), TVar::new(0), Cell::new(0));
    let message = panics(|| {
        atomically(|tx| {
            runs.set(runs.get() + 1);
            read.read(tx)?;
            elsewhere(|| read.update(|n| n + 1));
            written.write(tx, 1)?;
            Ok(Panics(true))
        })
    });
    assert_eq!((message.as_str(), runs.get()), ("in drop", 1));
    assert!(!in_transaction());
    written.update(|n| n + 5);
    assert_eq!(written.load(), 5);
}

#[test]
fn a_future_that_is_leaked_while_it_waits_does_no_harm() {
    let var = TVar::new(0);
    let woken = Arc::new(Woken::default());
    for _ in 0..rounds(1_000) {
        let own = var.clone();
        let mut future = atomically_async(move |tx| check(own.read(tx)? > 1_000_000));
        assert!(poll(&mut future, &woken).is_pending());
        leak(future);
    }
    var.store(1);
    assert_eq!(woken.times(), rounds(1_000), "woken as if it were there");
    var.store(2);
    assert_eq!(woken.times(), rounds(1_000), "and only once");
    let mut next = atomically_async(|tx| check(var.read(tx)? > 2));
    assert!(poll(&mut next, &woken).is_pending());
    elsewhere(|| var.store(3));
    assert_eq!(poll(&mut next, &woken), Poll::Ready(()));
}

/// Its entries stand for an address where another variable may come to live.
#[test]
fn the_variables_of_a_leaked_future_may_go() {
    let woken = Arc::new(Woken::default());
    for n in 0..rounds(2_000) {
        let var = TVar::new(vec![n]);
        let own = var.clone();
        let mut future = atomically_async(move |tx| check(own.read(tx)?.is_empty()));
        assert!(poll(&mut future, &woken).is_pending());
        // All but its handle: that one is leaked with it.
        if n % 2 == 0 {
            leak(future);
        }
        drop(var);
        let next = TVar::new(vec![0]);
        next.store(vec![1]);
        assert_eq!(next.load(), [1]);
    }
    flush();
}

#[test]
fn a_waiting_future_may_be_dropped_inside_a_transaction_and_by_its_own_waker() {
    let var = TVar::new(0);
    let woken = Arc::new(Woken::default());
    let mut future = Some(atomically_async(|tx| check(var.read(tx)? > 0)));
    if let Some(future) = &mut future {
        assert!(poll(future, &woken).is_pending());
    }
    atomically(|tx| {
        drop(future.take());
        var.modify(tx, |n| n + 1)
    });
    assert_eq!((var.load(), woken.times()), (1, 0));

    type Place = std::sync::Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>;
    struct Drops(Arc<Place>);
    impl Wake for Drops {
        fn wake(self: Arc<Self>) {
            let future = self.0.lock().expect("whole").take();
            drop(future);
        }
    }
    finishes(move || {
        let place: Arc<Place> = Arc::default();
        let own = var.clone();
        let mut future = Box::pin(atomically_async(move |tx| check(own.read(tx)? > 1)));
        let waker = Waker::from(Arc::new(Drops(Arc::clone(&place))));
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        *place.lock().expect("whole") = Some(future);
        var.store(2);
        assert!(place.lock().expect("whole").is_none());
    });
}

#[test]
fn every_way_in_works_while_a_thread_is_taken_down() {
    struct Last(TVar<u32>);
    impl Drop for Last {
        fn drop(&mut self) {
            let var = &self.0;
            let limit = Duration::from_millis(1);
            atomically(|tx| var.modify(tx, |n| n + 1));
            assert_eq!(atomically_or(|_| abort::<(), _>("no")), Err("no"));
            assert_eq!(try_atomically(|_| retry::<()>()), None);
            let waits = atomically_timeout(limit, |tx| check(var.read(tx)? == 0));
            assert_eq!(waits, None);
            let delay = after(limit);
            atomically(|tx| delay.wait(tx));
            let woken = Arc::new(Woken::default());
            let mut future = atomically_async(|tx| check(var.read(tx)? == 0));
            assert!(poll(&mut future, &woken).is_pending());
            drop(future);
            // A wait that another thread ends.
            let before = var.load();
            thread::scope(|scope| {
                scope.spawn(|| var.update(|n| n + 1));
                atomically(|tx| check(var.read(tx)? > before));
            });
            var.store(var.load() + 98);
        }
    }
    thread_local! {
        static EARLY: RefCell<Option<Last>> = const { RefCell::new(None) };
        static LATE: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let var = TVar::new(0);
    let own = var.clone();
    // Registered before the engine's own thread-locals, and after them.
    joined(thread::spawn(move || {
        EARLY.set(Some(Last(own.clone())));
        let _ = atomically(|tx| own.read(tx));
        LATE.set(Some(Last(own)));
    }));
    assert_eq!(var.load(), 200);
}
