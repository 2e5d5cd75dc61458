//! Many variables in one allocation, and values that are lent for an attempt.

use hivework_stm::internals::{Slots, peek_ref};
use hivework_stm::{TArray, TVar, atomically, check, flush, in_transaction, try_atomically};

use crate::support::{Count, Counted, elsewhere, finishes, rounds};

/// Runs a transaction that reads first and goes on when another thread has done something in
/// between, and says how often it ran.
fn runs_while<R>(
    mut first: impl FnMut(&mut hivework_stm::Transaction<'_>) -> hivework_stm::StmResult<R>,
    between: impl Fn() + Sync,
) -> usize {
    let (mut runs, done) = (0, TVar::new(0));
    atomically(|tx| {
        runs += 1;
        first(tx)?;
        if runs == 1 {
            elsewhere(&between);
        }
        done.write(tx, runs)
    });
    runs
}

#[test]
fn elements_are_variables_of_their_own() {
    let row = TArray::new(4, 0_u64);
    assert_eq!(runs_while(|tx| row.read(tx, 1), || row.store(2, 7)), 1);
    assert_eq!(runs_while(|tx| row.read(tx, 1), || row.store(1, 7)), 2);
    assert_eq!(row.load_all(), [0, 7, 7, 0]);
}

#[test]
fn an_array_of_boxed_values_changes_in_one_step() {
    let names = TArray::from_iter(["a", "b", "c"].map(String::from));
    atomically(|tx| {
        names.swap(tx, 0, 2)?;
        names.modify(tx, 1, |name| name + "!")
    });
    assert_eq!(names.load_all(), ["c", "b!", "a"]);
    let refused: Option<()> = try_atomically(|tx| {
        names.write(tx, 0, String::from("lost"))?;
        check(false)
    });
    assert_eq!((refused, names.load(0)), (None, String::from("c")));
}

#[test]
fn elements_swapped_by_many_threads_are_all_there_in_the_end() {
    let row: TArray<usize> = (0..16).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let row = &row;
            scope.spawn(move || {
                for round in 0..rounds(5000) {
                    let (one, other) = ((round * 7 + thread) % 16, (round * 3 + 5) % 16);
                    atomically(|tx| row.swap(tx, one, other));
                }
            });
        }
    });
    let mut found = row.load_all();
    found.sort_unstable();
    assert_eq!(found, Vec::from_iter(0..16));
}

#[test]
fn an_array_without_elements_is_one() {
    let none = TArray::<String>::default();
    assert!(none.is_empty() && none.load_all().is_empty());
}

#[test]
#[should_panic(expected = "variable 3 of a row of 3")]
fn a_position_that_is_not_there_panics_and_says_so() {
    let row = TArray::new(3, 0_u8);
    let _ = row.load(3);
}

#[test]
fn what_is_in_a_row_is_dropped_once_and_with_it() {
    let count = Count::default();
    let row = TArray::from_iter((0..5).map(|n| count.value(n)));
    row.store(2, count.value(7));
    let slots = Slots::new(8);
    atomically(|tx| slots.set(tx, 3, count.value(8)));
    let kept = row.clone();
    drop(row);
    count.settles_at(6);
    drop(kept);
    count.settles_at(1);
    drop(slots);
    count.settles_at(0);
}

#[test]
fn a_drop_that_panics_in_a_row_costs_the_others_nothing() {
    struct Panics(#[expect(dead_code, reason = "counts itself")] Counted, bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(!self.1, "in a drop, on purpose");
        }
    }
    let count = Count::default();
    drop(TArray::from_iter(
        (0..4).map(|n| Panics(count.value(n), n == 1)),
    ));
    count.settles_at(0);
}

#[test]
fn a_row_may_go_inside_the_transaction_that_uses_it() {
    let kept = TVar::new(String::new());
    atomically(|tx| {
        let row = TArray::from_iter([String::from("long gone")]);
        let lent = row.read_ref(tx, 0)?;
        row.write(tx, 0, String::from("never seen"))?;
        drop(row);
        flush();
        assert!(in_transaction());
        kept.write(tx, String::clone(&lent))
    });
    assert_eq!(kept.load(), "long gone");
}

#[test]
fn what_is_lent_stays_as_it_was_over_later_writes_and_roll_backs() {
    let (name, number) = (TVar::new(String::from("first")), TVar::new(1));
    let seen = atomically(|tx| {
        let first = name.read_ref(tx)?.into_ref();
        let one = number.read_ref(tx)?;
        name.write(tx, String::from("second"))?;
        let second = name.read_ref(tx)?.into_ref();
        let third = tx.or_else(
            |tx| {
                name.write(tx, String::from("third"))?;
                // Out of the branch on purpose: what is undone lasts as well.
                let third = name.read_ref(tx)?.into_ref();
                Ok(third)
            },
            |_| unreachable!("the first branch does not retry"),
        )?;
        name.write(tx, String::from("fourth"))?;
        number.write(tx, 2)?;
        Ok([first, second, third].map(String::clone).join(" ") + &one.to_string())
    });
    assert_eq!(seen, "first second third1");
    assert_eq!((name.load().as_str(), number.load()), ("fourth", 2));
}

#[test]
fn what_is_lent_outlasts_what_others_commit() {
    let (name, mut runs) = (TVar::new(String::from("old")), 0);
    atomically(|tx| {
        runs += 1;
        let lent = name.read_ref(tx)?.into_ref();
        if runs == 1 {
            elsewhere(|| {
                name.store(String::from("new"));
                flush();
            });
            assert_eq!(lent, "old");
        }
        Ok(())
    });
    assert_eq!(name.load(), "new");
}

#[test]
#[should_panic(expected = "dereference")]
fn a_number_is_not_lent_for_longer_than_its_ref() {
    let number = TVar::new(1_u32);
    atomically(|tx| Ok(*number.read_ref(tx)?.into_ref()));
}

#[test]
fn a_slot_is_unset_until_it_is_set_though_to_zero() {
    let slots = Slots::<u64>::new(2);
    let rolled_back: Option<()> = try_atomically(|tx| {
        slots.set(tx, 1, 5)?;
        assert_eq!(slots.get(tx, 1)?.as_deref(), Some(&5));
        check(false)
    });
    assert_eq!(rolled_back, None);
    assert!(atomically(|tx| Ok(slots.get(tx, 1)?.is_none())));
    atomically(|tx| slots.set(tx, 0, 0));
    assert_eq!(atomically(|tx| Ok(slots.get(tx, 0)?.map(|n| *n))), Some(0));
    assert_eq!(atomically(|tx| Ok(slots.peek(tx, 0).map(|n| *n))), Some(0));
    assert_eq!(atomically(|tx| Ok(slots.peek(tx, 1).map(|n| *n))), None);
}

#[test]
fn a_slot_with_something_to_drop_can_be_unset() {
    let (slots, count) = (Slots::new(1), Count::default());
    atomically(|tx| slots.set(tx, 0, count.value(1)));
    atomically(|tx| {
        slots.unset(tx, 0)?;
        assert!(slots.get(tx, 0)?.is_none() && slots.peek(tx, 0).is_none());
        Ok(())
    });
    count.settles_at(0);
    assert!(atomically(|tx| Ok(slots.get(tx, 0)?.is_none())));
    atomically(|tx| slots.set(tx, 0, count.value(2)));
    assert!(atomically(|tx| Ok(slots.get(tx, 0)?.is_some())));
}

#[test]
fn who_waits_for_a_slot_is_woken_when_it_is_set() {
    let slots = Slots::<u8>::new(2);
    let theirs = slots.clone();
    let waiting = std::thread::spawn(move || {
        atomically(|tx| match theirs.get(tx, 1)? {
            Some(value) => Ok(*value),
            None => hivework_stm::retry(),
        })
    });
    atomically(|tx| slots.set(tx, 1, 9));
    assert_eq!(finishes(move || waiting.join().ok()), Some(9));
}

#[test]
fn a_peek_is_no_part_of_what_the_transaction_depends_on() {
    let (hint, slots) = (TVar::new(String::from("a")), Slots::<u64>::new(1));
    let ran = runs_while(
        |tx| Ok((peek_ref(&hint, tx).len(), slots.peek(tx, 0).is_some())),
        || {
            hint.store(String::from("b"));
            atomically(|tx| slots.set(tx, 0, 1));
        },
    );
    assert_eq!(ran, 1);
    let seen = atomically(|tx| {
        hint.write(tx, String::from("own"))?;
        Ok(peek_ref(&hint, tx).into_ref().clone())
    });
    assert_eq!(seen, "own");
}

#[test]
fn a_filled_row_has_its_values_from_the_start() {
    let numbers = Slots::filled(vec![0_u64, 5]);
    assert_eq!(
        atomically(|tx| Ok(numbers.get(tx, 0)?.map(|n| *n))),
        Some(0)
    );
    let names = Slots::filled(vec![String::from("a")]);
    atomically(|tx| names.let_go(tx, 0));
    assert!(atomically(|tx| Ok(names.get(tx, 0)?.is_none())));
}
