//! The timers: what is in them is fired, left or closed out, once, and what is over is not.

use std::sync::Arc;

use hivework::WorkError;
use hivework::internals::{LoneTimers, lone_delayed};
use hivework_loom_tests::model;
use hivework_stm::facade::thread;

#[test]
fn an_end_and_an_adding_leave_no_entry() {
    model("timers: a cancel against the put", || {
        let timers = Arc::new(LoneTimers::default());
        let (handle, item) = lone_delayed(|| 1);
        let (theirs, put) = (Arc::clone(&timers), item.another());
        let putter = thread::spawn(move || assert!(theirs.delay(put).is_ok()));
        assert!(item.cancel());
        timers.leave(&item);
        putter.join().unwrap();
        assert!(timers.is_empty());
        assert!(matches!(handle.join(), Err(WorkError::Cancelled)));
    });
}

#[test]
fn a_put_against_a_drain_is_let_in_and_answered_or_turned_away() {
    model("timers: a put against a drain", || {
        let timers = Arc::new(LoneTimers::default());
        let (handle, item) = lone_delayed(|| 1);
        let theirs = Arc::clone(&timers);
        let putter = thread::spawn(move || match theirs.delay(item) {
            Ok(()) => false,
            Err(item) => {
                item.stop();
                true
            }
        });
        let swept = timers.close();
        let found = swept.len();
        swept.iter().for_each(|item| item.stop());
        let turned_away = putter.join().unwrap();
        assert_eq!(found + usize::from(turned_away), 1);
        assert!(timers.is_empty());
        assert!(matches!(handle.join(), Err(WorkError::Stopped)));
    });
}

#[test]
fn a_sleeper_is_fired_or_cancelled() {
    model("timers: a cancel against the time that has come", || {
        let timers = Arc::new(LoneTimers::default());
        let (handle, item) = lone_delayed(|| 1);
        assert!(timers.delay(item.another()).is_ok());
        let theirs = Arc::clone(&timers);
        let supervisor = thread::spawn(move || {
            for item in theirs.fire() {
                item.run();
            }
        });
        let cancelled = item.cancel();
        timers.leave(&item);
        supervisor.join().unwrap();
        assert!(timers.is_empty());
        match handle.join() {
            Ok(one) => assert_eq!(one, 1),
            Err(error) => assert!(cancelled && matches!(error, WorkError::Cancelled)),
        }
    });
}
