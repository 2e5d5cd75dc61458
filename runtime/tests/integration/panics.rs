use std::panic::{self, AssertUnwindSafe, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework::{Scheduler, WorkError, make_work};

use crate::support::{builder, join, scheduler};

struct PanicsOnDrop(Arc<AtomicUsize>);

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("in drop");
    }
}

/// The scheduler is whole: every worker still runs what it is given.
fn still_works(scheduler: &Scheduler) {
    let works = scheduler.put_all((0..100).map(|n| move || n));
    assert_eq!(
        works
            .into_iter()
            .map(|work| join(work).unwrap())
            .sum::<i32>(),
        4950
    );
    assert_eq!(scheduler.stats().crashed_workers, 0);
}

#[test]
fn a_panic_arrives_in_the_handle_with_its_payload() {
    let scheduler = scheduler(1);
    let Err(WorkError::Panicked(report)) = join(scheduler.put_work(|| panic_any(7u8))) else {
        panic!("no panic arrived");
    };
    let copy = report.clone();
    let payload = report.take_payload().expect("taken once");
    assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
    assert!(copy.take_payload().is_none(), "taken twice");
    let error = join(scheduler.put_work(|| panic!("text {}", 1))).unwrap_err();
    assert_eq!(error.panic_message(), Some("text 1"));
    assert!(error.to_string().contains("text 1"));
    still_works(&scheduler);
}

#[test]
fn a_panic_in_the_drop_of_a_closure_is_contained() {
    let scheduler = scheduler(1);
    let drops = Arc::new(AtomicUsize::new(0));
    let captured = PanicsOnDrop(Arc::clone(&drops));
    let error = join(scheduler.put_work(move || drop(captured))).unwrap_err();
    assert_eq!(error.panic_message(), Some("in drop"));
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    still_works(&scheduler);
}

#[test]
fn a_panic_in_the_drop_of_a_cancelled_closure_is_contained() {
    let scheduler = builder().workers(1).build().unwrap();
    let drops = Arc::new(AtomicUsize::new(0));
    let captured = PanicsOnDrop(Arc::clone(&drops));
    let work = scheduler.put_work(move || drop(captured));
    assert!(work.cancel());
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    scheduler.start().unwrap();
    still_works(&scheduler);
}

#[test]
fn a_panic_in_the_drop_of_a_detached_result_is_contained() {
    let scheduler = builder().workers(1).build().unwrap();
    let drops = Arc::new(AtomicUsize::new(0));
    let result = PanicsOnDrop(Arc::clone(&drops));
    // Detached before it begins: the worker drops the result.
    drop(scheduler.put_work(move || result));
    scheduler.start().unwrap();
    still_works(&scheduler);
    crate::support::eventually("dropped", || drops.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_panic_in_the_drop_of_a_payload_is_contained() {
    let scheduler = builder().workers(1).build().unwrap();
    let drops = Arc::new(AtomicUsize::new(0));
    let payload = PanicsOnDrop(Arc::clone(&drops));
    // Detached before it begins: the worker drops the payload.
    drop(scheduler.put_work(move || panic_any(payload)));
    scheduler.start().unwrap();
    still_works(&scheduler);
    crate::support::eventually("dropped", || drops.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_panic_in_a_callback_is_contained() {
    let scheduler = scheduler(1);
    let work = make_work(|| 5)
        .on_done(|_| panic!("callback"))
        .on_done(|_| panic!("and another"));
    assert_eq!(join(scheduler.put_work(work)).unwrap(), 5);
    still_works(&scheduler);
}

#[test]
fn a_panic_in_a_thread_hook_is_contained() {
    let calls = Arc::new(AtomicUsize::new(0));
    let (start, stop) = (Arc::clone(&calls), Arc::clone(&calls));
    let scheduler = builder()
        .workers(2)
        .on_thread_start(move |_| {
            start.fetch_add(1, Ordering::SeqCst);
            panic!("start hook");
        })
        .on_thread_stop(move |_| {
            stop.fetch_add(1, Ordering::SeqCst);
            panic!("stop hook");
        })
        .start()
        .unwrap();
    still_works(&scheduler);
    scheduler.stop().unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[test]
fn a_panic_in_a_waker_is_contained() {
    use std::task::{Context, Wake, Waker};
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("waker");
        }
    }
    let scheduler = builder().workers(1).build().unwrap();
    let mut work = scheduler.put_work(|| 3);
    let waker = Waker::from(Arc::new(Panics));
    let polled = std::pin::Pin::new(&mut work).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    scheduler.start().unwrap();
    assert_eq!(join(work).unwrap(), 3);
    still_works(&scheduler);
}

#[test]
fn a_panic_in_a_transaction_inside_work_arrives_and_rolls_back() {
    let scheduler = scheduler(1);
    let balance = hivework::TVar::new(1);
    let theirs = balance.clone();
    let error = join(scheduler.put_work(move || {
        hivework::atomically(|tx| {
            theirs.write(tx, 2)?;
            if theirs.read(tx)? == 2 {
                panic!("half way");
            }
            Ok(())
        });
    }))
    .unwrap_err();
    assert_eq!(error.panic_message(), Some("half way"));
    assert_eq!(balance.load(), 1);
    still_works(&scheduler);
}

#[test]
fn a_payload_can_be_resumed_by_the_one_who_joins() {
    let scheduler = scheduler(1);
    let Err(WorkError::Panicked(report)) = join(scheduler.put_work(|| panic_any("mine"))) else {
        panic!("no panic arrived");
    };
    let payload = report.take_payload().unwrap();
    let resumed =
        panic::catch_unwind(AssertUnwindSafe(|| panic::resume_unwind(payload))).unwrap_err();
    assert_eq!(resumed.downcast_ref(), Some(&"mine"));
}
