//! After-commit and on-abort hooks: when, how often, under which conditions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hivework_stm::{
    TVar, abort, atomically, atomically_or, check, in_transaction, retry, try_atomically,
};

use crate::support::{Count, elsewhere, panics};

/// What the hooks have told, in order.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<String>>>);

impl Told {
    fn tell(&self, what: impl ToString) -> impl FnOnce() + 'static {
        let (told, what) = (self.clone(), what.to_string());
        move || told.0.borrow_mut().push(what)
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

#[test]
fn commit_hooks_run_once_and_in_order_before_atomically_returns() {
    let told = Told::default();
    let var = TVar::new(0);
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        tx.on_commit(told.tell(format!("first of run {runs}")));
        var.read(tx)?;
        if runs == 1 {
            elsewhere(|| var.store(1));
        }
        var.modify(tx, |n| n + 1)?;
        tx.on_commit(told.tell("second"));
        assert!(told.0.borrow().is_empty(), "not before the commit");
        Ok(())
    });
    assert_eq!(told.take(), ["first of run 2", "second"]);
}

#[test]
fn commit_hooks_do_not_run_for_what_is_not_committed() {
    let told = Told::default();
    let var = TVar::new(0);
    let refused: Result<(), ()> = atomically_or(|tx| {
        tx.on_commit(told.tell("refused"));
        abort(())
    });
    assert_eq!(refused, Err(()));
    let waits = try_atomically(|tx| {
        tx.on_commit(told.tell("waits"));
        check(var.read(tx)? > 0)
    });
    assert_eq!(waits, None);
    panics(|| {
        atomically(|tx| -> hivework_stm::StmResult<()> {
            tx.on_commit(told.tell("panicked"));
            panic!("in the closure")
        })
    });
    assert!(told.take().is_empty());
    assert_eq!(Rc::strong_count(&told.0), 1, "they are dropped");
}

#[test]
fn a_commit_hook_finds_the_commit_done_and_may_run_transactions() {
    let var = TVar::new(0);
    let other = TVar::new(vec![0]);
    atomically(|tx| {
        var.write(tx, 1)?;
        other.write(tx, vec![1])?;
        let (var, other) = (var.clone(), other.clone());
        tx.on_commit(move || {
            assert!(!in_transaction());
            // The variables are unlocked: another thread may take them, too.
            elsewhere(|| var.update(|n| n + 1));
            atomically(|tx| {
                let n = var.read(tx)?;
                other.modify(tx, |v| vec![v[0] + n])
            });
        });
        Ok(())
    });
    assert_eq!((var.load(), other.load()), (2, vec![3]));
}

#[test]
fn hooks_of_a_hooks_transaction_run_within_it() {
    let told = Told::default();
    atomically(|tx| {
        let inner = told.clone();
        tx.on_commit(move || {
            inner.tell("before")();
            atomically(|tx| {
                tx.on_commit(inner.tell("inside"));
                Ok(())
            });
            inner.tell("after")();
        });
        tx.on_commit(told.tell("next"));
        Ok(())
    });
    assert_eq!(told.take(), ["before", "inside", "after", "next"]);
}

#[test]
fn a_panic_in_a_hook_reaches_the_caller_after_all_hooks_have_run() {
    let told = Told::default();
    let var = TVar::new(0);
    let message = panics(|| {
        atomically(|tx| {
            tx.on_commit(told.tell("before"));
            tx.on_commit(|| panic!("first"));
            tx.on_commit(|| panic!("second"));
            tx.on_commit(told.tell("after"));
            var.write(tx, 1)
        });
    });
    assert_eq!(message, "first");
    assert_eq!(told.take(), ["before", "after"]);
    assert_eq!(var.load(), 1, "the commit stands");
    var.update(|n| n + 1);
    assert_eq!(var.load(), 2, "and the thread goes on");
}

#[test]
fn abort_hooks_run_once_for_each_attempt_that_does_not_commit() {
    let told = Told::default();
    let (a, b) = (TVar::new(0), TVar::new(0));
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        let before = told.0.borrow().len();
        assert_eq!(before, runs - 1, "before the next attempt begins");
        tx.on_abort(told.tell(runs));
        a.read(tx)?;
        if runs <= 2 {
            elsewhere(|| a.store(runs));
        }
        b.write(tx, runs)
    });
    assert_eq!(told.take(), ["1", "2"]);
    assert_eq!(b.load(), 3);
}

#[test]
fn abort_hooks_run_on_the_callers_error_and_on_retry_and_on_panic() {
    let told = Told::default();
    let var = TVar::new(0);
    let refused: Result<(), ()> = atomically_or(|tx| {
        tx.on_abort(told.tell("refused"));
        abort(())
    });
    assert_eq!(refused, Err(()));
    let waits = try_atomically(|tx| {
        tx.on_abort(told.tell("waits"));
        var.read(tx)?;
        retry::<()>()
    });
    assert_eq!(waits, None);
    let message = panics(|| {
        atomically(|tx| -> hivework_stm::StmResult<()> {
            tx.on_abort(told.tell("panicked"));
            panic!("in the closure")
        })
    });
    assert_eq!(message, "in the closure");
    assert_eq!(told.take(), ["refused", "waits", "panicked"]);
}

#[test]
fn an_abort_hook_may_run_transactions() {
    let (var, aborts) = (TVar::new(0), TVar::new(0));
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        let counted = aborts.clone();
        tx.on_abort(move || {
            assert!(!in_transaction());
            counted.update(|n| n + 1);
        });
        var.read(tx)?;
        if runs == 1 {
            elsewhere(|| var.store(1));
        }
        var.write(tx, 5)
    });
    assert_eq!((var.load(), aborts.load()), (5, 1));
}

#[test]
fn a_panic_in_an_abort_hook_after_a_panic_in_the_closure_stops_nothing() {
    let told = Told::default();
    let message = panics(|| {
        atomically(|tx| -> hivework_stm::StmResult<()> {
            tx.on_abort(|| panic!("in the hook"));
            tx.on_abort(told.tell("the other hook"));
            panic!("in the closure")
        })
    });
    assert_eq!(message, "in the closure");
    assert_eq!(told.take(), ["the other hook"]);
}

#[test]
fn hooks_work_in_a_transaction_that_runs_while_the_thread_unwinds() {
    struct Transacts(TVar<u32>, Told);
    impl Drop for Transacts {
        fn drop(&mut self) {
            atomically(|tx| {
                tx.on_commit(self.1.tell("hook"));
                tx.on_commit(|| panic!("in the hook"));
                self.0.modify(tx, |n| n + 1)
            });
        }
    }
    let (var, told) = (TVar::new(0), Told::default());
    let message = panics(|| {
        let _guard = Transacts(var.clone(), told.clone());
        panic!("first");
    });
    assert_eq!((message.as_str(), var.load()), ("first", 1));
    assert_eq!(told.take(), ["hook"]);
}

#[test]
fn what_hooks_hold_is_dropped_once_run_or_not() {
    let count = Count::default();
    let var = TVar::new(0);
    let runs = Cell::new(0);
    atomically(|tx| {
        runs.set(runs.get() + 1);
        let (kept, dropped) = (count.value(1), count.value(2));
        tx.on_commit(move || drop(kept));
        tx.on_abort(move || drop(dropped));
        var.read(tx)?;
        if runs.get() == 1 {
            elsewhere(|| var.store(1));
        }
        var.write(tx, 2)
    });
    assert_eq!((runs.get(), count.alive()), (2, 0));
}
