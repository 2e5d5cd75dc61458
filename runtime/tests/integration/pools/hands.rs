//! What the tests of pools work with: folders, logs, processes and pipes.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::BOUND;

/// What the child is to do, and where its log is.
pub(super) const ROLE: &str = "HIVEWORK_CHILD";
pub(super) const LOG: &str = "HIVEWORK_LOG";
pub(super) const FLAGS: [&str; 3] = ["CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS"];

/// A folder of its own, gone at the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("hivework-jobserver-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.file(name), text).unwrap();
        self.file(name)
    }

    /// How many were at work, and how many of them at once.
    pub(super) fn logged(&self) -> (usize, usize) {
        let (mut all, mut now, mut most) = (0, 0, 0);
        for line in fs::read_to_string(self.file("log")).unwrap().lines() {
            match line {
                "+" => (all, now) = (all + 1, now + 1),
                "-" => now -= 1,
                other => panic!("what is {other}?"),
            }
            most = most.max(now);
        }
        assert_eq!(now, 0, "some never ended");
        (all, most)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn log(path: &Path, line: &str) {
    let mut log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    log.write_all(line.as_bytes()).unwrap();
}

/// At work for a moment.
pub(super) fn at_work(path: &Path) {
    log(path, "+\n");
    thread::sleep(Duration::from_millis(1));
    log(path, "-\n");
}

/// Without a pool in its environment.
pub(super) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for flags in FLAGS {
        command.env_remove(flags);
    }
    command
}

/// This program, as [`child`].
pub(super) fn program() -> String {
    let own = std::env::current_exe().unwrap();
    format!("{} --exact pools::child --nocapture -q", own.display())
}

/// Ends within the bound, or fails the test.
pub(super) fn finish(mut child: Child) -> Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > BOUND {
            let _ = child.kill();
            panic!("a process does not end");
        }
        thread::yield_now();
    }
    child.wait_with_output().unwrap()
}

pub(super) fn run(command: &mut Command) -> Output {
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(piped.spawn().unwrap())
}

pub(super) fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// `make` with so many jobs, or None where there is none.
pub(super) fn make(folder: &Folder, jobs: usize, rules: &str) -> Option<Output> {
    if command("make").arg("--version").output().is_err() {
        eprintln!("there is no make: passed over");
        return None;
    }
    let file = folder.write("Makefile", rules);
    let mut make = command("make");
    make.arg(format!("-j{jobs}")).arg("-f").arg(file);
    make.env(LOG, folder.file("log"));
    let output = run(&mut make);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    // What make says when tokens are missing at its end, or too many.
    assert!(!said.contains("INTERNAL"), "{said}");
    Some(output)
}

/// Rules of which each writes into the log.
pub(super) fn at_work_rules(count: usize) -> String {
    let names: Vec<String> = (0..count).map(|n| format!("w{n}")).collect();
    let names = names.join(" ");
    format!("all: {names}\n{names}:\n\t@echo + >> \"$${LOG}\"; sleep 0.01; echo - >> \"$${LOG}\"\n")
}

pub(super) fn child_rule(name: &str, role: &str) -> String {
    format!("{name}:\n\t+@{ROLE}={role} {}\n", program())
}

/// A pipe with a name, and the bytes that are in it.
pub(super) struct Fifo(PathBuf, fs::File);

impl Fifo {
    pub(super) fn new(folder: &Folder, tokens: &[u8]) -> Fifo {
        let path = folder.file("fifo");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true);
        let mut file = options.custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        file.write_all(tokens).unwrap();
        Fifo(path, file)
    }

    pub(super) fn child(&self, role: &str) -> Command {
        let flags = format!(" -j3 --jobserver-auth=fifo:{}", self.0.display());
        let mut child = command("sh");
        child.args(["-c", &program()]);
        child.env(ROLE, role).env("MAKEFLAGS", flags);
        child
    }

    /// What is in the pipe, in order.
    pub(super) fn tokens(&mut self) -> Vec<u8> {
        let mut tokens = vec![0; 64];
        let count = self.1.read(&mut tokens).unwrap_or(0);
        tokens.truncate(count);
        tokens.sort_unstable();
        tokens
    }
}
