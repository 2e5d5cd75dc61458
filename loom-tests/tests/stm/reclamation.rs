//! Grace periods: nothing is dropped while somebody may be reading it.
//!
//! A value's memory is told by its address, and its life by a [`Witness`] that lives on:
//! a model that looked into memory that is gone would not fail but break.

use std::cell::RefCell;
use std::sync::Arc;

use hivework_loom_tests::{Witness, model_of_reclamation};
use hivework_stm::facade::thread::spawn;
use hivework_stm::{TVar, atomically, flush};

use crate::support::thread;

/// A boxed value whose end is noted.
#[derive(Debug)]
struct Mortal(Arc<Witness>);

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A variable, the address of its value and that one's witness.
fn mortal() -> (TVar<Mortal>, usize, Arc<Witness>) {
    let witness = Arc::new(Witness::default());
    let var = TVar::new(Mortal(Arc::clone(&witness)));
    let address = address(&var);
    (var, address, witness)
}

fn address(var: &TVar<Mortal>) -> usize {
    atomically(|tx| var.read_with(tx, |value| std::ptr::from_ref(value).addr()))
}

/// Reads `var`; where that finds the value at `first`, it must be alive.
fn read(var: &TVar<Mortal>, first: usize, witness: &Witness) {
    atomically(|tx| {
        var.read_with(tx, |value| {
            if std::ptr::from_ref(value).addr() == first {
                witness.look();
            }
        })
    });
}

fn replace(var: &TVar<Mortal>) {
    var.store(Mortal(Arc::default()));
}

#[test]
fn a_value_that_is_read_is_not_dropped() {
    model_of_reclamation(3, "stm: a displaced value against a reader", || {
        let (var, first, witness) = mortal();
        let writer = thread(&[&var], |v| {
            replace(&v[0]);
            flush();
        });
        read(&var, first, &witness);
        writer.join().unwrap();
    });
}

#[test]
fn a_value_is_dropped_once_nobody_reads_it() {
    model_of_reclamation(2, "stm: a displaced value is dropped", || {
        let (var, first, witness) = mortal();
        let own = Arc::clone(&witness);
        let reader = thread(&[&var], move |v| read(&v[0], first, &own));
        replace(&var);
        reader.join().unwrap();
        flush();
        // One is here, the writer's value is in the variable, the first has gone.
        assert_eq!(Arc::strong_count(&witness), 1);
    });
}

#[test]
fn a_barrier_serves_only_who_had_sealed_before_it() {
    model_of_reclamation(
        2,
        "stm: two writers share barriers against a reader",
        || {
            let (var, first, witness) = mortal();
            let (other, _, _) = mortal();
            let writer = thread(&[&var], |v| {
                replace(&v[0]);
                flush();
            });
            let another = thread(&[&other], |v| {
                replace(&v[0]);
                flush();
            });
            read(&var, first, &witness);
            writer.join().unwrap();
            another.join().unwrap();
        },
    );
}

/// As above, with a second thread that does nothing but pass a barrier.
#[test]
fn a_barrier_that_had_started_before_is_no_use() {
    model_of_reclamation(2, "stm: a barrier of another's against a reader", || {
        let (var, first, witness) = mortal();
        let writer = thread(&[&var], |v| {
            replace(&v[0]);
            flush();
        });
        let passes = spawn(|| {
            drop(TVar::new(0));
            flush();
        });
        read(&var, first, &witness);
        writer.join().unwrap();
        passes.join().unwrap();
    });
}

#[test]
fn a_variable_outlives_its_last_handle_while_it_is_read() {
    model_of_reclamation(2, "stm: a last handle against a reader", || {
        let (inner, first, witness) = mortal();
        let outer = TVar::new(Some(inner));
        let writer = thread(&[&outer], |v| {
            v[0].store(None);
            flush();
        });
        atomically(|tx| {
            // The handle is dropped before its variable is read again.
            let Some(inner) = outer.read(tx)? else {
                return Ok(());
            };
            inner.read_with(tx, |_| ())?;
            drop(inner);
            let Some(inner) = outer.read(tx)? else {
                return Ok(());
            };
            inner.read_with(tx, |value| {
                if std::ptr::from_ref(value).addr() == first {
                    witness.look();
                }
            })
        });
        flush();
        writer.join().unwrap();
    });
}

/// Its next section says that the one before is over: what was done in that one comes
/// before what is freed because of it.
#[test]
fn a_reader_that_has_begun_again_has_let_go() {
    model_of_reclamation(3, "stm: a displaced value against two sections", || {
        let (var, first, witness) = mortal();
        let writer = thread(&[&var], |v| {
            replace(&v[0]);
            flush();
        });
        read(&var, first, &witness);
        read(&var, first, &witness);
        writer.join().unwrap();
    });
}

thread_local! {
    /// What [`Looked`] must not be cloned from after its end. loom runs all threads
    /// of a model on one.
    static FIRST: RefCell<Option<(usize, Arc<Witness>)>> = const { RefCell::new(None) };
}

/// A value that is looked at when it is cloned, without touching its memory.
struct Looked(#[expect(dead_code, reason = "kept for its drop")] Mortal);

impl Clone for Looked {
    fn clone(&self) -> Looked {
        let address = std::ptr::from_ref(self).addr();
        FIRST.with_borrow(|first| {
            if let Some((first, witness)) = first {
                if *first == address {
                    witness.look();
                }
            }
        });
        Looked(Mortal(Arc::default()))
    }
}

#[test]
fn a_value_that_is_loaded_is_not_dropped() {
    model_of_reclamation(3, "stm: a displaced value against a load", || {
        let witness = Arc::new(Witness::default());
        let var = TVar::new(Looked(Mortal(Arc::clone(&witness))));
        let first = atomically(|tx| var.read_with(tx, |value| std::ptr::from_ref(value).addr()));
        FIRST.set(Some((first, witness)));
        let writer = thread(&[&var], |v| {
            v[0].store(Looked(Mortal(Arc::default())));
            flush();
        });
        drop(var.load());
        writer.join().unwrap();
        FIRST.set(None);
    });
}
