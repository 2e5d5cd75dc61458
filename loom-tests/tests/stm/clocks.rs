//! Threads beyond the table of clocks, who share one.

use hivework_loom_tests::{model, model_within};
use hivework_stm::{TVar, atomically};

use crate::support::thread;

/// Has every clock of one's own taken by a thread that has come and gone: a
/// model keeps thread-local state, and with it the clock, to its end.
fn use_up_the_clocks(x: &TVar<i32>) {
    x.store(0);
    for _ in 0..2 {
        thread(&[x], |v| v[0].store(0)).join().unwrap();
    }
}

#[test]
fn lost_update_on_the_shared_clock() {
    model_within(2, "stm: lost update on the shared clock", || {
        let x = TVar::new(0);
        use_up_the_clocks(&x);
        let others =
            [(); 2].map(|()| thread(&[&x], |v| atomically(|tx| v[0].modify(tx, |n| n + 1))));
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(x.load(), 2);
    });
}

/// A count of the shared clock must vouch for every smaller one.
#[test]
fn the_shared_clock_vouches_for_earlier_commits_of_others() {
    model_within(2, "stm: snapshot on the shared clock", || {
        let (x, y, z) = (TVar::new(0), TVar::new(0), TVar::new(0));
        use_up_the_clocks(&z);
        let first = thread(&[&x, &y], |v| {
            atomically(|tx| {
                v[0].write(tx, 1)?;
                v[1].write(tx, 1)
            });
        });
        let second = thread(&[&z], |v| v[0].store(1));
        atomically(|tx| {
            z.read(tx)?;
            let seen_x = x.read(tx)?;
            assert_eq!(y.read(tx)?, seen_x, "never together");
            Ok(())
        });
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// Whoever ticks the shared clock has seen what the smaller counts stand for.
#[test]
fn a_commit_on_the_shared_clock_has_seen_those_before_it() {
    model("stm: snapshot after an own commit", || {
        let (x, y, z) = (TVar::new(0), TVar::new(0), TVar::new(0));
        use_up_the_clocks(&z);
        let writer = thread(&[&x, &y], |v| {
            atomically(|tx| {
                v[0].write(tx, 1)?;
                v[1].write(tx, 1)
            });
        });
        let reader = thread(&[&z, &x, &y], |v| {
            v[0].store(1);
            atomically(|tx| {
                let seen_x = v[1].read(tx)?;
                assert_eq!(v[2].read(tx)?, seen_x, "never together");
                Ok(())
            });
        });
        writer.join().unwrap();
        reader.join().unwrap();
    });
}
