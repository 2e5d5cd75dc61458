//! The state word: of any rivals one wins, and the others know it.

use std::sync::Arc;

use hivework::internals::{Begin, Cancel, Claim, Detach, Expire, Finish, StateWord, Withdraw};
use hivework_loom_tests::model;
use hivework_stm::facade::atomic::{AtomicU32, Ordering};
use hivework_stm::facade::thread;

fn queued() -> Arc<StateWord> {
    let state = StateWord::new();
    state.commit();
    Arc::new(state)
}

#[test]
fn one_of_two_claims_runs_the_item() {
    model("state: claim against claim", || {
        let state = queued();
        let theirs = Arc::clone(&state);
        let thief = thread::spawn(move || theirs.begin(Claim::Queue) == Begin::Begun);
        let handle = state.begin(Claim::Handle) == Begin::Begun;
        assert!(handle != thief.join().unwrap(), "run twice, or not at all");
    });
}

#[test]
fn an_item_is_run_or_withdrawn() {
    model("state: claim against withdraw", || {
        let state = queued();
        let theirs = Arc::clone(&state);
        let worker = thread::spawn(move || theirs.begin(Claim::Queue) == Begin::Begun);
        let withdrawn = state.withdraw() == Withdraw::Mine;
        assert!(withdrawn != worker.join().unwrap());
    });
}

#[test]
fn one_thread_decides_the_outcome_of_a_running_item() {
    model("state: finish against expire against cancel", || {
        let state = queued();
        assert_eq!(state.begin(Claim::Queue), Begin::Begun);
        let theirs = Arc::clone(&state);
        let timer = thread::spawn(move || match theirs.expire() {
            Expire::Running => true,
            Expire::TooLate => false,
            Expire::Unbegun => panic!("it had begun"),
        });
        let theirs = Arc::clone(&state);
        let canceller = thread::spawn(move || match theirs.cancel() {
            Cancel::Asked | Cancel::TooLate => {}
            Cancel::Withdrawn => panic!("it had begun"),
        });
        let finished = matches!(state.finish(), Finish::Mine { .. });
        canceller.join().unwrap();
        assert!(finished != timer.join().unwrap());
        assert!(state.publish().is_some());
        assert!(state.is_published());
    });
}

#[test]
fn an_uncommitted_item_is_never_claimed_through_its_handle() {
    model("state: commit against claims", || {
        let state = Arc::new(StateWord::new());
        let theirs = Arc::clone(&state);
        // The put has committed, so a worker may find the item before the
        // putter says so.
        let worker = thread::spawn(move || theirs.begin(Claim::Queue) == Begin::Begun);
        let early = state.begin(Claim::Handle);
        assert_ne!(early, Begin::Begun, "not said to have committed yet");
        state.commit();
        let late = state.begin(Claim::Handle) == Begin::Begun;
        assert!(late != worker.join().unwrap());
    });
}

#[test]
fn whoever_takes_over_an_item_sees_what_was_written_before() {
    model("state: what a transition carries", || {
        // The atomic stands for the closure's slot, and orders nothing itself.
        let state = Arc::new((StateWord::new(), AtomicU32::new(0)));
        let theirs = Arc::clone(&state);
        let worker = thread::spawn(move || {
            if theirs.0.begin(Claim::Handle) == Begin::Begun {
                assert_eq!(theirs.1.load(Ordering::Relaxed), 1, "not ordered by commit");
            }
        });
        state.1.store(1, Ordering::Relaxed);
        state.0.commit();
        worker.join().unwrap();
    });
}

#[test]
fn an_outcome_is_dropped_by_the_handle_or_by_the_publisher() {
    model("state: detach against publish", || {
        let state = queued();
        assert_eq!(state.begin(Claim::Queue), Begin::Begun);
        let theirs = Arc::clone(&state);
        let handle = thread::spawn(move || theirs.detach() == Detach::Published);
        let publisher_drops = state.end().unwrap().detached;
        let handle_drops = handle.join().unwrap();
        assert!(handle_drops != publisher_drops);
    });
}

#[test]
fn who_says_that_it_waits_is_seen_or_sees() {
    model("state: watch against end", || {
        let state = queued();
        assert_eq!(state.begin(Claim::Queue), Begin::Begun);
        let theirs = Arc::clone(&state);
        let waiter = thread::spawn(move || theirs.watch());
        let seen = state.end().unwrap().watched;
        assert!(seen != waiter.join().unwrap());
    });
}

#[test]
fn a_sole_owner_sees_what_the_others_did() {
    model("state: the last reference but one goes", || {
        let state = Arc::new((StateWord::new(), AtomicU32::new(0)));
        state.0.commit();
        let theirs = Arc::clone(&state);
        let handle = thread::spawn(move || {
            theirs.1.store(1, Ordering::Relaxed);
            let _ = theirs.0.detach();
        });
        // A reference of a queue's.
        assert_eq!(state.0.begin(Claim::Queue), Begin::Begun);
        if state.0.end().unwrap().detached {
            assert_eq!(
                state.1.load(Ordering::Relaxed),
                1,
                "not ordered by its going"
            );
        }
        handle.join().unwrap();
    });
}
