//! What the run interval changes: the same few things measured at intervals from 50 µs to
//! 100 ms.

use std::fmt;
use std::fs;
use std::hint;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use hivework::{Event, Events, Fork, Scheduler, WorkContext, make_work};

use crate::plot::{Kind, Panel, sheet};
use crate::workload::Scale;

const INTERVALS: [Duration; 8] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_millis(4),
    Duration::from_millis(10),
    Duration::from_millis(30),
    Duration::from_millis(100),
];

const WORKERS: usize = 2;
/// A work may run for so long before it counts as overrun.
const BUDGET: Duration = Duration::from_millis(1);
/// So much computing is divided, in as many leaves as take that.
const SECTION: Duration = Duration::from_millis(4);
const LEAVES: u32 = 256;

/// What was measured at one interval.
#[derive(Debug, Clone)]
struct Row {
    interval: Duration,
    /// Until a second thread took part in a section, the median.
    spread: Duration,
    /// From the end of a work's time slices to the event, the median and the 99th percentile.
    stall: (Duration, Duration),
    /// CPU time of the supervisor in a second in which one worker is busy.
    watching: Duration,
    /// Wake-ups of the supervisor in a second in which nobody is.
    idle: u64,
    /// A work put from outside.
    put: Duration,
}

/// The sweep.
#[derive(Debug, Clone)]
pub struct Sweep(Vec<Row>);

/// How much of everything.
struct Effort {
    sections: usize,
    stalls: usize,
    window: Duration,
    puts: u32,
}

/// Measures at every interval, one after the other.
///
/// # Errors
///
/// Threads cannot be started, or the system does not tell what they cost.
pub fn measure(scale: Scale) -> io::Result<Sweep> {
    let effort = scale.pick(
        Effort {
            sections: 61,
            stalls: 101,
            window: Duration::from_secs(2),
            puts: 300_000,
        },
        Effort {
            sections: 1,
            stalls: 1,
            window: Duration::from_millis(5),
            puts: 100,
        },
    );
    let rows = INTERVALS.map(|interval| row(interval, &effort));
    rows.into_iter().collect::<io::Result<_>>().map(Sweep)
}

fn row(interval: Duration, effort: &Effort) -> io::Result<Row> {
    let scheduler = Scheduler::builder()
        .workers(WORKERS)
        .run_interval(interval)
        .time_slice(BUDGET)
        .name("sweep")
        .start()
        .map_err(io::Error::other)?;
    let spreads = (0..effort.sections).map(|_| spread(&scheduler));
    let spread = percentile(spreads.collect(), 0.5);
    let events = scheduler.events();
    let stalls: Vec<_> = (0..effort.stalls)
        .map(|_| stall(&scheduler, &events))
        .collect();
    drop(events);
    Ok(Row {
        interval,
        spread,
        stall: (percentile(stalls.clone(), 0.5), percentile(stalls, 0.99)),
        watching: watching(&scheduler, effort.window)?,
        idle: idle(effort.window)?,
        put: put(&scheduler, effort.puts),
    })
}

fn percentile(mut times: Vec<Duration>, at: f64) -> Duration {
    times.sort();
    let place = ((times.len() - 1) as f64 * at).round() as usize;
    times[place]
}

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        hint::spin_loop();
    }
}

/// How long a section runs on one thread, while the workers sleep at first.
fn spread(scheduler: &Scheduler) -> Duration {
    fn divide(fork: &mut Fork<'_>, leaves: u32, leaf: &(impl Fn() + Sync)) {
        if leaves == 1 {
            return leaf();
        }
        fork.join(
            |fork| divide(fork, leaves / 2, leaf),
            |fork| divide(fork, leaves / 2, leaf),
        );
    }
    // Long enough for the workers to have gone to sleep.
    thread::sleep(Duration::from_millis(3));
    let (me, began) = (thread::current().id(), Instant::now());
    let first = Mutex::new(None);
    scheduler.fork(|fork| {
        divide(fork, LEAVES, &|| {
            if thread::current().id() != me {
                let took = began.elapsed();
                let mut first = first.lock().expect("nobody panics");
                *first = Some(first.unwrap_or(took).min(took));
            }
            spin(SECTION / LEAVES);
        });
    });
    let first = first.into_inner().expect("nobody panics");
    first.unwrap_or_else(|| began.elapsed())
}

/// How long after its slices a work that computes is reported.
fn stall(scheduler: &Scheduler, events: &Events) -> Duration {
    let (begins, begun) = mpsc::channel();
    let hog = make_work(move |work: &WorkContext| {
        let _ = begins.send(Instant::now());
        while !work.cancelled() {
            hint::spin_loop();
        }
    });
    let hog = scheduler.put_work(hog.time_slices(1));
    let began = begun.recv().expect("it begins");
    loop {
        let event = events.next().expect("the scheduler is there");
        if matches!(event, Event::WorkOverran { .. }) {
            break;
        }
    }
    let seen = began.elapsed();
    hog.cancel();
    // It answers its result.
    let _ = hog.join();
    seen.saturating_sub(BUDGET)
}

/// What the supervisor costs while there is something to watch.
fn watching(scheduler: &Scheduler, window: Duration) -> io::Result<Duration> {
    let busy = scheduler.put_work(|work: &WorkContext| {
        while !work.cancelled() {
            hint::spin_loop();
        }
    });
    let (before, _) = supervisor()?;
    thread::sleep(window);
    let (after, _) = supervisor()?;
    busy.cancel();
    let _ = busy.join();
    Ok((after - before).div_f64(window.as_secs_f64()))
}

/// How often it is woken while there is nothing.
fn idle(window: Duration) -> io::Result<u64> {
    // The memory of what was done is given back first.
    thread::sleep(window);
    let (_, before) = supervisor()?;
    thread::sleep(window);
    let (_, after) = supervisor()?;
    Ok(((after - before) as f64 / window.as_secs_f64()).round() as u64)
}

fn put(scheduler: &Scheduler, works: u32) -> Duration {
    let began = Instant::now();
    for _ in 1..works {
        drop(scheduler.put_work(|| ()));
    }
    // Works from one thread are begun in order.
    let last = scheduler.put_work(|| ());
    let _ = last.join();
    began.elapsed() / works
}

/// The CPU time of the supervisor of this process's only scheduler, and how often it has slept.
fn supervisor() -> io::Result<(Duration, u64)> {
    for thread in fs::read_dir("/proc/self/task")? {
        let path = thread?.path();
        let read = |file| fs::read_to_string(path.join(file));
        // The system keeps the first 15 letters of a thread's name.
        if read("comm")?.trim() == "sweep-superviso" {
            let (schedule, status) = (read("schedstat")?, read("status")?);
            let cpu = schedule.split_whitespace().next();
            let cpu = cpu.and_then(|nanos| nanos.parse().ok());
            let sleeps = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let sleeps = sleeps.and_then(|count| count.trim().parse().ok());
            let books = cpu.map(Duration::from_nanos).zip(sleeps);
            return books.ok_or_else(|| io::Error::other("no books that can be read"));
        }
    }
    Err(io::Error::other("there is no supervisor"))
}

impl Sweep {
    /// The picture, as SVG.
    #[must_use]
    pub fn picture(&self) -> String {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let lines = |title: &str, up, series: Vec<(&str, Vec<f64>)>| Panel {
            title: title.into(),
            across: "run interval",
            places: self
                .0
                .iter()
                .map(|row| format!("{:?}", row.interval))
                .collect(),
            up,
            kind: Kind::Lines,
            series: series
                .into_iter()
                .map(|(name, values)| (name.into(), values))
                .collect(),
        };
        let all = |figure: &dyn Fn(&Row) -> f64| self.0.iter().map(figure).collect::<Vec<_>>();
        sheet(&[
            lines(
                "from a work's last slice to the report",
                "µs",
                vec![
                    ("median", all(&|row| micros(row.stall.0))),
                    ("99 %", all(&|row| micros(row.stall.1))),
                ],
            ),
            lines(
                "the supervisor's share of a core, one worker busy",
                "%",
                vec![(
                    "supervisor",
                    all(&|row| (row.watching.as_secs_f64() * 100.0).max(0.001)),
                )],
            ),
            lines(
                "until a section runs on two threads",
                "µs",
                vec![("median", all(&|row| micros(row.spread)))],
            ),
            lines(
                "a work put from outside",
                "ns",
                vec![("mean", all(&|row| micros(row.put) * 1e3))],
            ),
        ])
    }
}

/// As a table of Markdown.
impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| run interval | stall reported after, median | 99 % | supervisor, one worker busy | wake-ups a second, idle | section on two threads after | a put |"
        )?;
        writeln!(f, "|--:|--:|--:|--:|--:|--:|--:|")?;
        for row in &self.0 {
            writeln!(
                f,
                "| {:?} | {:.2?} | {:.2?} | {:.3} % | {} | {:.1?} | {:?} |",
                row.interval,
                row.stall.0,
                row.stall.1,
                row.watching.as_secs_f64() * 100.0,
                row.idle,
                row.spread,
                row.put,
            )?;
        }
        Ok(())
    }
}
