//! What a pool costs while it has nothing to do.
//!
//! Each pool lives in a process of its own, so that nobody else's threads are counted: the
//! report's binary starts itself once for each, with [`CHILD`] and a name. Such a child
//! uses its pool, so that all of its threads have run, says that it is ready and blocks
//! until its input ends. The parent waits until the pools have settled, and reads the
//! system's books of every thread of each child twice: what was added between is what
//! idling costs. The children idle at the same time.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hivework::Scheduler;
use rayon::ThreadPool as Rayon;
use threadpool::ThreadPool;
use tokio::runtime::Runtime as Tokio;

use crate::workload::Scale;
use crate::workload::scheduling::Tally;
use crate::workload::scheduling::pools::{self, CrossbeamPool, Pool, WORKERS};

/// The subject.
pub const IDLE: &str = "CPU and wake-ups while idle";

/// The argument that makes a process a child; a name follows.
pub const CHILD: &str = "--idle-child";

const WINDOW: Duration = Duration::from_secs(10);
const SETTLING: Duration = Duration::from_secs(1);

/// Makes a pool that has been used, to be held while it idles.
type Used = fn() -> Box<dyn Any>;

const POOLS: [(&str, Used); 7] = [
    ("hivework", || hivework(Duration::from_millis(1))),
    ("hivework, run_interval of 50 µs", || {
        hivework(Duration::from_micros(50))
    }),
    ("rayon", used::<Arc<Rayon>>),
    ("chili", chili),
    ("tokio", used::<Arc<Tokio>>),
    ("threadpool", used::<ThreadPool>),
    (CrossbeamPool::NAME, used::<CrossbeamPool>),
];

fn used<P: Pool>() -> Box<dyn Any> {
    Box::new(after_use(P::make()))
}

fn after_use<P: Pool>(pool: P) -> P {
    let tally = Tally::for_good();
    for _ in 0..1000 {
        pool.put(|| tally.count());
    }
    tally.wait_for(1000);
    pool
}

fn hivework(interval: Duration) -> Box<dyn Any> {
    let scheduler = Scheduler::builder()
        .workers(WORKERS)
        .run_interval(interval)
        .start();
    let scheduler = after_use(scheduler.expect("workers can be started"));
    scheduler.join(|| (), || ());
    Box::new(scheduler)
}

fn chili() -> Box<dyn Any> {
    let pool = pools::chili(WORKERS);
    pool.scope().join(|_| (), |_| ());
    Box::new(pool)
}

/// What a child does.
///
/// # Errors
///
/// A name that is no pool's; streams that fail.
pub fn be_child(name: &str) -> io::Result<()> {
    let pool = POOLS.iter().find(|(pool, _)| *pool == name);
    let (_, used) = pool.ok_or_else(|| io::Error::other(format!("no pool is called {name}")))?;
    let held = used();
    println!();
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(held);
    Ok(())
}

/// What idling costs each pool.
#[derive(Debug, Clone)]
pub struct Idle {
    window: Duration,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    name: &'static str,
    threads: usize,
    cost: Books,
}

/// What the system counted of a thread, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Books {
    /// Times that it went to sleep, and so the times that it was woken.
    sleeps: u64,
    /// Times that another took the core from it.
    preemptions: u64,
    /// On a core, in nanoseconds.
    cpu: u64,
}

/// Lets every pool idle, each in a child of this process, whose program must call
/// [`be_child`] when it is told to.
///
/// # Errors
///
/// Children cannot be started, or the system keeps no such books.
pub fn measure(scale: Scale) -> io::Result<Idle> {
    let (window, settling) = scale.pick(
        (WINDOW, SETTLING),
        (Duration::from_millis(50), Duration::from_millis(50)),
    );
    let mut children = Vec::new();
    for (name, _) in POOLS {
        children.push((name, Idler::start(name)?));
    }
    thread::sleep(settling);
    let before: Vec<_> = books_of_all(&children)?;
    thread::sleep(window);
    let after = books_of_all(&children)?;
    let pairs = children.iter().zip(before.iter().zip(&after));
    let rows = pairs.map(|((name, _), (before, after))| Row {
        name,
        threads: after.len(),
        cost: added(before, after),
    });
    Ok(Idle {
        window,
        rows: rows.collect(),
    })
}

/// A child, which ends when this is dropped.
struct Idler(Child);

impl Idler {
    fn start(name: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([CHILD, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.take();
        let idler = Idler(child);
        let mut ready = String::new();
        if let Some(said) = said {
            BufReader::new(said).read_line(&mut ready)?;
        }
        match ready.is_empty() {
            true => Err(io::Error::other(format!("{name}: the child ended"))),
            false => Ok(idler),
        }
    }
}

impl Drop for Idler {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // A child that cannot be waited for has ended.
        let _ = self.0.wait();
    }
}

/// By the threads' numbers.
type BooksOfThreads = HashMap<String, Books>;

fn books_of_all(children: &[(&str, Idler)]) -> io::Result<Vec<BooksOfThreads>> {
    let books = children.iter().map(|(_, idler)| books_of(idler.0.id()));
    books.collect()
}

fn books_of(process: u32) -> io::Result<BooksOfThreads> {
    let mut all = BooksOfThreads::new();
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = thread?;
        let read = |file| std::fs::read_to_string(thread.path().join(file));
        // A thread that has ended since it was listed has no books any more.
        if let (Ok(status), Ok(schedule)) = (read("status"), read("schedstat")) {
            let books = Books::parse(&status, &schedule);
            let books = books.ok_or_else(|| io::Error::other("no books that can be read"))?;
            all.insert(thread.file_name().to_string_lossy().into_owned(), books);
        }
    }
    match all.is_empty() {
        true => Err(io::Error::other("no thread has books")),
        false => Ok(all),
    }
}

impl Books {
    fn parse(status: &str, schedule: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        Some(Books {
            sleeps: field("voluntary_ctxt_switches:")?,
            preemptions: field("nonvoluntary_ctxt_switches:")?,
            cpu: schedule.split_whitespace().next()?.parse().ok()?,
        })
    }
}

/// What was added; a thread that is new counts from its beginning.
fn added(before: &BooksOfThreads, after: &BooksOfThreads) -> Books {
    let mut sum = Books::default();
    for (thread, after) in after {
        let before = before.get(thread).copied().unwrap_or_default();
        sum.sleeps += after.sleeps - before.sleeps;
        sum.preemptions += after.preemptions - before.preemptions;
        sum.cpu += after.cpu - before.cpu;
    }
    sum
}

impl Idle {
    /// The most that any form of ours was woken, and the most CPU time that one took, in
    /// milliseconds.
    #[must_use]
    pub fn ours(&self) -> (f64, f64) {
        let ours = self
            .rows
            .iter()
            .filter(|row| row.name.starts_with("hivework"));
        ours.fold((0.0, 0.0), |(woken, cpu): (f64, f64), row| {
            (
                woken.max((row.cost.sleeps + row.cost.preemptions) as f64),
                cpu.max(row.cost.milliseconds()),
            )
        })
    }
}

impl Books {
    fn milliseconds(self) -> f64 {
        self.cpu as f64 / 1e6
    }
}

/// As a section of Markdown.
impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "### {IDLE}\n\nOf the whole process over {:?}, each pool in one of its own, after it has worked.\n",
            self.window
        )?;
        writeln!(f, "| | threads | wake-ups | preemptions | CPU, ms |")?;
        writeln!(f, "|---|--:|--:|--:|--:|")?;
        for row in &self.rows {
            writeln!(
                f,
                "| {} | {} | {} | {} | {:.3} |",
                row.name,
                row.threads,
                row.cost.sleeps,
                row.cost.preemptions,
                row.cost.milliseconds()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_are_read_as_the_system_writes_them() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        let books = Books::parse(status, "4500 77 15\n");
        let expected = Books {
            sleeps: 12,
            preemptions: 3,
            cpu: 4500,
        };
        assert_eq!(books, Some(expected));
        assert_eq!(Books::parse("", "4500"), None);
    }

    #[test]
    fn a_new_thread_counts_from_its_beginning() {
        let books = |sleeps, cpu| Books {
            sleeps,
            preemptions: 0,
            cpu,
        };
        let before = HashMap::from([("1".into(), books(5, 100)), ("2".into(), books(9, 9))]);
        let after = HashMap::from([("1".into(), books(7, 150)), ("3".into(), books(1, 10))]);
        assert_eq!(added(&before, &after), books(3, 60));
    }
}
