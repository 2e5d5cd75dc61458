//! Futures on the workers: polled when they are woken, whoever wakes them.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hivework::internals::Crash;
use hivework::{
    Drained, Scheduler, TVar, WorkError, atomically, atomically_async, check, make_future,
};

use crate::support::{BOUND, block_on, eventually, join, latch, receive, scheduler};

/// A flag that can be awaited, with the waker in reach.
#[derive(Clone, Default)]
struct Signal(Arc<Mutex<(bool, Option<Waker>)>>);

impl Signal {
    fn set(&self) {
        let waker = {
            let mut inside = self.0.lock().unwrap();
            inside.0 = true;
            inside.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn waker(&self) -> Option<Waker> {
        self.0.lock().unwrap().1.clone()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut inside = self.0.lock().unwrap();
        if inside.0 {
            return Poll::Ready(());
        }
        inside.1 = Some(context.waker().clone());
        Poll::Pending
    }

    async fn wait(self) {
        poll_fn(|context| self.poll(context)).await;
    }
}

fn all_wait(scheduler: &Scheduler, count: u64) {
    eventually("all of them wait", || scheduler.stats().waiting == count);
}

/// Goes to the back of the queue, this often.
async fn yields(times: usize) {
    let mut left = times;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Says so when it is dropped.
struct Dropped(std::sync::mpsc::Sender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_future_is_run_and_its_handle_answers() {
    let scheduler = scheduler(2);
    assert_eq!(join(scheduler.spawn(async { 6 * 7 })).unwrap(), 42);
    assert_eq!(
        block_on(scheduler.spawn(async { "awaited" })).unwrap(),
        "awaited"
    );
    let waited = scheduler.spawn(async { 3 });
    assert_eq!(atomically(|tx| waited.wait_in(tx)).unwrap(), 3);
}

#[test]
fn a_future_that_waits_leaves_its_worker_free() {
    let scheduler = scheduler(1);
    let signal = Signal::default();
    let waiting = scheduler.spawn(signal.clone().wait());
    all_wait(&scheduler, 1);
    join(scheduler.put_work(move || signal.set())).unwrap();
    join(waiting).unwrap();
    assert_eq!(scheduler.stats().workers.len(), 1, "a spare was made");
}

#[test]
fn a_future_awaits_works_and_other_futures() {
    let scheduler = scheduler(2);
    let inner = scheduler.clone();
    let sum = scheduler.spawn(async move {
        let (one, two) = (inner.put_work(|| 1), inner.spawn(async { 2 }));
        one.await.unwrap() + two.await.unwrap()
    });
    assert_eq!(join(sum).unwrap(), 3);
}

#[test]
fn a_future_that_awaits_itself_is_told_so() {
    let scheduler = scheduler(1);
    let ((give, take), (tell, told)) = (latch(), latch());
    let work = scheduler.spawn(async move {
        let own: hivework::WorkHandle<()> = receive(&take);
        tell.send(own.await).unwrap();
    });
    give.send(work).unwrap();
    assert!(matches!(receive(&told), Err(WorkError::WouldDeadlock)));
}

#[test]
fn a_wake_up_during_a_poll_is_not_lost() {
    let rounds = if cfg!(miri) { 10 } else { 2000 };
    let scheduler = scheduler(2);
    for _ in 0..rounds {
        let signal = Signal::default();
        let waiting = scheduler.spawn(signal.clone().wait());
        signal.set();
        join(waiting).unwrap();
    }
}

#[test]
fn wakes_from_any_thread_are_answered_by_a_poll_that_comes_after_them() {
    const WAKES: u64 = if cfg!(miri) { 20 } else { 2000 };
    let scheduler = scheduler(2);
    let (count, signal) = (Arc::new(AtomicU64::new(0)), Signal::default());
    let (seen, parts) = (Arc::clone(&count), signal.clone());
    let waiting = scheduler.spawn(poll_fn(move |context| {
        let _ = parts.poll(context);
        if seen.load(Ordering::Relaxed) == 3 * WAKES {
            return Poll::Ready(());
        }
        Poll::Pending
    }));
    all_wait(&scheduler, 1);
    let waker = signal.waker().unwrap();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (count, waker) = (Arc::clone(&count), waker.clone());
            std::thread::spawn(move || {
                for _ in 0..WAKES {
                    count.fetch_add(1, Ordering::Relaxed);
                    waker.wake_by_ref();
                }
            })
        })
        .collect();
    join(waiting).unwrap();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_future_that_wakes_itself_in_each_poll_starves_nobody() {
    let scheduler = scheduler(1);
    let signal = Signal::default();
    let stop = signal.clone();
    // Wakes itself for ever, until somebody else has had his turn.
    let selfish = scheduler.spawn(poll_fn(move |context| {
        context.waker().wake_by_ref();
        stop.poll(context)
    }));
    let inner = scheduler.clone();
    let polite = scheduler.put_work(move || {
        // From a worker: onto the very deque that the selfish one goes onto.
        inner.put_work(move || signal.set());
    });
    join(polite).unwrap();
    join(selfish).unwrap();
}

#[test]
fn a_woken_future_is_not_hidden_behind_the_work_that_woke_it() {
    let scheduler = scheduler(2);
    let signal = Signal::default();
    let (open, gate) = latch();
    let (theirs, done) = (signal.clone(), open.clone());
    let waiting = scheduler.spawn(async move {
        theirs.wait().await;
        done.send(()).unwrap();
    });
    all_wait(&scheduler, 1);
    // The one that wakes it holds its worker, unannounced, until it has run.
    let waker = scheduler.spawn(async move {
        signal.set();
        receive(&gate);
    });
    join(waker).unwrap();
    join(waiting).unwrap();
}

#[test]
fn a_transaction_hides_nothing_behind_its_commit_hooks() {
    let scheduler = scheduler(2);
    let var = TVar::new(false);
    let (open, gate) = latch();
    let theirs = var.clone();
    let waiting = scheduler.spawn(async move {
        atomically_async(|tx| check(theirs.read(tx)?)).await;
        open.send(()).unwrap();
    });
    all_wait(&scheduler, 1);
    let gate = Arc::new(Mutex::new(gate));
    let waker = scheduler.put_transaction(move |tx| {
        let gate = Arc::clone(&gate);
        tx.on_commit(move || receive(&gate.lock().unwrap()));
        var.write(tx, true)
    });
    join(waker).unwrap();
    join(waiting).unwrap();
}

#[test]
fn a_panic_in_a_later_poll_arrives() {
    let scheduler = scheduler(1);
    let work = scheduler.spawn(async {
        yields(3).await;
        panic!("third time lucky");
    });
    let error = join(work).unwrap_err();
    assert_eq!(error.panic_message(), Some("third time lucky"));
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn a_cancelled_future_is_dropped_where_it_is_suspended() {
    let scheduler = scheduler(1);
    let (sender, dropped) = latch();
    let witness = Dropped(sender);
    let work = scheduler.spawn(async move {
        let _witness = witness;
        pending::<()>().await;
    });
    all_wait(&scheduler, 1);
    assert!(work.cancel());
    assert!(dropped.try_recv().is_ok(), "it is still there");
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
}

#[test]
fn a_future_cancelled_while_it_runs_is_dropped_when_it_suspends() {
    let scheduler = scheduler(1);
    let (sender, dropped) = latch();
    let witness = Dropped(sender);
    let ((begun, begins), (open, gate)) = (latch(), latch());
    let work = scheduler.spawn(async move {
        let _witness = witness;
        begun.send(()).unwrap();
        receive(&gate);
        pending::<()>().await;
    });
    receive(&begins);
    assert!(work.cancel());
    assert!(dropped.try_recv().is_err(), "dropped while it runs");
    open.send(()).unwrap();
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
    receive(&dropped);
}

#[test]
fn a_future_that_is_ready_before_it_suspends_answers_in_spite_of_a_cancel() {
    let scheduler = scheduler(1);
    let ((begun, begins), (open, gate)) = (latch(), latch());
    let work = scheduler.spawn(async move {
        begun.send(()).unwrap();
        receive(&gate);
        5
    });
    receive(&begins);
    assert!(work.cancel());
    open.send(()).unwrap();
    assert_eq!(join(work).unwrap(), 5);
}

#[test]
fn a_handle_that_cancels_on_drop_does_and_can_be_defused() {
    let scheduler = scheduler(1);
    let (sender, dropped) = latch();
    let witness = Dropped(sender);
    let work = scheduler.spawn(async move {
        let _witness = witness;
        pending::<()>().await;
    });
    all_wait(&scheduler, 1);
    let guard = work.cancel_on_drop();
    assert!(guard.name().is_none());
    drop(guard);
    receive(&dropped);

    let signal = Signal::default();
    let kept = scheduler
        .spawn(signal.clone().wait())
        .cancel_on_drop()
        .detach();
    signal.set();
    join(kept).unwrap();
    assert_eq!(
        block_on(scheduler.spawn(async { 1 }).cancel_on_drop()).unwrap(),
        1
    );
    assert_eq!(
        scheduler
            .spawn(async { 2 })
            .cancel_on_drop()
            .join()
            .unwrap(),
        2
    );
}

#[test]
fn a_handle_that_cancels_on_drop_may_go_inside_a_transaction() {
    let scheduler = scheduler(1);
    let mut guard = Some(scheduler.spawn(pending::<()>()).cancel_on_drop());
    atomically(|_| {
        guard = None;
        Ok(())
    });
    eventually("it is cancelled", || scheduler.stats().cancelled == 1);
}

#[test]
fn a_future_whose_drop_panics_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let scheduler = scheduler(1);
    let bomb = Bomb;
    let work = scheduler.spawn(async move {
        let _bomb = &bomb;
        pending::<()>().await;
    });
    all_wait(&scheduler, 1);
    assert!(work.cancel());
    assert!(matches!(join(work), Err(WorkError::Cancelled)));
    assert_eq!(join(scheduler.spawn(async { 1 })).unwrap(), 1);
}

#[test]
fn a_waker_may_outlive_its_future_and_its_scheduler() {
    let scheduler = scheduler(1);
    let signal = Signal::default();
    let done = signal.clone();
    let work = scheduler.spawn(signal.clone().wait());
    all_wait(&scheduler, 1);
    let waker = signal.waker().unwrap();
    done.set();
    join(work).unwrap();
    waker.wake_by_ref();

    let lost = Signal::default();
    let work = scheduler.spawn(lost.clone().wait());
    all_wait(&scheduler, 1);
    drop(scheduler);
    assert!(matches!(join(work), Err(WorkError::Stopped)));
    let other = lost.waker().unwrap();
    std::thread::spawn(move || {
        waker.wake();
        other.wake_by_ref();
        drop(other);
    })
    .join()
    .unwrap();
    lost.set();
}

#[test]
fn a_waker_may_be_called_and_dropped_by_a_thread_that_is_ending() {
    struct AtTheEnd(Option<Signal>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            self.0.take().unwrap().set();
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
    }
    let scheduler = scheduler(1);
    let signal = Signal::default();
    let work = scheduler.spawn(signal.clone().wait());
    all_wait(&scheduler, 1);
    std::thread::spawn(move || {
        LAST.with(|last| *last.borrow_mut() = Some(AtTheEnd(Some(signal))));
    })
    .join()
    .unwrap();
    join(work).unwrap();
}

#[test]
fn a_waker_may_be_called_inside_a_transaction() {
    let scheduler = scheduler(1);
    let signal = Signal::default();
    let work = scheduler.spawn(signal.clone().wait());
    all_wait(&scheduler, 1);
    atomically(|_| {
        signal.set();
        Ok(())
    });
    join(work).unwrap();
}

#[test]
fn a_future_woken_while_the_scheduler_is_stopped_goes_on_after_the_start() {
    let scheduler = scheduler(1);
    let signal = Signal::default();
    let work = scheduler.spawn(signal.clone().wait());
    all_wait(&scheduler, 1);
    scheduler.stop().unwrap();
    signal.set();
    assert_eq!(scheduler.stats().waiting, 0);
    scheduler.start().unwrap();
    join(work).unwrap();
}

#[test]
fn stops_and_wakes_that_meet_lose_nothing() {
    let rounds = if cfg!(miri) { 3 } else { 100 };
    let scheduler = scheduler(2);
    for _ in 0..rounds {
        let signal = Signal::default();
        let work = scheduler.spawn(async move {
            yields(20).await;
            signal.wait().await;
        });
        let signal = Signal::default();
        let other = scheduler.spawn(signal.clone().wait());
        let waker = std::thread::spawn(move || signal.set());
        scheduler.stop().unwrap();
        waker.join().unwrap();
        scheduler.start().unwrap();
        join(other).unwrap();
        work.cancel();
        assert!(matches!(join(work), Err(WorkError::Cancelled)));
    }
}

#[test]
fn a_drain_waits_for_futures_within_its_limit() {
    let scheduler = scheduler(1);
    let signal = Signal::default();
    let work = scheduler.spawn(signal.clone().wait());
    all_wait(&scheduler, 1);
    let drained = scheduler.drain(Duration::from_millis(20));
    assert_eq!(drained, Err(Drained::TimedOut { queued: 1 }));
    scheduler.start().unwrap();
    let drainer = {
        let scheduler = scheduler.clone();
        std::thread::spawn(move || scheduler.drain(BOUND))
    };
    eventually("the drain", || scheduler.try_put_work(|| ()).is_err());
    signal.set();
    drainer.join().unwrap().unwrap();
    join(work).unwrap();
}

#[test]
fn the_last_handles_drop_answers_futures_that_run_and_then_suspend() {
    let scheduler = scheduler(2);
    let (begun, begins) = latch();
    let (open, gate) = latch();
    let work = scheduler.spawn(async move {
        begun.send(()).unwrap();
        receive(&gate);
        pending::<()>().await;
    });
    receive(&begins);
    let closer = std::thread::spawn(move || drop(scheduler));
    open.send(()).unwrap();
    closer.join().unwrap();
    assert!(matches!(join(work), Err(WorkError::Stopped)));
}

#[test]
fn a_worker_that_dies_in_a_poll_answers_lost() {
    let scheduler = scheduler(1);
    let work = scheduler.spawn(async {
        yields(2).await;
        std::panic::resume_unwind(Box::new(Crash));
    });
    assert!(matches!(join(work), Err(WorkError::Lost(_))));
    assert_eq!(join(scheduler.spawn(async { 1 })).unwrap(), 1);
}

#[test]
fn a_future_has_a_name_a_deadline_and_callbacks() {
    let scheduler = scheduler(1);
    let (told, hears) = latch();
    let work = make_future(pending::<u32>())
        .name("endless")
        .deadline(Duration::from_millis(20))
        .on_done(move |outcome| told.send(outcome.is_err()).unwrap());
    let work = scheduler.put_work(work);
    assert_eq!(work.name(), Some("endless"));
    assert!(matches!(join(work), Err(WorkError::DeadlineExceeded)));
    assert!(receive(&hears));
}

#[test]
fn tokios_channels_are_awaited_here_and_handles_are_awaited_there() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let scheduler = scheduler(2);
    let (ask, mut asked) = tokio::sync::mpsc::channel::<u32>(4);
    let (answer, mut answers) = tokio::sync::mpsc::channel::<u32>(4);
    let doubler = scheduler.spawn(async move {
        while let Some(n) = asked.recv().await {
            answer.send(2 * n).await.unwrap();
        }
        "no more"
    });
    let sum = runtime.block_on(async {
        let asker = tokio::spawn(async move {
            for n in 0..100 {
                ask.send(n).await.unwrap();
            }
        });
        let mut sum = 0;
        while let Some(n) = answers.recv().await {
            sum += n;
        }
        asker.await.unwrap();
        assert_eq!(doubler.await.unwrap(), "no more");
        sum
    });
    assert_eq!(sum, 9900);
}

#[test]
fn a_boxed_future_is_a_future() {
    let scheduler = scheduler(1);
    let boxed: Pin<Box<dyn Future<Output = u32> + Send>> = Box::pin(async { 9 });
    assert_eq!(join(scheduler.spawn(boxed)).unwrap(), 9);
}
