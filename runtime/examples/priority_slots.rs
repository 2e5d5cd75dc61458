//! What the system sched_utils does with processes, in our terms: a runner with so many slots, which runs
//! the most urgent jobs, puts out the least urgent for better ones, and ends what takes too long.
//!
//! | there | here |
//! |---|---|
//! | `ProcessTask` and its result | a job and its `JobEnd` |
//! | `PriorityRunner(size)` | a `StreamScheduler` over `Slots::new(size)` with `Evict::StrictlyWorst` |
//! | `SchedulerBin` | a stream of it that goes by `Next::Priority` |
//! | `SchedulerManager` | several of them, and a loop |
//! | a lower number is more urgent | a higher one is: `priority(-number)` |
//!
//! Each line is run and looked at; it prints what was seen. The program ends with 0 only if every
//! one of them held.
//!
//!     cargo run --release --example priority_slots

use std::error::Error;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hivework::{
    Criterion, Evict, Fate, Job, JobEnd, ManualClock, Next, Scheduler, Slots, Status, Stream,
    StreamScheduler, TVar, WorkContext, WorkError, WorkHandle, atomically, check, make_job,
    make_restartable,
};

/// Longer than anything here takes on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(60);

type Seen = Result<String, Box<dyn Error>>;

/// A line of what is shown, and what shows it.
type Line = (&'static str, fn() -> Seen);

const LINES: &[Line] = &[
    ("a job ends as success, time-out, terminated or error", results),
    ("a full runner puts the worst out, of several the one that started first", worst_first),
    ("an equal is not put out: the new one is pending", equals),
    ("pending jobs start by priority, then in their order, one for each that ends", pending_order),
    ("a finished job does not remove another of equal priority", equal_ends),
    ("done is told when the slot is really free", really_free),
    ("terminate_all ends all that run, and what is pending with them", terminate_all),
    ("what is put out can come back and go on from where it was", comes_back),
    ("of several bins the first that has a free slot takes the job", bins),
    ("no job starts unless the criterion holds; waiting has an end", criterion),
];

/// A runner of so many slots, with a bin of pending jobs.
struct Runner {
    /// Kept, because streams do not keep their scheduler.
    _scheduler: Scheduler,
    clock: ManualClock,
    slots: Slots,
    bin: Stream,
}

fn runner(size: usize, fate: Fate, criterion: Option<Criterion>) -> Result<Runner, Box<dyn Error>> {
    let clock = ManualClock::new();
    let scheduler = Scheduler::builder().workers(size).clock(&clock).start()?;
    let slots = Slots::new(size)?;
    let mut streams =
        StreamScheduler::builder(&scheduler, &slots).evict(Evict::StrictlyWorst(fate));
    if let Some(criterion) = criterion {
        streams = streams.admit(criterion);
    }
    let bin = streams.build()?.stream("bin").next(Next::Priority).open()?;
    Ok(Runner {
        _scheduler: scheduler,
        clock,
        slots,
        bin,
    })
}

/// A job that says that it has begun, and runs until it is told to stop, or the sender goes.
fn sleeper() -> (Job<()>, Receiver<()>, Sender<()>) {
    let (begun, begins) = channel();
    let (open, gate) = channel::<()>();
    let job = make_job(move |work: &WorkContext| {
        let _ = begun.send(());
        while gate.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
            if work.checkpoint().is_err() {
                return;
            }
            std::thread::yield_now();
        }
    });
    (job, begins, open)
}

/// Such a job, which runs when this returns.
fn start(bin: &Stream, number: i32) -> Result<(WorkHandle<()>, Sender<()>), Box<dyn Error>> {
    let (job, begins, open) = sleeper();
    let job = bin.put(job.priority(-number));
    begins.recv_timeout(PATIENCE)?;
    Ok((job, open))
}

fn results() -> Seen {
    let runner = runner(1, Fate::Dropped, None)?;
    let (told, tells) = channel();
    let telling = |job: Job<()>| {
        let told = told.clone();
        job.on_end(move |_, end| _ = told.send(end))
    };
    runner.bin.put(telling(make_job(|| ())));
    let success = tells.recv_timeout(PATIENCE)?;
    let (job, begins, _open) = sleeper();
    runner.bin.put(telling(job.timeout(Duration::from_secs(5))));
    begins.recv_timeout(PATIENCE)?;
    runner.clock.advance(Duration::from_secs(5));
    let timeout = tells.recv_timeout(PATIENCE)?;
    let (job, begins, _open) = sleeper();
    let job = runner.bin.put(telling(job));
    begins.recv_timeout(PATIENCE)?;
    job.cancel();
    let terminated = tells.recv_timeout(PATIENCE)?;
    runner.bin.put(telling(make_job(|| std::panic::resume_unwind(Box::new("exit code 1")))));
    let error = tells.recv_timeout(PATIENCE)?;
    let seen = [success, timeout, terminated, error];
    let held = seen == [JobEnd::Success, JobEnd::Timeout, JobEnd::Terminated, JobEnd::Error];
    saw(held, format!("{seen:?}"))
}

fn worst_first() -> Seen {
    let runner = runner(3, Fate::Dropped, None)?;
    let (best, _keep_best) = start(&runner.bin, 1)?;
    let (first, _keep_first) = start(&runner.bin, 7)?;
    let (second, _keep_second) = start(&runner.bin, 7)?;
    let urgent = runner.bin.put(make_job(|| "urgent").priority(-3));
    let answer = urgent.join()?;
    let evicted = matches!(first.join(), Err(WorkError::Evicted));
    let others = [best.status(), second.status()] == [Status::Running; 2];
    saw(
        evicted && others && answer == "urgent",
        "the first of two at 7 left for a 3; the other, and the 1, went on",
    )
}

fn equals() -> Seen {
    let runner = runner(1, Fate::Dropped, None)?;
    let (job, open) = start(&runner.bin, 5)?;
    let equal = runner.bin.put(make_job(|| ()).priority(-5));
    let pending = runner.bin.len() == 1 && job.status() == Status::Running;
    drop(open);
    job.join()?;
    equal.join()?;
    saw(pending, "it waited, and ran when the other had ended")
}

fn pending_order() -> Seen {
    let runner = runner(1, Fate::Dropped, None)?;
    let (job, open) = start(&runner.bin, 0)?;
    let order = Arc::new(Mutex::new(String::new()));
    let jobs: Vec<_> = [(5, 'd'), (2, 'a'), (3, 'b'), (3, 'c')]
        .into_iter()
        .map(|(number, name)| {
            let order = Arc::clone(&order);
            let job = make_job(move || {
                if let Ok(mut order) = order.lock() {
                    order.push(name);
                }
            });
            runner.bin.put(job.priority(-number))
        })
        .collect();
    drop(open);
    job.join()?;
    for job in jobs {
        job.join()?;
    }
    let order = order.lock().map_err(|_| "a job panicked")?.clone();
    saw(order == "abcd", format!("they started as {order}"))
}

fn equal_ends() -> Seen {
    let runner = runner(2, Fate::Dropped, None)?;
    let (first, _keep) = start(&runner.bin, 5)?;
    let (second, open) = start(&runner.bin, 5)?;
    drop(open);
    second.join()?;
    let (_third, _keep_third) = start(&runner.bin, 4)?;
    let (_fourth, _keep_fourth) = start(&runner.bin, 3)?;
    let evicted = matches!(first.join(), Err(WorkError::Evicted));
    let running = runner.bin.running();
    saw(evicted && running == 2, format!("the one that still ran left, and {running} run with size 2"))
}

fn really_free() -> Seen {
    let runner = runner(1, Fate::Dropped, None)?;
    let (begun, begins) = channel();
    let (open, gate) = channel::<()>();
    let over = TVar::new(false);
    let ending = over.clone();
    let deaf = runner.bin.put(make_job(move || {
        let _ = begun.send(());
        let _ = gate.recv();
        ending.store(true);
    }));
    begins.recv_timeout(PATIENCE)?;
    let urgent = runner.bin.put(make_job(move || over.load()).priority(1));
    let waits = urgent.status() == Status::Queued && runner.slots.free() == 0;
    drop(open);
    let after = urgent.join()?;
    deaf.join()?;
    saw(waits && after, "what does not listen keeps its slot until it has ended")
}

fn terminate_all() -> Seen {
    let runner = runner(2, Fate::Dropped, None)?;
    let (first, _keep_first) = start(&runner.bin, 1)?;
    let (second, _keep_second) = start(&runner.bin, 1)?;
    let pending = runner.bin.put(make_job(|| ()).priority(-2));
    let count = runner.bin.cancel_all();
    let ended = [first, second, pending].map(|job| matches!(job.join(), Err(WorkError::Cancelled)));
    all_home(&runner.slots);
    saw(ended == [true; 3] && count == 3, "three were told, three ended, both slots are free")
}

fn comes_back() -> Seen {
    let runner = runner(1, Fate::Checkpointed, None)?;
    let (begun, begins) = channel();
    let goal = TVar::new(false);
    let reached = goal.clone();
    let long = make_restartable(0, move |work: &WorkContext, turns: &mut u32| {
        *turns += 1;
        let _ = begun.send(*turns);
        while !work.cancelled() {
            if reached.load() {
                return ControlFlow::Break(*turns);
            }
            std::thread::yield_now();
        }
        ControlFlow::Continue(())
    });
    let long = runner.bin.put(make_job(long).priority(-9));
    begins.recv_timeout(PATIENCE)?;
    let urgent = runner.bin.put(make_job(|| "urgent").priority(-1)).join()?;
    begins.recv_timeout(PATIENCE)?;
    goal.store(true);
    let turns = long.join()?;
    saw(urgent == "urgent" && turns == 2, format!("it ran in {turns} turns around the urgent one"))
}

fn bins() -> Seen {
    let runners = [runner(1, Fate::Dropped, None)?, runner(1, Fate::Dropped, None)?];
    let mut took = Vec::new();
    let mut kept = Vec::new();
    for _ in 0..2 {
        let free = runners.iter().position(|runner| runner.slots.free() > 0);
        let place = free.ok_or("no bin is free")?;
        kept.push(start(&runners[place].bin, 1)?);
        took.push(place);
    }
    let refused = runners.iter().all(|runner| runner.slots.free() == 0);
    for (job, open) in kept {
        drop(open);
        job.join()?;
    }
    saw(took == [0, 1] && refused, format!("bins {took:?} took one each, and then none is free"))
}

fn criterion() -> Seen {
    let quiet = TVar::new(false);
    let theirs = quiet.clone();
    let runner = runner(
        1,
        Fate::Dropped,
        Some(Criterion::transaction(move |tx| theirs.read(tx))),
    )?;
    let impatient = runner.bin.put(make_job(|| ()).start_within(Duration::from_secs(3)));
    let patient = runner.bin.put(|| "ran");
    runner.clock.advance(Duration::from_secs(3));
    let blocked = matches!(impatient.join(), Err(WorkError::Blocked));
    let waits = patient.status() == Status::Queued;
    quiet.store(true);
    let ran = patient.join()? == "ran";
    saw(blocked && waits && ran, "one answered Blocked after 3 s; the other ran when it was quiet")
}

/// Waits until nobody has a slot.
fn all_home(slots: &Slots) {
    atomically(|tx| check(slots.free_in(tx)? == slots.size()));
}

/// `seen`, if what was to be is so.
fn saw(held: bool, seen: impl Into<String>) -> Seen {
    let seen = seen.into();
    if held { Ok(seen) } else { Err(seen.into()) }
}

fn main() -> ExitCode {
    let mut failed = 0;
    for (says, show) in LINES {
        match show() {
            Ok(seen) => println!("  ok  {says}\n      {seen}"),
            Err(error) => {
                println!("  NO  {says}\n      {error}");
                failed += 1;
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
