//! Jobserver's nesting, in works: jobs that put jobs, all within so many slots.
//!
//! A job takes a slot of its own, and then nests as deep as there are slots, or shares that of the job that
//! puts it, and then nests to any depth. A part of the slots bounds a part of the jobs. And whatever becomes of
//! a job, its slot comes home.
//!
//! Each line is run and looked at; it prints what was seen. The program ends with 0 only if
//! every one of them held.
//!
//!     cargo run --release --example nested_slots

use std::error::Error;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hivework::{
    Consume, Scheduler, Slots, Stream, StreamScheduler, WorkError, atomically, make_job, make_work,
    try_atomically,
};

/// What was seen, or why the line does not hold.
type Seen = Result<String, Box<dyn Error>>;

/// How long a job may wait for a slot: where none can come, that is what is waited for.
const WITHIN: Duration = Duration::from_millis(50);

/// What a line says, and what shows it.
type Line = (&'static str, fn() -> Seen);

const LINES: [Line; 6] = [
    (
        "with n slots, jobs that each take one nest to a depth of n - 1",
        own,
    ),
    (
        "where there is no slot left, a job is Blocked when its time is over",
        blocked,
    ),
    ("jobs that share nest to any depth", shared),
    ("a part of the slots bounds a part of the jobs", part),
    (
        "a slot comes home when its job panics or is cancelled",
        home,
    ),
    ("slots are taken all at once, or not at all", all_at_once),
];

fn main() -> ExitCode {
    let mut failed = 0;
    for (says, shown) in LINES {
        match shown() {
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

fn saw(held: bool, seen: String) -> Seen {
    if held { Ok(seen) } else { Err(seen.into()) }
}

/// A stream into so many slots, on workers that do not bound it further.
fn nest(slots: &Slots) -> Result<(Scheduler, Stream), Box<dyn Error>> {
    let scheduler = Scheduler::builder().workers(slots.size() + 1).start()?;
    let streams = StreamScheduler::new(&scheduler, slots);
    Ok((scheduler, streams.stream("nest").open()?))
}

/// Puts a job, which puts a job, and so on, down to `most` or to where none starts any more; answers how deep
/// that is.
fn descend(
    stream: &Stream,
    consume: Consume,
    depth: usize,
    most: usize,
) -> Result<usize, WorkError> {
    let inside = stream.clone();
    let work = make_work(move || {
        if depth == most {
            return Ok(depth);
        }
        match descend(&inside, consume, depth + 1, most) {
            Err(WorkError::Blocked) => Ok(depth),
            deeper => deeper,
        }
    });
    let job = make_job(work.start_within(WITHIN)).consume(consume);
    stream.put(job).join()?
}

fn own() -> Seen {
    let mut seen = Vec::new();
    for size in [1, 2, 4] {
        let slots = Slots::new(size)?;
        let (_scheduler, stream) = nest(&slots)?;
        let depth = descend(&stream, Consume::Own, 0, usize::MAX)?;
        if depth != size - 1 || slots.used() != 0 {
            return Err(format!("{size} slots: depth {depth}, and then {slots:?}").into());
        }
        seen.push(format!("{size} slots: depth {depth}"));
    }
    Ok(seen.join(", "))
}

fn blocked() -> Seen {
    let slots = Slots::new(1)?;
    let (_scheduler, stream) = nest(&slots)?;
    let held = slots.take();
    let ran = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&ran);
    let late =
        stream.put(make_work(move || counts.fetch_add(1, Ordering::SeqCst)).start_within(WITHIN));
    let answer = late.join();
    drop(held);
    // The slot is free for the next, and the one that was late never runs.
    let next = stream.put(|| "next").join()?;
    saw(
        matches!(answer, Err(WorkError::Blocked)) && ran.load(Ordering::SeqCst) == 0,
        format!("it answered {answer:?}; then ran: {next}"),
    )
}

fn shared() -> Seen {
    let slots = Slots::new(2)?;
    let (_scheduler, stream) = nest(&slots)?;
    let depth = descend(&stream, Consume::Shared, 0, 100)?;
    saw(
        depth == 100 && slots.used() == 0,
        format!("2 slots: depth {depth}, and then {} free", slots.free()),
    )
}

fn part() -> Seen {
    let slots = Slots::new(4)?;
    let scheduler = Scheduler::builder().workers(4).start()?;
    let streams = StreamScheduler::new(&scheduler, &slots);
    let downloads = streams.stream("downloads").slots(1).open()?;
    let others = streams.stream("others").open()?;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let jobs: Vec<_> = (0..20)
        .map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            downloads.put(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    let others: Vec<_> = (0..20).map(|n| others.put(move || n)).collect();
    for job in jobs {
        job.join()?;
    }
    for (n, other) in others.into_iter().enumerate() {
        if other.join()? != n {
            return Err("another job's answer".into());
        }
    }
    let too_many = slots.narrow(5).unwrap_err();
    saw(
        most.load(Ordering::SeqCst) == 1,
        format!("one download at a time of 4 slots; and: {too_many}"),
    )
}

fn home() -> Seen {
    let slots = Slots::new(1)?;
    let (_scheduler, stream) = nest(&slots)?;
    // As a panic does, but nothing is printed.
    let panicked = stream.put(|| resume_unwind(Box::new("on purpose"))).join();
    let held = slots.take();
    let waits = stream.put(|| ());
    waits.cancel();
    drop(held);
    let cancelled = waits.join();
    // Nothing stands in the way of the next.
    stream.put(|| ()).join()?;
    saw(
        matches!(panicked, Err(WorkError::Panicked(..)))
            && matches!(cancelled, Err(WorkError::Cancelled))
            && slots.used() == 0,
        format!("after a panic and a cancel {} of 1 free", slots.free()),
    )
}

fn all_at_once() -> Seen {
    let slots = Slots::new(3)?;
    let one = slots.take();
    let three = try_atomically(|tx| {
        (0..3)
            .map(|_| slots.take_in(tx))
            .collect::<Result<Vec<_>, _>>()
    });
    let two = atomically(|tx| Ok([slots.take_in(tx)?, slots.take_in(tx)?]));
    let left = slots.free();
    drop((one, two));
    saw(
        three.is_none() && left == 0 && slots.free() == 3,
        "three of two free: none; two of two: both".to_owned(),
    )
}
