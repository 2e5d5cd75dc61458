//! What overtakes what, and that nothing waits for ever. Orders are asserted exactly, with
//! one worker and no transport between.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use hivework::{Priority, Scheduler, TryPutError, Work, make_work};

use crate::support::{join, latch, receive, scheduler, stopped_scheduler};

/// More turns than anything has to wait for its own.
const TURNS: usize = 200;

fn one_worker() -> Scheduler {
    Scheduler::builder().workers(1).build().unwrap()
}

#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<usize>>>);

impl Order {
    fn work(&self, number: usize, priority: Priority) -> Work<()> {
        let order = self.clone();
        make_work(move || order.0.lock().unwrap().push(number)).priority(priority)
    }

    fn so_far(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn an_urgent_work_overtakes_a_thousand_that_can_wait() {
    let (scheduler, order) = (one_worker(), Order::default());
    let mut handles: Vec<_> = (1..=1000)
        .map(|number| scheduler.put_work(order.work(number, Priority::Low)))
        .collect();
    handles.push(scheduler.put_work(order.work(0, Priority::High)));
    scheduler.start().unwrap();
    for handle in handles {
        join(handle).unwrap();
    }
    assert_eq!(order.so_far(), (0..=1000).collect::<Vec<_>>());
}

#[test]
fn an_urgent_work_overtakes_what_its_worker_has_taken_already() {
    let (scheduler, order) = (one_worker(), Order::default());
    let (reached, reaches) = latch();
    let (open, gate) = latch();
    let mut handles: Vec<_> = (0..10)
        .map(|number| scheduler.put_work(order.work(number, Priority::Normal)))
        .collect();
    handles.push(scheduler.put_work(move || {
        reached.send(()).unwrap();
        receive(&gate);
    }));
    let more = (10..50).map(|number| scheduler.put_work(order.work(number, Priority::Normal)));
    handles.extend(more);
    scheduler.start().unwrap();
    receive(&reaches);
    handles.push(scheduler.put_work(order.work(1000, Priority::High)));
    open.send(()).unwrap();
    for handle in handles {
        join(handle).unwrap();
    }
    let mut expected: Vec<_> = (0..50).collect();
    expected.insert(10, 1000);
    assert_eq!(order.so_far(), expected);
}

#[test]
fn works_of_one_priority_keep_their_order() {
    for priority in [Priority::High, Priority::Normal, Priority::Low] {
        let (scheduler, order) = (one_worker(), Order::default());
        let works = (0..50).map(|number| order.work(number, priority));
        let handles = scheduler.put_batch(works);
        scheduler.start().unwrap();
        for handle in handles {
            join(handle).unwrap();
        }
        assert_eq!(order.so_far(), (0..50).collect::<Vec<_>>(), "{priority:?}");
    }
}

/// Puts itself again and again, until `over` or far too often.
fn keep_coming(scheduler: Scheduler, turns: Arc<AtomicUsize>, over: Sender<usize>) {
    let turn = turns.fetch_add(1, Ordering::SeqCst);
    if turn >= 10 * TURNS {
        // The test has failed by then.
        let _ = over.send(turn);
        return;
    }
    let again = scheduler.clone();
    let work = make_work(move || keep_coming(again, turns, over)).priority(Priority::High);
    scheduler.put_work(work);
}

#[test]
fn whatever_can_wait_has_its_turn_though_urgent_works_keep_coming() {
    for priority in [Priority::Low, Priority::Normal] {
        let (scheduler, turns) = (one_worker(), Arc::new(AtomicUsize::new(0)));
        let (ran, runs) = latch();
        let (theirs, first) = (Arc::clone(&turns), scheduler.clone());
        let over = ran.clone();
        let urgent = make_work(move || keep_coming(first, theirs, over));
        scheduler.put_work(urgent.priority(Priority::High));
        let work = make_work(move || ran.send(turns.load(Ordering::SeqCst)).unwrap());
        scheduler.put_work(work.priority(priority));
        scheduler.start().unwrap();
        let turn = receive(&runs);
        assert!(turn < TURNS, "{priority:?} ran after {turn} turns");
    }
}

#[test]
fn what_waits_long_has_its_turn_more_often() {
    let (scheduler, order) = (one_worker(), Order::default());
    // 0 stands for what comes all the time, and there is enough of it.
    let usual = (0..3000).map(|_| order.work(0, Priority::Normal));
    let mut handles = scheduler.put_batch(usual);
    handles.extend(scheduler.put_batch((1..=100).map(|n| order.work(n, Priority::Low))));
    scheduler.start().unwrap();
    for handle in handles {
        join(handle).unwrap();
    }
    let order = order.so_far();
    let place = |number| order.iter().position(|&ran| ran == number).unwrap();
    assert!(place(1) < TURNS);
    assert!(place(2) - place(1) <= place(1), "no sooner than the first");
    assert!(place(100) < 1500, "its share does not grow");
    assert!(place(100) - place(99) >= 5, "the usual has all but stopped");
}

#[test]
fn the_capacity_is_over_all_priorities() {
    let scheduler = Scheduler::builder()
        .workers(1)
        .queue_capacity(2)
        .build()
        .unwrap();
    let order = Order::default();
    let mut handles = vec![
        scheduler.put_work(order.work(3, Priority::Low)),
        scheduler.put_work(order.work(1, Priority::High)),
    ];
    let declined = scheduler.try_put_work(order.work(2, Priority::Normal));
    let Err(TryPutError::Full(work)) = declined else {
        panic!("a third work, of whatever priority, is beyond the capacity");
    };
    scheduler.start().unwrap();
    for handle in handles.drain(..) {
        join(handle).unwrap();
    }
    // What came back is as good as new.
    join(scheduler.put_work(work)).unwrap();
    assert_eq!(order.so_far(), [1, 3, 2]);
}

#[test]
fn a_batch_of_all_priorities_runs() {
    let scheduler = scheduler(2);
    let order = Order::default();
    let kinds = [
        Priority::Low,
        Priority::High,
        Priority::Normal,
        Priority::Normal,
    ];
    let works = (0..400).map(|number| order.work(number, kinds[number % 4]));
    for handle in scheduler.put_batch(works) {
        join(handle).unwrap();
    }
    let mut ran = order.so_far();
    ran.sort_unstable();
    assert_eq!(ran, (0..400).collect::<Vec<_>>());
}

/// Puts a work when it is dropped.
struct PutsOnDrop(Scheduler, Sender<&'static str>);

impl Drop for PutsOnDrop {
    fn drop(&mut self) {
        let told = self.1.clone();
        self.0
            .put_work(move || told.send("put from a Drop").unwrap());
    }
}

#[test]
fn a_drop_puts_work() {
    let scheduler = scheduler(1);
    let (told, tells) = latch();
    let puts = PutsOnDrop(scheduler.clone(), told);
    // On a worker, as what a closure has taken along, and as a result that nobody takes.
    scheduler.put_work(move || puts);
    assert_eq!(receive(&tells), "put from a Drop");
}

thread_local! {
    static AT_THE_END: RefCell<Option<PutsOnDrop>> = const { RefCell::new(None) };
}

#[test]
fn a_thread_local_destructor_puts_work() {
    let scheduler = scheduler(1);
    let (told, tells) = latch();
    let puts = PutsOnDrop(scheduler.clone(), told);
    let thread = std::thread::spawn(move || {
        AT_THE_END.with(|place| *place.borrow_mut() = Some(puts));
        // So that the engine's own thread-local is there, and goes as well.
        hivework::TVar::new(1).store(2);
    });
    thread.join().unwrap();
    assert_eq!(receive(&tells), "put from a Drop");
}

#[test]
fn a_thread_local_destructor_of_a_worker_puts_work_for_the_next_run() {
    let scheduler = scheduler(1);
    let (told, tells) = latch();
    let puts = PutsOnDrop(scheduler.clone(), told);
    let work = move || AT_THE_END.with(|place| *place.borrow_mut() = Some(puts));
    join(scheduler.put_work(work)).unwrap();
    scheduler.stop().unwrap();
    assert_eq!(scheduler.stats().queued, 1);
    scheduler.start().unwrap();
    assert_eq!(receive(&tells), "put from a Drop");
}

#[test]
fn work_put_to_a_stopped_scheduler_is_answered_when_it_goes() {
    let scheduler = stopped_scheduler(1);
    let works = [Priority::Low, Priority::Normal, Priority::High];
    let handles = works.map(|priority| scheduler.put_work(make_work(|| ()).priority(priority)));
    drop(scheduler);
    for handle in handles {
        assert!(matches!(join(handle), Err(hivework::WorkError::Stopped)));
    }
}
