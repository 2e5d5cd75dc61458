//! Variables in a row: each is one of its own, set or unset, and they go together.
//!
//! Of a number its version tells whether it is set; of everything else its word does.

use std::sync::Arc;

use hivework_loom_tests::{Witness, model, model_of_reclamation};
use hivework_stm::facade::atomic::{AtomicUsize, Ordering};
use hivework_stm::facade::thread::spawn;
use hivework_stm::internals::Slots;
use hivework_stm::{TVar, atomically, flush, retry};

#[test]
fn slots_that_are_set_together_are_found_together() {
    model("row: two sets against a reader of both", || {
        let row = Slots::<u8>::new(2);
        let own = row.clone();
        let writer = spawn(move || {
            atomically(|tx| {
                own.set(tx, 0, 7)?;
                own.set(tx, 1, 7)
            });
        });
        atomically(|tx| {
            let first = row.get(tx, 0)?.map(|value| *value);
            let second = row.get(tx, 1)?.map(|value| *value);
            assert_eq!(first, second);
            assert!(first.is_none_or(|value| value == 7));
            Ok(())
        });
        writer.join().unwrap();
    });
}

#[test]
fn neighbours_do_not_skew() {
    model("row: write skew between neighbours", || {
        let row = Slots::<u8>::new(2);
        let set_unless_other = |row: &Slots<u8>, position: usize| {
            atomically(|tx| {
                if row.get(tx, 1 - position)?.is_none() {
                    row.set(tx, position, 1)?;
                }
                Ok(())
            });
        };
        let own = row.clone();
        let other = spawn(move || set_unless_other(&own, 0));
        set_unless_other(&row, 1);
        other.join().unwrap();
        let set = atomically(|tx| Ok([row.get(tx, 0)?.is_some(), row.get(tx, 1)?.is_some()]));
        assert_ne!(set[0], set[1]);
    });
}

#[test]
fn who_waits_for_a_slot_is_woken_when_it_is_set() {
    model("row: a set against a wait for it", || {
        let row = Slots::<u8>::new(2);
        let own = row.clone();
        let writer = spawn(move || {
            atomically(|tx| own.set(tx, 0, 1));
            atomically(|tx| own.set(tx, 1, 0));
        });
        let found = atomically(|tx| match row.get(tx, 1)? {
            Some(value) => Ok(*value),
            None => retry(),
        });
        assert_eq!(found, 0);
        writer.join().unwrap();
    });
}

/// All bits of a number may be the value's, and zero is what an unset one has.
#[test]
fn a_number_is_unset_until_its_value_is_there() {
    model("row: a number set against get and peek", || {
        let row = Slots::<u8>::new(1);
        let own = row.clone();
        let writer = spawn(move || atomically(|tx| own.set(tx, 0, 7)));
        let (peeked, found) = atomically(|tx| {
            let peeked = row.peek(tx, 0).map(|value| *value);
            Ok((peeked, row.get(tx, 0)?.map(|value| *value)))
        });
        for seen in [peeked, found] {
            assert!(seen.is_none_or(|value| value == 7));
        }
        assert!(peeked.is_none() || found.is_some());
        writer.join().unwrap();
    });
}

/// Who peeks, with no version that vouches for it, sees what the value points to as well.
#[test]
fn what_is_peeked_at_is_whole() {
    model("row: a set against a peek at it", || {
        let row = Slots::<Arc<AtomicUsize>>::new(1);
        let own = row.clone();
        let made = Arc::new(AtomicUsize::new(0));
        let given = Arc::clone(&made);
        let writer = spawn(move || {
            given.store(7, Ordering::Relaxed);
            atomically(|tx| own.set(tx, 0, Arc::clone(&given)));
        });
        let seen = atomically(|tx| {
            let peeked = row.peek(tx, 0);
            Ok(peeked.map(|value| value.load(Ordering::Relaxed)))
        });
        assert!(seen.is_none_or(|value| value == 7));
        writer.join().unwrap();
        drop(made);
    });
}

#[test]
fn a_row_that_is_filled_is_found_so() {
    model("row: a filled row handed over", || {
        let shared = TVar::new(None);
        let own = shared.clone();
        let writer = spawn(move || {
            let row = Slots::filled(vec![0_u8, 7]);
            atomically(|tx| own.write(tx, Some(row.clone())));
        });
        atomically(|tx| {
            let Some(row) = shared.read(tx)? else {
                return Ok(());
            };
            assert_eq!(row.get(tx, 0)?.map(|value| *value), Some(0));
            assert_eq!(row.peek(tx, 1).map(|value| *value), Some(7));
            Ok(())
        });
        writer.join().unwrap();
    });
}

#[test]
fn what_a_transaction_has_set_it_finds_set() {
    model("row: a set and a look in one transaction", || {
        let row = Slots::<u8>::new(2);
        let own = row.clone();
        let other = spawn(move || atomically(|tx| own.set(tx, 1, 1)));
        atomically(|tx| {
            row.set(tx, 0, 0)?;
            assert_eq!(row.peek(tx, 0).map(|value| *value), Some(0));
            assert_eq!(row.get(tx, 0)?.map(|value| *value), Some(0));
            let _ = row.get(tx, 1)?;
            Ok(())
        });
        other.join().unwrap();
    });
}

/// A value whose end is noted.
struct Mortal(Arc<Witness>);

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A row of one value, and that one's witness.
fn mortal() -> (Slots<Mortal>, Arc<Witness>) {
    let witness = Arc::new(Witness::default());
    (Slots::filled(vec![Mortal(Arc::clone(&witness))]), witness)
}

#[test]
fn a_value_that_is_lent_outlives_its_unsetting() {
    model_of_reclamation(2, "row: an unset against who was lent the value", || {
        let (row, witness) = mortal();
        let own = row.clone();
        let writer = spawn(move || {
            atomically(|tx| own.unset(tx, 0));
            flush();
        });
        atomically(|tx| {
            if row.get(tx, 0)?.is_some() {
                witness.look();
            }
            Ok(())
        });
        writer.join().unwrap();
        flush();
        assert!(atomically(|tx| Ok(row.get(tx, 0)?.is_none())));
    });
}

#[test]
fn a_value_that_is_peeked_at_outlives_its_unsetting() {
    model_of_reclamation(2, "row: an unset against who has peeked", || {
        let (row, witness) = mortal();
        let own = row.clone();
        let writer = spawn(move || {
            atomically(|tx| own.unset(tx, 0));
            flush();
        });
        atomically(|tx| {
            if row.peek(tx, 0).is_some() {
                witness.look();
            }
            Ok(())
        });
        writer.join().unwrap();
    });
}

/// The reader has no handle of the row any more while it looks at the value, and perhaps dropped
/// the last one itself.
#[test]
fn a_row_outlives_its_last_handle_while_it_is_read() {
    model_of_reclamation(2, "row: a last handle against a reader", || {
        let (row, witness) = mortal();
        let mut own = Some(row.clone());
        let other = spawn(move || {
            drop(row);
            flush();
        });
        atomically(|tx| {
            let Some(row) = own.take() else {
                return Ok(());
            };
            let lent = row.get(tx, 0)?;
            drop(row);
            if lent.is_some() {
                witness.look();
                assert_eq!(Arc::strong_count(&witness), 2, "it has gone");
            }
            Ok(())
        });
        other.join().unwrap();
    });
}

#[test]
fn the_values_of_a_row_go_with_it() {
    model_of_reclamation(2, "row: dropped in a transaction beside a reader", || {
        let (row, witness) = mortal();
        let outer = TVar::new(Some(row));
        let own = outer.clone();
        let reader = spawn(move || {
            atomically(|tx| {
                if let Some(row) = own.read_ref(tx)?.into_ref() {
                    let _ = row.get(tx, 0)?;
                }
                Ok(())
            });
        });
        atomically(|tx| outer.replace(tx, None).map(drop));
        reader.join().unwrap();
        // The variable's value first, which held the last handle, then the row.
        flush();
        flush();
        assert_eq!(Arc::strong_count(&witness), 1);
    });
}
