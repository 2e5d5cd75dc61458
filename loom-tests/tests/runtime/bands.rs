//! Items in the injector's queues, as numbers with a reference each: whatever comes between a put,
//! a batch and the end of a run, every item is run or answered, once, and freed once. An item's
//! stage is the facade's cell, which notices who touches it out of turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework::WorkError;
use hivework::internals::{Lone, LoneBands, LoneHandle, lone};
use hivework_loom_tests::model_within;
use hivework_stm::facade::atomic::{self, AtomicBool};
use hivework_stm::facade::thread;

/// How many items have run.
type Runs = Arc<AtomicUsize>;

fn item(runs: &Runs) -> (LoneHandle<()>, Lone) {
    let runs = Arc::clone(runs);
    let run = move || _ = runs.fetch_add(1, Ordering::Relaxed);
    lone(run, false)
}

/// Has every handle been answered, by as many runs as say so?
fn answered(handles: impl IntoIterator<Item = LoneHandle<()>>, runs: &Runs) {
    let outcomes = handles.into_iter().map(LoneHandle::join);
    let ran = outcomes.filter(|outcome| match outcome {
        Ok(()) => true,
        Err(WorkError::Stopped) => false,
        Err(other) => panic!("{other}"),
    });
    assert_eq!(ran.count(), runs.load(Ordering::Relaxed));
}

/// What is left when the last handle has gone.
fn answer_left(bands: &LoneBands) {
    bands.take(usize::MAX).iter().for_each(Lone::stop);
    assert!(bands.take(1).is_empty());
}

#[test]
fn a_batch_is_run_or_put_back_when_the_run_ends() {
    model_within(2, "bands: take of a batch against a stop", || {
        let (bands, halt) = (
            Arc::new(LoneBands::default()),
            Arc::new(AtomicBool::new(false)),
        );
        let runs = Runs::default();
        let (one, two) = (item(&runs), item(&runs));
        bands.put(one.1);
        bands.put(two.1);
        let (theirs, told) = (Arc::clone(&bands), Arc::clone(&halt));
        let worker = thread::spawn(move || {
            let mut deque = Vec::new();
            if !told.load(atomic::Ordering::Acquire) {
                deque = theirs.take(2);
            }
            while !told.load(atomic::Ordering::Acquire) {
                let Some(item) = deque.pop() else { break };
                item.run();
            }
            for item in deque {
                theirs.put(item);
            }
        });
        halt.store(true, atomic::Ordering::Release);
        worker.join().unwrap();
        answer_left(&bands);
        answered([one.0, two.0], &runs);
    });
}

#[test]
fn an_item_is_taken_and_freed_before_its_putter_is_done() {
    model_within(2, "bands: put against take", || {
        let bands = Arc::new(LoneBands::default());
        let runs = Runs::default();
        let (handle, put) = item(&runs);
        let theirs = Arc::clone(&bands);
        let worker = thread::spawn(move || {
            theirs.take(2).into_iter().for_each(Lone::run);
        });
        bands.put(put);
        worker.join().unwrap();
        answer_left(&bands);
        answered([handle], &runs);
    });
}

#[test]
fn two_takers_share_what_there_is() {
    model_within(1, "bands: two takers", || {
        let bands = Arc::new(LoneBands::default());
        let runs = Runs::default();
        let (one, two) = (item(&runs), item(&runs));
        bands.put(one.1);
        bands.put(two.1);
        let theirs = Arc::clone(&bands);
        let worker = thread::spawn(move || {
            theirs.take(1).into_iter().for_each(Lone::run);
        });
        bands.take(2).into_iter().for_each(Lone::run);
        worker.join().unwrap();
        answer_left(&bands);
        answered([one.0, two.0], &runs);
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    });
}
