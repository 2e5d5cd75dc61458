//! Walks through what the README of emacs-async-scheduler says of jobs, workstreams and schedulers, line
//! by line, and through what its predecessor got wrong.
//!
//! Each line is run and looked at; it prints what was seen. The program ends with 0 only
//! if every one of them held.
//!
//!     cargo run --release --example workstreams

use std::error::Error;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hivework::{
    Draw, Next, Scheduler, Slots, Stream, StreamScheduler, WorkError, WorkHandle, make_job,
};

/// What was seen, or why the line does not hold.
type Seen = Result<String, Box<dyn Error>>;

/// Longer than anything here takes on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line of the README and what shows it.
type Line = (&'static str, fn() -> Seen);

const LINES: &[Line] = &[
    (
        "a job is told when its workstream is activated and deactivated",
        a_job_is_told_of_its_stream,
    ),
    (
        "a job is told when it begins, ends, or is aborted, possibly prior to running",
        a_job_is_told_of_itself,
    ),
    (
        "a workstream may be assigned a priority",
        a_stream_has_a_priority,
    ),
    (
        "a workstream implements a user-specified strategy for its next job",
        a_stream_has_a_strategy,
    ),
    (
        "a workstream is told when it becomes empty, after some of its jobs have run",
        a_stream_is_emptied,
    ),
    (
        "a scheduler's running jobs are bounded by some constant",
        the_running_are_bounded,
    ),
    (
        "from an inactive workstream nothing is drawn, and what runs goes on",
        an_inactive_stream_is_left_alone,
    ),
    (
        "a scheduler implements a specified strategy for which workstream is next",
        a_scheduler_has_a_strategy,
    ),
    (
        "a subordinate scheduler with one slot and a queue runs tasks one after the other",
        a_subordinate_is_sequential,
    ),
    (
        "a pending job that is cancelled leaves its workstream and never runs",
        a_cancelled_job_never_runs,
    ),
    (
        "to cancel a job that has finished calls nobody",
        a_finished_job_is_not_cancelled,
    ),
];

fn main() -> ExitCode {
    let mut failed = 0;
    for (says, shown) in LINES {
        match shown() {
            Ok(seen) => println!("  ok  {says}\n      {seen}"),
            Err(error) => {
                failed += 1;
                println!("  NO  {says}\n      {error}");
            }
        }
    }
    if failed == 0 {
        println!("\nEvery line held.");
        ExitCode::SUCCESS
    } else {
        println!("\n{failed} lines did not hold.");
        ExitCode::FAILURE
    }
}

/// `seen`, if what was to be is so.
fn saw(held: bool, seen: impl Into<String>) -> Seen {
    let seen = seen.into();
    if held { Ok(seen) } else { Err(seen.into()) }
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn say(&self, what: &str) {
        if let Ok(mut log) = self.0.lock() {
            log.push(what.to_owned());
        }
    }

    fn saying(&self, what: &'static str) -> impl FnOnce() + Send + 'static {
        let log = self.clone();
        move || log.say(what)
    }

    fn all(&self) -> String {
        self.0.lock().map(|log| log.join(", ")).unwrap_or_default()
    }
}

/// A scheduler of streams with so many slots, and what it runs on.
fn streams(slots: usize, draw: Draw) -> Result<(Scheduler, StreamScheduler), Box<dyn Error>> {
    let scheduler = Scheduler::builder().workers(4).start()?;
    let streams = StreamScheduler::builder(&scheduler, &Slots::new(slots)?);
    let streams = streams.draw(draw).build()?;
    Ok((scheduler, streams))
}

/// A job that has begun, and ends when its gate goes.
fn begun(stream: &Stream) -> Result<(WorkHandle<()>, Sender<()>), Box<dyn Error>> {
    let (gate, closed): (_, Receiver<()>) = channel();
    let (tell, told) = channel();
    let job = stream.put(move || {
        let _ = tell.send(());
        let _ = closed.recv();
    });
    told.recv_timeout(PATIENCE)?;
    Ok((job, gate))
}

fn a_job_is_told_of_its_stream() -> Seen {
    let (scheduler, streams) = streams(1, Draw::StrictPriority)?;
    let log = Log::default();
    let (on, off) = (log.clone(), log.clone());
    let stream = streams.stream("mail").paused().open()?;
    let job = make_job(log.saying("ran"))
        .on_activate(move |_| on.say("activated"))
        .on_pause(move |_| off.say("deactivated"));
    let job = stream.put(job);
    // So that it does not begin in between.
    let other = streams.stream("busy").open()?;
    let (busy, gate) = begun(&other)?;
    stream.activate();
    stream.pause();
    stream.activate();
    drop(gate);
    busy.join()?;
    job.join()?;
    drop(scheduler);
    let seen = log.all();
    saw(seen == "activated, deactivated, activated, ran", seen)
}

fn a_job_is_told_of_itself() -> Seen {
    let (scheduler, streams) = streams(1, Draw::StrictPriority)?;
    let log = Log::default();
    let stream = streams.stream("mail").open()?;
    let told = |name: &'static str| {
        let (begin, end, abort) = (log.clone(), log.clone(), log.clone());
        make_job(|| ())
            .on_start(move |_| begin.say(&format!("{name} begins")))
            .on_end(move |_, how| end.say(&format!("{name} ended: {how:?}")))
            .on_abort(move |_, how| abort.say(&format!("{name} aborted: {how:?}")))
    };
    stream.put(told("one")).join()?;
    stream.pause();
    let other = stream.put(told("other"));
    other.cancel();
    scheduler.drain(PATIENCE)?;
    let seen = log.all();
    let expected = "one begins, one ended: Success, other aborted: Terminated";
    // The handle of the first is answered before its end is told.
    let same = seen.len() == expected.len() && expected.split(", ").all(|part| seen.contains(part));
    saw(same, seen)
}

fn a_stream_has_a_priority() -> Seen {
    let (_scheduler, streams) = streams(1, Draw::StrictPriority)?;
    let (low, high) = (
        streams.stream("low").priority(1).open()?,
        streams.stream("high").priority(2).open()?,
    );
    let (first, gate) = begun(&low)?;
    let log = Log::default();
    let jobs = [
        low.put(log.saying("low")),
        high.put(log.saying("high")),
        high.put(log.saying("high")),
    ];
    drop(gate);
    first.join()?;
    for job in jobs {
        job.join()?;
    }
    saw(log.all() == "high, high, low", log.all())
}

fn a_stream_has_a_strategy() -> Seen {
    let (_scheduler, streams) = streams(1, Draw::StrictPriority)?;
    let shortest = Next::own(|jobs| {
        let shortest = jobs.iter().min_by_key(|job| job.name().map(str::len));
        shortest.map_or(0, |job| job.id())
    });
    let stream = streams.stream("names").next(shortest).paused().open()?;
    let log = Log::default();
    let jobs = ["Marguerite", "Al", "Bertha"].map(|name| {
        let job = make_job(log.saying(name)).name(name);
        stream.put(job)
    });
    stream.activate();
    for job in jobs {
        job.join()?;
    }
    saw(log.all() == "Al, Bertha, Marguerite", log.all())
}

fn a_stream_is_emptied() -> Seen {
    let (scheduler, streams) = streams(2, Draw::StrictPriority)?;
    let log = Log::default();
    let told = log.clone();
    let stream = streams
        .stream("pages")
        .on_emptied(move |stream| told.say(&format!("{} emptied", stream.name())))
        .open()?;
    stream.pause();
    stream.put(|| ()).cancel();
    let before = log.all();
    stream.activate();
    let jobs: Vec<_> = (0..10).map(|_| stream.put(|| ())).collect();
    for job in jobs {
        job.join()?;
    }
    scheduler.drain(PATIENCE)?;
    let seen = log.all();
    saw(before.is_empty() && seen.ends_with("pages emptied"), seen)
}

fn the_running_are_bounded() -> Seen {
    let (_scheduler, streams) = streams(2, Draw::StrictPriority)?;
    let stream = streams.stream("few").open()?;
    let (a, gate) = begun(&stream)?;
    let (b, other) = begun(&stream)?;
    let third = stream.put(|| ());
    let held = (stream.running(), stream.len(), streams.slots().free());
    drop((gate, other));
    a.join()?;
    b.join()?;
    third.join()?;
    saw(
        held == (2, 1, 0),
        format!("running, waiting, free slots: {held:?}"),
    )
}

fn an_inactive_stream_is_left_alone() -> Seen {
    let (_scheduler, streams) = streams(2, Draw::StrictPriority)?;
    let stream = streams.stream("news").open()?;
    let (runs, gate) = begun(&stream)?;
    stream.pause();
    let waits = stream.put(|| "later");
    drop(gate);
    runs.join()?;
    let other = streams.stream("other").open()?;
    let meanwhile = other.put(|| "meanwhile").join()?;
    let waiting = stream.len();
    stream.activate();
    let seen = format!("{waiting} waiting, {meanwhile}, {}", waits.join()?);
    saw(seen == "1 waiting, meanwhile, later", seen)
}

fn a_scheduler_has_a_strategy() -> Seen {
    let by_name = Draw::own(|streams| {
        let last = streams.iter().max_by_key(|one| one.stream.name.clone());
        last.map_or(0, |one| one.stream.id)
    });
    let (_scheduler, streams) = streams(1, by_name)?;
    let gate = streams.stream("gate").open()?;
    let (first, open) = begun(&gate)?;
    let log = Log::default();
    let mut jobs = Vec::new();
    for name in ["a", "c", "b"] {
        jobs.push(streams.stream(name).open()?.put(log.saying(name)));
    }
    drop(open);
    first.join()?;
    for job in jobs {
        job.join()?;
    }
    saw(log.all() == "c, b, a", log.all())
}

fn a_subordinate_is_sequential() -> Seen {
    let (_scheduler, streams) = streams(4, Draw::StrictPriority)?;
    let disk = streams.stream("disk").open()?;
    let disk = StreamScheduler::subordinate(&disk, 1, Draw::StrictPriority)?;
    let queue = disk.stream("queue").open()?;
    let at_once = Arc::new(Mutex::new((0, 0)));
    let jobs: Vec<_> = (0..100)
        .map(|_| {
            let at_once = Arc::clone(&at_once);
            let step = move |by: i32| {
                if let Ok(mut seen) = at_once.lock() {
                    seen.0 += by;
                    seen.1 = seen.1.max(seen.0);
                }
            };
            queue.put(move || {
                step(1);
                std::thread::yield_now();
                step(-1);
            })
        })
        .collect();
    for job in jobs {
        job.join()?;
    }
    let most = at_once.lock().map(|seen| seen.1).unwrap_or(0);
    saw(most == 1, format!("{most} at a time"))
}

fn a_cancelled_job_never_runs() -> Seen {
    let (scheduler, streams) = streams(1, Draw::StrictPriority)?;
    let stream = streams.stream("mail").open()?;
    let (first, gate) = begun(&stream)?;
    let log = Log::default();
    let job = stream.put(log.saying("ran"));
    job.cancel();
    let left = stream.len();
    drop(gate);
    first.join()?;
    scheduler.drain(PATIENCE)?;
    let answer = matches!(job.join(), Err(WorkError::Cancelled));
    let seen = format!("{left} waiting, cancelled: {answer}, {:?}", log.all());
    saw(seen == "0 waiting, cancelled: true, \"\"", seen)
}

fn a_finished_job_is_not_cancelled() -> Seen {
    let (scheduler, streams) = streams(1, Draw::StrictPriority)?;
    let stream = streams.stream("mail").open()?;
    let log = Log::default();
    let abort = log.clone();
    let mut job = stream.put(make_job(|| ()).on_abort(move |_, _| abort.say("aborted")));
    let done = job.join_timeout(PATIENCE).is_some();
    let cancelled = job.cancel();
    scheduler.drain(PATIENCE)?;
    let seen = format!("done: {done}, cancelled: {cancelled}, {:?}", log.all());
    saw(seen == "done: true, cancelled: false, \"\"", seen)
}
