//! Streams of jobs, and what draws from them.

mod callbacks;
mod choosing;
mod ending;
mod model;
mod nesting;
mod sharing;
mod soak;

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use hivework::{Draw, Scheduler, Slots, Stream, StreamScheduler, WorkError, WorkHandle, make_job};

use crate::support::{eventually, join, latch, receive, scheduler};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// A closure that says so.
    fn saying(&self, what: impl Into<String>) -> impl FnOnce() + Send + 'static {
        let (log, what) = (self.clone(), what.into());
        move || log.say(what)
    }
}

fn slots(count: usize) -> Slots {
    Slots::new(count).unwrap()
}

fn streams_of(scheduler: &Scheduler, count: usize, draw: Draw) -> StreamScheduler {
    StreamScheduler::builder(scheduler, &slots(count))
        .draw(draw)
        .build()
        .unwrap()
}

/// A job of the stream that has a slot and keeps it until its sender goes or sends.
fn blocker(stream: &Stream) -> (WorkHandle<()>, Sender<()>) {
    let (open, gate) = latch::<()>();
    let (tell, told) = latch();
    let job = stream.put(make_job(move || {
        tell.send(()).unwrap();
        // A gate that is dropped opens as well.
        let _ = gate.recv();
    }));
    receive(&told);
    (job, open)
}

#[test]
fn a_job_is_a_work() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("one").open().unwrap();
    assert_eq!(join(stream.put(|| 6 * 7)).unwrap(), 42);
    let failed = join(stream.put(|| panic!("no"))).unwrap_err();
    assert_eq!(failed.panic_message(), Some("no"));
    eventually("slot home", || streams.slots().free() == 1);
    assert_eq!((stream.len(), stream.running()), (0, 0));
    assert_eq!(stream.name(), "one");
}

#[test]
fn no_more_run_than_there_are_slots() {
    let scheduler = scheduler(4);
    let streams = streams_of(&scheduler, 2, Draw::StrictPriority);
    let stream = streams.stream("few").open().unwrap();
    let now = Arc::new(Mutex::new((0, 0)));
    let jobs: Vec<_> = (0..200)
        .map(|_| {
            let now = Arc::clone(&now);
            stream.put(move || {
                {
                    let mut now = now.lock().unwrap();
                    now.0 += 1;
                    now.1 = now.1.max(now.0);
                }
                std::thread::yield_now();
                now.lock().unwrap().0 -= 1;
            })
        })
        .collect();
    for job in jobs {
        join(job).unwrap();
    }
    assert!(now.lock().unwrap().1 <= 2);
    eventually("slots home", || streams.slots().free() == 2);
}

#[test]
fn a_paused_stream_keeps_its_jobs_and_lets_those_that_run_end() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 2, Draw::StrictPriority);
    let stream = streams.stream("paused").open().unwrap();
    let (running, gate) = blocker(&stream);
    assert!(stream.pause());
    assert!(!stream.pause(), "it is paused already");
    let log = Log::default();
    let waiting = stream.put(log.saying("ran"));
    drop(gate);
    join(running).unwrap();
    eventually("slots home", || streams.slots().free() == 2);
    assert_eq!((stream.len(), log.take().len()), (1, 0));
    assert!(stream.activate());
    join(waiting).unwrap();
    assert_eq!(log.take(), ["ran"]);
}

#[test]
fn what_is_put_in_a_transaction_that_does_not_commit_leaves_no_trace() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let log = Log::default();
    let aborted = log.clone();
    let stream = streams
        .stream("transactions")
        .on_job_aborted(move |_, _| aborted.say("aborted"))
        .open()
        .unwrap();
    let mut lost = None;
    let told = log.clone();
    let refused = hivework::atomically_or(|tx| {
        let told = told.clone();
        lost = Some(stream.put_in(tx, move || told.say("ran"))?);
        hivework::abort::<(), _>("no")
    });
    assert_eq!(refused, Err("no"));
    assert!(matches!(join(lost.unwrap()), Err(WorkError::Cancelled)));
    assert_eq!((stream.len(), stream.running()), (0, 0));
    let kept = hivework::atomically(|tx| {
        let log = log.clone();
        stream.put_in(tx, move || log.say("kept"))
    });
    join(kept).unwrap();
    assert_eq!(log.take(), ["kept"]);
}

#[test]
fn pausing_and_activating_are_parts_of_transactions() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let (one, other) = (
        streams.stream("one").open().unwrap(),
        streams.stream("other").paused().open().unwrap(),
    );
    let waiting = other.put(|| "ran");
    hivework::atomically(|tx| {
        assert!(one.pause_in(tx)?);
        other.activate_in(tx)
    });
    assert_eq!(join(waiting).unwrap(), "ran");
    assert!(!one.is_active() && other.is_active());
}
