//! One thread, one variable: what each operation does.

use std::collections::HashMap;

use hivework_stm::{
    Abort, StmError, TVar, abort, atomically, atomically_or, check, in_transaction, retry,
    try_atomically,
};

#[test]
fn a_transaction_reads_its_own_write() {
    let (word, boxed) = (TVar::new(1), TVar::new(String::from("old")));
    let seen = atomically(|tx| {
        word.write(tx, 2)?;
        boxed.write(tx, "new".into())?;
        Ok((word.read(tx)?, boxed.read(tx)?))
    });
    assert_eq!(seen, (2, "new".to_string()));
}

#[test]
fn the_last_write_counts() {
    let var = TVar::new(vec![0]);
    atomically(|tx| (1..=5).try_for_each(|n| var.write(tx, vec![n; n])));
    assert_eq!(var.load(), vec![5; 5]);
}

#[test]
fn a_write_shows_outside_only_after_the_commit() {
    let var = TVar::new(1);
    atomically(|tx| {
        var.write(tx, 2)?;
        assert_eq!(var.load(), 1, "not even to the same thread");
        Ok(())
    });
    assert_eq!(var.load(), 2);
}

#[test]
fn modify_replace_and_read_with_work_on_what_the_transaction_sees() {
    let var = TVar::new(String::from("a"));
    let answers = atomically(|tx| {
        var.modify(tx, |s| s + "b")?;
        let length = var.read_with(tx, String::len)?;
        let before = var.replace(tx, "c".into())?;
        var.modify(tx, |s| s + "d")?;
        Ok((length, before, var.read_with(tx, |s| s.clone())?))
    });
    assert_eq!(answers, (2, "ab".to_string(), "cd".to_string()));
    assert_eq!(var.load(), "cd");
}

#[test]
fn store_load_and_update_need_no_transaction() {
    let var = TVar::new(1_u8);
    var.store(7);
    var.update(|n| n * 2);
    assert_eq!(var.load(), 14);
    let boxed = TVar::new(vec![1]);
    boxed.store(vec![2]);
    boxed.update(|mut v| {
        v.push(3);
        v
    });
    assert_eq!(boxed.load(), [2, 3]);
}

#[test]
fn every_word_type_and_its_neighbours_keep_their_values() {
    macro_rules! round_trip {
        ($($before:expr => $after:expr),* $(,)?) => {$({
            let var = TVar::new($before);
            assert_eq!(var.load(), $before);
            atomically(|tx| {
                assert_eq!(var.replace(tx, $after)?, $before);
                assert_eq!(var.read(tx)?, $after);
                Ok(())
            });
            assert_eq!(var.load(), $after);
        })*};
    }
    round_trip! {
        0_u8 => u8::MAX, 0_u16 => u16::MAX, 0_u32 => u32::MAX, 0_u64 => u64::MAX, 0_usize => usize::MAX,
        i8::MIN => i8::MAX, i16::MIN => i16::MAX, i32::MIN => i32::MAX, i64::MIN => i64::MAX, isize::MIN => -1,
        false => true, 'a' => '\u{10ffff}', 1.5_f32 => f32::MIN, f64::MAX => -0.25,
        u128::MAX => 1, () => (), (1_u8, 2_u32) => (3, 4), Some(1_u32) => None, [1_u64; 40] => [2; 40],
        "static" => "str", String::new() => "owned".to_string(), Box::new(1) => Box::new(2),
    }
}

#[test]
fn a_float_that_is_not_a_number_keeps_its_bits() {
    let var = TVar::new(f64::from_bits(0x7ff8_0000_0000_1234));
    assert_eq!(var.load().to_bits(), 0x7ff8_0000_0000_1234);
}

#[test]
fn a_value_of_any_alignment_is_kept_aligned() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(256))]
    struct Wide(u8);
    let var = TVar::new(Wide(1));
    atomically(|tx| var.write(tx, Wide(2)));
    atomically(|tx| {
        var.read_with(tx, |wide| {
            assert_eq!((&raw const *wide).addr() % 256, 0);
            assert_eq!(wide.0, 2);
        })
    });
}

#[test]
fn clones_share_the_variable_and_new_ones_do_not() {
    let one = TVar::new(1);
    let (same, other) = (one.clone(), TVar::new(1));
    assert!(one.ptr_eq(&same) && !one.ptr_eq(&other));
    same.store(2);
    assert_eq!((one.load(), other.load()), (2, 1));
    drop(one);
    assert_eq!(same.load(), 2, "lives as long as a handle");
}

#[test]
fn names_defaults_conversions_and_debug() {
    let named = TVar::named("stock", 3);
    assert_eq!((named.name(), TVar::new(0).name()), (Some("stock"), None));
    assert_eq!(format!("{named:?}"), r#"TVar { name: "stock", value: 3 }"#);
    assert_eq!(format!("{:?}", TVar::new("x")), r#"TVar { value: "x" }"#);
    assert_eq!(TVar::<Vec<u8>>::default().load(), Vec::<u8>::new());
    assert_eq!(TVar::from(4).load(), 4);
    let var: TVar<Option<u8>> = Some(1).into();
    assert_eq!(var.load(), Some(1));
}

#[test]
fn the_callers_error_rolls_everything_back() {
    let (word, boxed) = (TVar::new(1), TVar::new(vec![1]));
    let outcome: Result<(), &str> = atomically_or(|tx| {
        word.write(tx, 2)?;
        boxed.write(tx, vec![2])?;
        abort("no")
    });
    assert_eq!(outcome, Err("no"));
    assert_eq!((word.load(), boxed.load()), (1, vec![1]));
}

#[test]
fn the_callers_success_commits() {
    let var = TVar::new(1);
    let outcome: Result<i32, ()> = atomically_or(|tx| Ok(var.replace(tx, 2)?));
    assert_eq!((outcome, var.load()), (Ok(1), 2));
}

#[test]
fn many_variables_are_written_and_found_again() {
    // More than the write log searches linearly, so that its index is used.
    let vars: Vec<_> = (0..200).map(TVar::new).collect();
    atomically(|tx| {
        for (n, var) in vars.iter().enumerate() {
            assert_eq!(var.read(tx)?, n);
            var.write(tx, n + 1000)?;
            for (m, earlier) in vars[..=n].iter().enumerate().rev().step_by(17) {
                assert_eq!(earlier.read(tx)?, m + 1000);
            }
        }
        for var in &vars {
            var.modify(tx, |n| n * 2)?;
        }
        Ok(())
    });
    for (n, var) in vars.iter().enumerate() {
        assert_eq!(var.load(), (n + 1000) * 2);
    }
}

#[test]
fn a_transaction_that_follows_a_large_one_starts_afresh() {
    let vars: Vec<_> = (0..40).map(TVar::new).collect();
    for round in 0..3 {
        let refused: Result<(), ()> = atomically_or(|tx| {
            for var in &vars {
                var.write(tx, -1)?;
            }
            abort(())
        });
        assert_eq!(refused, Err(()));
        atomically(|tx| vars[3].modify(tx, |n| n + 1));
        assert_eq!(vars[3].load(), 4 + round);
        assert_eq!(vars[4].load(), 4);
    }
}

#[test]
fn check_asks_to_retry_when_its_condition_fails() {
    let var = TVar::new(1);
    let look = |wanted| {
        try_atomically(|tx| {
            let n = var.read(tx)?;
            check(n == wanted)?;
            Ok(n)
        })
    };
    assert_eq!((look(1), look(2)), (Some(1), None));
}

#[test]
fn in_transaction_says_whether_one_runs_here() {
    assert!(!in_transaction());
    atomically(|tx| {
        assert!(in_transaction());
        tx.on_commit(|| assert!(!in_transaction()));
        Ok(())
    });
    assert!(!in_transaction());
}

#[test]
fn errors_say_what_they_are() {
    fn is_an_error<E: std::error::Error + Send + Sync + 'static>(_: &E) {}
    let error: StmError = retry::<()>().expect_err("always");
    is_an_error(&error);
    assert_eq!(format!("{error:?}"), "StmError(Retry)");
    assert!(error.to_string().contains("wait"));
    assert_eq!(Abort::<u8>::from(error), Abort::Stm(error));
    assert_eq!(abort::<(), _>(3), Err(Abort::Caller(3)));
}

#[test]
fn handles_go_where_a_value_can_be_shared() {
    fn shared<T: Send + Sync + Clone + std::panic::UnwindSafe + std::panic::RefUnwindSafe>(_: &T) {}
    shared(&TVar::new(1));
    shared(&TVar::new(HashMap::<String, TVar<String>>::new()));
}

#[test]
fn a_transaction_shows_the_size_of_its_logs() {
    let (a, b) = (TVar::new(1), TVar::new(2));
    atomically(|tx| {
        a.read(tx)?;
        b.write(tx, 3)?;
        assert_eq!(format!("{tx:?}"), "Transaction { reads: 1, writes: 1, .. }");
        Ok(())
    });
}
