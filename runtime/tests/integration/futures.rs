use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hivework::WorkError;

use crate::support::{
    BOUND, Wakes, block_on, latch, poll_once, receive, scheduler, stopped_scheduler,
};

#[test]
fn a_handle_can_be_awaited_under_any_executor() {
    let scheduler = scheduler(2);
    let sum = block_on(async {
        let (one, two) = (scheduler.put_work(|| 1), scheduler.put_work(|| 2));
        one.await.unwrap() + two.await.unwrap()
    });
    assert_eq!(sum, 3);
}

#[test]
fn a_handle_can_be_awaited_under_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let scheduler = scheduler(2);
    let sum = runtime.block_on(async {
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let work = scheduler.put_work(move || n);
                tokio::spawn(async move { work.await.unwrap() })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 19_900);
}

#[test]
fn an_awaited_panic_and_a_cancelled_work_arrive() {
    let scheduler = scheduler(1);
    let panicked = block_on(scheduler.put_work(|| panic!("async")));
    assert_eq!(panicked.unwrap_err().panic_message(), Some("async"));
    scheduler.stop().unwrap();
    let work = scheduler.put_work(|| ());
    work.cancel();
    assert!(matches!(block_on(work), Err(WorkError::Cancelled)));
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_harms_nobody() {
    struct Spiteful;

    impl Wake for Spiteful {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Spiteful {
        fn drop(&mut self) {
            panic!("spite");
        }
    }

    let scheduler = stopped_scheduler(1);
    let held = Arc::new(());
    let holds = Arc::clone(&held);
    let mut work = scheduler.put_work(move || drop(holds));
    // The handle keeps the only reference.
    let waker = Waker::from(Arc::new(Spiteful));
    assert!(
        Pin::new(&mut work)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    drop(work);
    scheduler.start().unwrap();
    scheduler.drain(BOUND).unwrap();
    assert_eq!(Arc::strong_count(&held), 1, "the work was run and freed");
}

#[test]
fn a_future_that_waits_is_woken_by_a_cancel() {
    let scheduler = stopped_scheduler(1);
    let (mut work, wakes) = (scheduler.put_work(|| ()), Arc::<Wakes>::default());
    assert!(poll_once(&mut work, &wakes).is_pending());
    assert_eq!(wakes.count(), 0);
    assert!(work.cancel());
    assert_eq!(wakes.count(), 1);
    let outcome = poll_once(&mut work, &wakes);
    assert!(matches!(outcome, Poll::Ready(Err(WorkError::Cancelled))));
}

#[test]
fn a_future_that_waits_is_woken_by_the_last_handles_drop() {
    let scheduler = stopped_scheduler(1);
    let (mut work, wakes) = (scheduler.put_work(|| ()), Arc::<Wakes>::default());
    assert!(poll_once(&mut work, &wakes).is_pending());
    drop(scheduler);
    assert_eq!(wakes.count(), 1);
    let outcome = poll_once(&mut work, &wakes);
    assert!(matches!(outcome, Poll::Ready(Err(WorkError::Stopped))));
}

#[test]
fn a_handle_dropped_half_awaited_leaves_no_waker_behind() {
    let scheduler = stopped_scheduler(1);
    let (mut work, wakes) = (scheduler.put_work(|| ()), Arc::<Wakes>::default());
    assert!(poll_once(&mut work, &wakes).is_pending());
    assert_eq!(Arc::strong_count(&wakes), 2);
    drop(work);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn a_handle_dropped_half_awaited_lets_the_work_run_on() {
    let scheduler = scheduler(1);
    let (open, gate) = latch();
    let (done, ends) = latch();
    let mut work = scheduler.put_work(move || {
        receive(&gate);
        done.send(()).unwrap();
    });
    assert!(poll_once(&mut work, &Arc::default()).is_pending());
    drop(work);
    open.send(()).unwrap();
    receive(&ends);
}
