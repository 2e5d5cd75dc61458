//! What task_semaphore does, in the words of this house: berths that poll their backends, keepalive, time-outs.
//!
//! task_semaphore's README makes a scheduler of two slots, each with backends in the order of their
//! importance, and calls `schedule` again and again. Here the slots are berths, the backends are two, of
//! which one offers urgent tasks, and the scheduler makes the passes. Time is turned by hand, so that eight
//! hours take no time.
//!
//! Each thing it shows is looked at. The program ends with 0 only if every one of them held.
//!
//!     cargo run --release --example task_semaphore --features store

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hivework::{
    Backend, BackendError, Berth, Berths, BerthsBuilder, CallFailed, ManualClock, OnFailure,
    Scheduler, Slots, Store, TQueue, TVar, TaskEnd, TaskError, TaskId,
};

/// What was seen, or why it does not hold.
type Seen = Result<String, Box<dyn Error>>;

/// What is shown, and what shows it.
type Line = (&'static str, fn() -> Seen);

/// Longer than anything here takes on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A backend whose tasks lie in a queue, and which writes down what it is asked for.
struct Queue {
    name: &'static str,
    tasks: TQueue<TaskId>,
    diary: TVar<Vec<String>>,
}

impl Queue {
    fn new(name: &'static str, tasks: &[&str]) -> Arc<Queue> {
        let queue = TQueue::new();
        for task in tasks {
            queue.put_now(TaskId::from(*task));
        }
        Arc::new(Queue {
            name,
            tasks: queue,
            diary: TVar::new(Vec::new()),
        })
    }

    fn write(&self, line: String) {
        self.diary.update(|mut diary| {
            diary.push(line.clone());
            diary
        });
    }

    /// What it was asked for since the last time.
    fn diary(&self) -> Vec<String> {
        hivework::atomically(|tx| self.diary.replace(tx, Vec::new()))
    }
}

impl Backend for Queue {
    fn name(&self) -> &str {
        self.name
    }

    fn poll(&self) -> Result<Option<TaskId>, BackendError> {
        Ok(self.tasks.take_now())
    }

    fn start(&self, task: &TaskId) -> Result<(), BackendError> {
        self.write(format!("start {task}"));
        match task.as_str() {
            "broken" => Err("it is broken".into()),
            _ => Ok(()),
        }
    }

    fn stop(&self, task: &TaskId) -> Result<(), BackendError> {
        self.write(format!("stop {task}"));
        Ok(())
    }

    fn kept_alive(&self, task: &TaskId) -> Result<(), BackendError> {
        self.write(format!("alive {task}"));
        match task.as_str() {
            "restless" => Err("it is nowhere to be found".into()),
            _ => Ok(()),
        }
    }

    fn timed_out(&self, task: &TaskId) -> Result<(), BackendError> {
        self.write(format!("late {task}"));
        Ok(())
    }

    fn failed(&self, failure: &CallFailed) -> OnFailure {
        self.write(format!("failed {}", failure.call));
        OnFailure::Free
    }

    fn inspect(&self) -> BTreeMap<String, String> {
        let is_empty = self.tasks.is_empty_now();
        BTreeMap::from([("empty".to_owned(), is_empty.to_string())])
    }
}

/// A scheduler whose clock is turned by hand.
fn by_hand() -> Result<(ManualClock, Scheduler), Box<dyn Error>> {
    let clock = ManualClock::new();
    let scheduler = Scheduler::builder().workers(2).clock(&clock).start()?;
    Ok((clock, scheduler))
}

/// A berth with both backends, the urgent one first.
fn berth(name: &str, urgent: &Arc<Queue>, usual: &Arc<Queue>) -> Berth {
    let berth = Berth::new(name).backend(Arc::clone(urgent));
    berth.backend(Arc::clone(usual))
}

fn tasks(berths: &Berths) -> Vec<String> {
    let running = hivework::atomically(|tx| berths.running_in(tx));
    let named = running
        .iter()
        .map(|(berth, task)| format!("{berth}: {}", task.id));
    named.collect()
}

fn saw(held: bool, seen: impl Into<String>) -> Seen {
    let seen = seen.into();
    if held { Ok(seen) } else { Err(seen.into()) }
}

fn main() -> ExitCode {
    let lines: [Line; 7] = [
        (
            "Backends are polled in order, each berth by the scheduler's passes",
            polling,
        ),
        (
            "What is not kept alive is late: told, stopped, and the berth filled in one pass",
            late,
        ),
        (
            "A task is stopped by its id, and an id that nobody knows is an error",
            stopping,
        ),
        (
            "A failed start is the next backend's turn; a failed keepalive can free the berth",
            failing,
        ),
        (
            "A backend may stop its own task from inside a call",
            from_inside,
        ),
        ("Tasks at berths can draw on a budget of slots", budget),
        ("A restart sees what was running", restart),
    ];
    let mut failed = 0;
    for (says, shown) in lines {
        match shown() {
            Ok(seen) => println!("  ok  {says}\n      {seen}"),
            Err(error) => {
                failed += 1;
                println!("  NO  {says}\n      {error}");
            }
        }
    }
    if failed == 0 {
        println!("\nEach of them held.");
        ExitCode::SUCCESS
    } else {
        println!("\n{failed} of them did not hold.");
        ExitCode::FAILURE
    }
}

fn polling() -> Seen {
    let (_clock, scheduler) = by_hand()?;
    let (urgent, usual) = (
        Queue::new("urgent", &["fire"]),
        Queue::new("usual", &["post", "tea"]),
    );
    let berths = Berths::builder(&scheduler)
        .berth(berth("one", &urgent, &usual))
        .berth(berth("two", &urgent, &usual))
        .build()?;
    let _passes = berths.schedule_every(Duration::from_secs(2))?;
    let began = Instant::now();
    while tasks(&berths).len() < 2 && began.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    let seen = tasks(&berths);
    saw(seen == ["one: fire", "two: post"], seen.join(", "))
}

fn late() -> Seen {
    const HOUR: Duration = Duration::from_secs(3600);
    let (clock, scheduler) = by_hand()?;
    let (urgent, usual) = (
        Queue::new("urgent", &[]),
        Queue::new("usual", &["post", "tea"]),
    );
    let berths = Berths::builder(&scheduler)
        .berth(berth("one", &urgent, &usual))
        .build()?;
    berths.schedule();
    clock.advance(7 * HOUR);
    berths.keepalive("post")?;
    clock.advance(8 * HOUR);
    let in_time = berths.schedule().timed_out().count() == 0;
    clock.advance(Duration::from_nanos(1));
    let pass = berths.schedule();
    let diary = usual.diary();
    saw(
        in_time
            && pass.timed_out().count() == 1
            && diary
                == [
                    "start post",
                    "alive post",
                    "late post",
                    "stop post",
                    "start tea",
                ],
        diary.join(", "),
    )
}

fn stopping() -> Seen {
    let (_clock, scheduler) = by_hand()?;
    let (urgent, usual) = (Queue::new("urgent", &["fire"]), Queue::new("usual", &[]));
    let berths = Berths::builder(&scheduler)
        .berth(berth("one", &urgent, &usual))
        .build()?;
    berths.schedule();
    let end = berths.stop("fire")?;
    let again = berths.stop("fire");
    let says = again
        .as_ref()
        .err()
        .map(ToString::to_string)
        .unwrap_or_default();
    saw(
        end == TaskEnd::Stopped
            && tasks(&berths).is_empty()
            && matches!(again, Err(TaskError::Unknown { .. })),
        format!("stopped; then: {says}"),
    )
}

fn failing() -> Seen {
    let (_clock, scheduler) = by_hand()?;
    let (urgent, usual) = (
        Queue::new("urgent", &["broken"]),
        Queue::new("usual", &["restless"]),
    );
    let berths = Berths::builder(&scheduler)
        .berth(berth("one", &urgent, &usual))
        .build()?;
    let pass = berths.schedule();
    let failure = pass.failures().next().ok_or("no call failed")?.to_string();
    let instead = tasks(&berths);
    berths.keepalive("restless")?;
    saw(
        instead == ["one: restless"] && tasks(&berths).is_empty(),
        format!("{failure}; instead {instead:?}, until it was kept alive"),
    )
}

fn from_inside() -> Seen {
    struct Hasty(TVar<Option<Berths>>, TVar<u32>);

    impl Backend for Hasty {
        fn name(&self) -> &str {
            "hasty"
        }

        fn poll(&self) -> Result<Option<TaskId>, BackendError> {
            Ok(Some("errand".into()))
        }

        fn start(&self, task: &TaskId) -> Result<(), BackendError> {
            let berths = self.0.load().ok_or("there are no berths")?;
            berths.keepalive(task)?;
            berths.stop(task)?;
            Ok(())
        }

        fn stop(&self, _: &TaskId) -> Result<(), BackendError> {
            self.1.update(|stopped| stopped + 1);
            Ok(())
        }
    }

    let (_clock, scheduler) = by_hand()?;
    let (own, stopped) = (TVar::new(None), TVar::new(0));
    let hasty = Hasty(own.clone(), stopped.clone());
    let berths = Berths::builder(&scheduler)
        .berth(Berth::new("one").backend(hasty))
        .build()?;
    own.store(Some(berths.clone()));
    berths.schedule();
    own.store(None);
    saw(
        stopped.load() == 1 && tasks(&berths).is_empty(),
        "kept alive and stopped from inside its start, once that was done",
    )
}

fn budget() -> Seen {
    let (_clock, scheduler) = by_hand()?;
    let slots = Slots::new(1)?;
    let (urgent, usual) = (
        Queue::new("urgent", &["fire"]),
        Queue::new("usual", &["post"]),
    );
    let berths = Berths::builder(&scheduler)
        .slots(&slots)
        .berth(berth("one", &urgent, &usual))
        .berth(berth("two", &urgent, &usual))
        .build()?;
    let pass = berths.schedule();
    let first = (tasks(&berths), slots.free(), pass.without_slot);
    berths.stop("fire")?;
    // The slot that came home has brought a pass.
    let began = Instant::now();
    while tasks(&berths) != ["one: post"] && began.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    let then = tasks(&berths);
    saw(
        first == (vec!["one: fire".to_owned()], 0, 1) && then == ["one: post"],
        format!(
            "first {:?}, with one slot for two berths; then {then:?}",
            first.0
        ),
    )
}

fn restart() -> Seen {
    #[cfg(feature = "store")]
    {
        let path =
            std::env::temp_dir().join(format!("task_semaphore-{}.berths", std::process::id()));
        let seen = restarted(|| Ok(hivework::DiskStore::open(&path)?));
        std::fs::remove_file(&path)?;
        seen.map(|seen| format!("{seen}, from a file"))
    }
    #[cfg(not(feature = "store"))]
    {
        let store = hivework::MemoryStore::new();
        let seen = restarted(|| Ok(store.clone()));
        seen.map(|seen| format!("{seen}, from memory; the feature `store` has it on disk"))
    }
}

fn restarted<S: Store>(open: impl Fn() -> Result<S, Box<dyn Error>>) -> Seen {
    let (clock, scheduler) = by_hand()?;
    let (urgent, usual) = (
        Queue::new("urgent", &["fire"]),
        Queue::new("usual", &["post"]),
    );
    let builder = || -> Result<BerthsBuilder, Box<dyn Error>> {
        let builder = Berths::builder(&scheduler).store(open()?);
        let builder = builder.berth(berth("one", &urgent, &usual));
        Ok(builder.berth(berth("two", &urgent, &usual)))
    };
    let before = builder()?.build()?;
    before.schedule();
    clock.advance(Duration::from_secs(60));
    before.keepalive("post")?;
    let were = hivework::atomically(|tx| before.running_in(tx));
    drop(before);
    let after = builder()?.build()?;
    let are = hivework::atomically(|tx| after.running_in(tx));
    let stopped = after.stop("post")?;
    saw(
        were == are && are.len() == 2 && stopped == TaskEnd::Stopped,
        format!("{} tasks, with their backends and times", are.len()),
    )
}
