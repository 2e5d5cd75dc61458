//! Counts instructions: what a work and a fork cost, with a name and without, and with the
//! outlets built in or not. Figures that no other load of the machine touches.
//!
//! ```text
//! cargo run --release -p hivework-benches --bin costs
//! cargo run --release -p hivework-benches --bin costs --features outlets
//! ```
//!
//! Needs valgrind, whose callgrind does the counting: each subject runs twice, the second time longer, and
//! the difference is what so many more operations have cost.

use std::process::{Command, ExitCode};
use std::{env, io};

use hivework::{Builder, Fork, Scheduler, make_work};

/// How many operations more the second time has.
const MORE: u64 = 20_000;
const FEW: u64 = 5_000;

type Subject = (&'static str, fn(u64));

const SUBJECTS: &[Subject] = &[
    ("put, and run", |n| {
        put_and_run(Scheduler::builder(), n, None)
    }),
    ("put, and run, with a name", |n| {
        put_and_run(Scheduler::builder(), n, Some("work"));
    }),
    #[cfg(feature = "outlets")]
    ("put, and run, with a trace being written", |n| {
        put_and_run(traced(), n, None);
    }),
    ("fork", fork),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let ran = match &arguments[..] {
        [] => count_all(),
        [subject, times] => run(subject, times),
        _ => Err(io::Error::other("costs takes no arguments of yours")),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("costs: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(subject: &str, times: &str) -> io::Result<()> {
    let subject = SUBJECTS.iter().find(|(name, _)| *name == subject);
    match (subject, times.parse()) {
        (Some((_, run)), Ok(times)) => {
            run(times);
            Ok(())
        }
        _ => Err(io::Error::other("there is no such subject")),
    }
}

fn count_all() -> io::Result<()> {
    println!("| instructions an operation | |\n|---|--:|");
    for (name, _) in SUBJECTS {
        let more = count(name, FEW + MORE)? - count(name, FEW)?;
        println!("| {name} | {:.0} |", more / MORE as f64);
    }
    Ok(())
}

/// How many instructions so many operations of the subject take, with all that is around them.
fn count(subject: &str, times: u64) -> io::Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([subject, &times.to_string()])
        .output()
        .map_err(|error| io::Error::other(format!("valgrind: {error}; install it")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, number)| number.trim().parse().ok());
    collected.ok_or_else(|| io::Error::other(format!("callgrind has counted nothing: {said}")))
}

/// Put before the start, so that nobody waits for anybody, and run by one worker.
fn put_and_run(builder: Builder, times: u64, name: Option<&'static str>) {
    let scheduler = builder.workers(1).build().expect("it is good");
    for _ in 0..times {
        let work = make_work(|| ());
        scheduler.put_work(match name {
            Some(name) => work.name(name),
            None => work,
        });
    }
    let last = scheduler.put_work(|| ());
    scheduler.start().expect("a thread can be had");
    last.join().expect("it runs");
}

#[cfg(feature = "outlets")]
fn traced() -> Builder {
    let path = env::temp_dir().join(format!("hivework-costs-{}.json", std::process::id()));
    let file = hivework::TraceFile::create(&path).expect("a file can be had");
    // It is written to as long as it is open.
    _ = std::fs::remove_file(path);
    Scheduler::builder().trace(file)
}

/// A chain of sections, each of 128 halves.
fn fork(times: u64) {
    fn halves(fork: &mut Fork<'_>, depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let (left, right) = fork.join(
            |fork| halves(fork, depth - 1),
            |fork| halves(fork, depth - 1),
        );
        left + right
    }
    let scheduler = Scheduler::builder()
        .workers(1)
        .start()
        .expect("a thread can be had");
    let ran: u64 = scheduler.install(|| {
        (0..times / 128)
            .map(|_| scheduler.fork(|fork| halves(fork, 7)))
            .sum()
    });
    assert_eq!(ran, times / 128 * 128);
}
