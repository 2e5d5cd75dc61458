//! An attempt whose closure swallows a conflict and goes on.

use hivework_loom_tests::{model, model_within};
use hivework_stm::{TVar, atomically};

use crate::support::thread;

/// An attempt that goes on after a conflict sees no state that never was either.
#[test]
fn what_is_read_after_a_swallowed_conflict_fits_what_was_read_before() {
    // From two reads on an extension looks at all clocks.
    for reads in [1, 2] {
        model_within(2, "stm: reading on after a conflict", move || {
            let (x, y) = (TVar::new(0), TVar::new(0));
            let writer = thread(&[&x, &y], |v| {
                atomically(|tx| v.iter().try_for_each(|var| var.write(tx, 1)));
            });
            atomically(|tx| {
                let mut seen_x = 0;
                for _ in 0..reads {
                    seen_x = x.read(tx)?;
                }
                let _ = y.read(tx);
                if let Ok(seen_y) = y.read(tx) {
                    assert_eq!(seen_y, seen_x, "never together");
                }
                Ok(())
            });
            writer.join().unwrap();
        });
    }
}

#[test]
fn an_attempt_that_swallowed_a_conflict_does_not_commit() {
    model("stm: a conflict swallowed", || {
        let x = TVar::new(0);
        let writer = thread(&[&x], |v| v[0].store(1));
        let seen = atomically(|tx| Ok(x.read(tx).ok()));
        assert!(seen.is_some(), "committed without what it asked for");
        writer.join().unwrap();
    });
}
