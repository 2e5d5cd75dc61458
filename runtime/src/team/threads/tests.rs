//! What a number of workers that changes is to teams.

use std::time::Duration;

use crate::work::error::WorkError;
use crate::work::state::Status;
use crate::{Member, Scheduler, TVar, check};

const BOUND: Duration = Duration::from_secs(60);

fn bare(workers: usize) -> Scheduler {
    let builder = Scheduler::builder().workers(workers).max_spares(0);
    builder.start().unwrap()
}

#[test]
fn what_is_reserved_is_not_given_up() {
    let scheduler = bare(3);
    let teams = &scheduler.shared().teams;
    assert_eq!(teams.least_workers(), 0);
    let open = TVar::new(false);
    let gate = open.clone();
    let wait = move |member: &Member| member.atomically(|tx| check(gate.read(tx)?));
    let team = scheduler.put_team(2, wait).unwrap();
    assert_eq!(teams.least_workers(), 2);
    open.store(true);
    team.join().unwrap();
    assert_eq!(teams.least_workers(), 0);
}

#[test]
fn a_work_whose_thread_others_need_does_not_wait_for_a_team() {
    let scheduler = Scheduler::builder()
        .workers(4)
        .max_spares(0)
        .start()
        .unwrap();
    let open = TVar::new(false);
    let gate = open.clone();
    let wait = move |member: &Member| member.atomically(|tx| check(gate.read(tx)?));
    let first = scheduler.put_team(2, wait).unwrap();
    // Two threads are left: one work may wait for a team of all, but not two.
    let joins: Vec<_> = (0..2)
        .map(|_| {
            let inner = scheduler.clone();
            scheduler.put_work(move || {
                let team = inner.put_team(4, |member: &Member| member.barrier().is_ok());
                team.unwrap().join()
            })
        })
        .collect();
    let mut joins = joins.into_iter();
    let (mut one, mut other) = (joins.next().unwrap(), joins.next().unwrap());
    let refused = loop {
        if let Some(outcome) = one.try_join().or_else(|| other.try_join()) {
            break outcome;
        }
        std::thread::yield_now();
    };
    assert!(matches!(refused, Ok(Err(WorkError::WouldDeadlock))));
    open.store(true);
    first.join().unwrap();
    let left = [one.join(), other.join()];
    let all = vec![true; 4];
    assert!(
        left.into_iter()
            .any(|outcome| matches!(outcome, Ok(Ok(results)) if results == all))
    );
}

#[test]
fn a_team_in_the_line_that_can_never_start_is_answered() {
    let scheduler = bare(3);
    let teams = &scheduler.shared().teams;
    let open = TVar::new(false);
    let gate = open.clone();
    let wait = move |member: &Member| member.atomically(|tx| check(gate.read(tx)?));
    let first = scheduler.put_team(2, wait).unwrap();
    let mut large = scheduler.put_team(3, |_: &Member| ()).unwrap();
    let small = scheduler
        .put_team(2, |member: &Member| member.index())
        .unwrap();
    teams.set_workers(2);
    let error = large.join_timeout(BOUND).unwrap().unwrap_err();
    assert!(
        matches!(error, WorkError::Lost(why) if why.contains("fewer")),
        "{error}"
    );
    assert_eq!(small.status(), Status::Queued);
    open.store(true);
    first.join().unwrap();
    assert_eq!(small.join().unwrap(), [0, 1]);
    teams.set_workers(3);
    assert_eq!(
        scheduler
            .put_team(3, |_: &Member| ())
            .unwrap()
            .join()
            .unwrap()
            .len(),
        3
    );
}
