//! What `stats` counts. Other tests count too, so sums are compared by "at least",
//! and exact counts go by names that nobody else uses.

use hivework_stm::{TVar, atomically, check, stats, try_atomically};

use crate::support::{asleep, elsewhere, finishes, joined, sleeper};

fn conflicts_on(name: &str) -> u64 {
    let by_name = stats().conflicts_by_name;
    by_name
        .iter()
        .find(|(of, _)| *of == name)
        .map_or(0, |&(_, count)| count)
}

/// Runs a transaction that is disturbed so many times.
fn disturbed(var: &TVar<u32>, times: u32) {
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        let seen = var.read(tx)?;
        if runs <= times {
            elsewhere(|| var.update(|n| n + 1));
        }
        var.write(tx, seen + 1)
    });
    assert_eq!(runs, times + 1);
}

#[test]
fn commits_count_whether_they_write_or_not() {
    let before = stats().commits;
    let var = TVar::new(0);
    var.store(1);
    var.update(|n| n + 1);
    atomically(|tx| var.read(tx));
    assert!(stats().commits >= before + 3);
}

#[test]
fn conflicts_go_to_the_name_of_the_variable_that_they_were_met_on() {
    let (var, calm) = (TVar::named("disputed", 0), TVar::named("undisputed", 0));
    let before = stats().conflicts;
    disturbed(&var, 3);
    calm.update(|n| n + 1);
    assert!(stats().conflicts >= before + 3);
    assert_eq!(conflicts_on("disputed"), 3);
    assert_eq!(conflicts_on("undisputed"), 0);
}

#[test]
fn a_conflict_that_a_read_meets_goes_to_the_variable_that_had_changed() {
    let (first, second) = (TVar::named("changed", 0), TVar::named("met", 0));
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        first.read(tx)?;
        if runs == 1 {
            elsewhere(|| {
                first.store(1);
                second.store(1);
            });
        }
        second.read(tx)
    });
    assert_eq!(
        (runs, conflicts_on("changed"), conflicts_on("met")),
        (2, 1, 0)
    );
}

#[test]
fn a_swallowed_conflict_counts_once() {
    let (first, second) = (TVar::named("swallowed", 0), TVar::new(0));
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        first.read(tx)?;
        if runs == 1 {
            elsewhere(|| {
                first.store(1);
                second.store(1);
            });
            let _ = second.read(tx);
            let _ = second.read(tx);
        }
        Ok(())
    });
    assert_eq!((runs, conflicts_on("swallowed")), (2, 1));
}

#[test]
fn counts_outlive_their_thread() {
    elsewhere(|| disturbed(&TVar::named("of a thread that ended", 0), 2));
    assert_eq!(conflicts_on("of a thread that ended"), 2);
}

#[test]
fn who_held_others_up_counts_as_an_elder() {
    let before = stats().elders;
    finishes(|| disturbed(&TVar::new(0), 8));
    assert!(stats().elders > before);
}

#[test]
fn a_retry_counts_and_a_wait_counts_when_it_waits() {
    finishes(|| {
        let before = stats();
        let var = TVar::new(0);
        assert!(try_atomically(|tx| check(var.read(tx)? > 0)).is_none());
        assert!(stats().retries > before.retries);

        let own = var.clone();
        let (waiter, sleeps) = sleeper(move || atomically(|tx| check(own.read(tx)? > 0)));
        asleep(&sleeps);
        var.store(1);
        joined(waiter);
        assert!(stats().waits > before.waits && stats().retries > before.retries + 1);
    });
}

#[test]
fn the_most_disputed_variable_comes_first() {
    disturbed(&TVar::named("seldom", 0), 1);
    disturbed(&TVar::named("often", 0), 4);
    let names: Vec<_> = stats().conflicts_by_name;
    assert!(names.is_sorted_by(|(_, more), (_, less)| more >= less));
    let place = |name| names.iter().position(|(of, _)| *of == name);
    assert!(place("often") < place("seldom"));
}
