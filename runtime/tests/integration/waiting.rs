use std::sync::{Arc, Mutex};
use std::time::Duration;

use hivework::{Status, WorkContext, WorkError, make_work};

use crate::support::{
    BOUND, builder, eventually, join, latch, receive, scheduler, stopped_scheduler,
};

#[test]
fn a_bounded_join_gives_up_and_can_be_repeated() {
    let scheduler = stopped_scheduler(1);
    let mut work = scheduler.put_work(|| 1);
    assert!(work.join_timeout(Duration::from_millis(1)).is_none());
    assert!(work.join_timeout(Duration::ZERO).is_none());
    scheduler.start().unwrap();
    assert_eq!(work.join_timeout(BOUND).unwrap().unwrap(), 1);
}

#[test]
fn a_status_tells_how_far_work_has_come() {
    let scheduler = stopped_scheduler(1);
    let (open, gate) = latch();
    let (begun, begins) = latch();
    let work = scheduler.put_work(move || {
        begun.send(()).unwrap();
        receive(&gate);
    });
    assert_eq!(work.status(), Status::Queued);
    scheduler.start().unwrap();
    receive(&begins);
    assert_eq!(work.status(), Status::Running);
    open.send(()).unwrap();
    eventually("done", || work.status() == Status::Done);
}

#[test]
fn dropping_a_handle_lets_the_work_run() {
    let scheduler = scheduler(1);
    let (sender, receiver) = latch();
    drop(scheduler.put_work(move || sender.send(3).unwrap()));
    assert_eq!(receive(&receiver), 3);
}

#[test]
fn callbacks_have_run_when_the_handle_answers() {
    let scheduler = scheduler(2);
    for _ in 0..500 {
        let told = Arc::new(Mutex::new(Vec::new()));
        let (first, second) = (Arc::clone(&told), Arc::clone(&told));
        let work = make_work(|| 7)
            .on_done(move |outcome| first.lock().unwrap().push((1, outcome.clone().unwrap())))
            .on_done(move |outcome| second.lock().unwrap().push((2, outcome.clone().unwrap())));
        assert_eq!(join(scheduler.put_work(work)).unwrap(), 7);
        assert_eq!(*told.lock().unwrap(), [(1, 7), (2, 7)]);
    }
}

#[test]
fn a_callback_added_late_runs_at_once_and_leaves_the_outcome() {
    let scheduler = scheduler(1);
    let mut work = scheduler.put_work(|| 7);
    eventually("done", || work.status() == Status::Done);
    let (sender, receiver) = latch();
    work.on_done(move |outcome| sender.send(outcome.clone().unwrap()).unwrap());
    assert_eq!(receive(&receiver), 7);
    assert_eq!(join(work).unwrap(), 7);
}

#[test]
fn a_callback_added_to_running_work_is_called_once() {
    let scheduler = scheduler(1);
    for _ in 0..1000 {
        let mut work = scheduler.put_work(|| 7);
        let (sender, receiver) = latch();
        work.on_done(move |_| sender.send(()).unwrap());
        join(work).unwrap();
        receive(&receiver);
        assert!(receiver.recv_timeout(BOUND).is_err(), "called twice");
    }
}

#[test]
fn work_knows_itself_and_its_scheduler() {
    let scheduler = builder().start().unwrap();
    let work = make_work(|work: &WorkContext| {
        let scheduler = work.scheduler().expect("its scheduler is alive");
        (
            work.id(),
            work.name().map(str::to_owned),
            scheduler.workers(),
        )
    });
    let work = scheduler.put_work(work.name("self"));
    let id = work.id();
    let (own, name, workers) = join(work).unwrap();
    assert_eq!(
        (own, name.as_deref(), workers),
        (id, Some("self"), scheduler.workers())
    );
}

#[test]
fn many_threads_may_wait_for_one_work_through_a_transaction() {
    let scheduler = stopped_scheduler(1);
    let work = scheduler.put_work(|| 9);
    std::thread::scope(|scope| {
        let waiters: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| hivework::atomically(|tx| work.wait_in(tx))))
            .collect();
        scheduler.start().unwrap();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap().unwrap(), 9);
        }
    });
    assert_eq!(join(work).unwrap(), 9);
}

#[test]
fn a_result_that_is_not_sync_can_be_joined() {
    let scheduler = scheduler(1);
    let cell = join(scheduler.put_work(|| std::cell::Cell::new(4))).unwrap();
    assert_eq!(cell.get(), 4);
}

#[test]
fn works_that_wait_for_each_other_in_a_ring_are_told() {
    let scheduler = scheduler(2);
    let (first_sender, first) = latch();
    let (second_sender, second) = latch();
    let (answer, answers) = latch();
    let other_answer = answer.clone();
    let one = scheduler.put_work(move || {
        let other: hivework::WorkHandle<()> = receive(&second);
        answer.send(other.join()).unwrap();
    });
    let other = scheduler.put_work(move || {
        let one: hivework::WorkHandle<()> = receive(&first);
        other_answer.send(one.join()).unwrap();
    });
    first_sender.send(one).unwrap();
    second_sender.send(other).unwrap();
    let outcomes = [receive(&answers), receive(&answers)];
    let told = |outcome: &Result<(), WorkError>| matches!(outcome, Err(WorkError::WouldDeadlock));
    assert_eq!(outcomes.iter().filter(|outcome| told(outcome)).count(), 1);
}
