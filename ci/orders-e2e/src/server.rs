//! One `orders` process.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// A running server; killed when dropped, should a check fail.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    /// Where it listens.
    pub(crate) url: String,
}

/// How a server is asked to end.
#[derive(Clone, Copy)]
pub(crate) enum Signal {
    /// As Ctrl-C does.
    Interrupt,
    /// As a service manager does.
    Terminate,
}

impl Server {
    /// Starts one with `stock` on a port of its own choice.
    pub(crate) fn start(orders: &Path, stock: &[(&str, u64)]) -> Server {
        let stock: Vec<String> = stock
            .iter()
            .map(|(item, n)| format!("{item}={n}"))
            .collect();
        let mut child = Command::new(orders)
            .args(["--port", "0", "--stock", &stock.join(",")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", orders.display()));
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Server {
            child,
            lines,
            url: String::new(),
        };
        server.url = server.line_after("listening on ");
        server
    }

    /// Waits for a line that begins with `label` and answers the rest of it.
    fn line_after(&self, label: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(label) {
                        return rest.to_owned();
                    }
                }
                Err(error) => panic!("no line `{label}…` from the server: {error}"),
            }
        }
    }

    /// Sends the signal and waits for a clean exit; answers the printed books.
    pub(crate) fn end(mut self, signal: Signal) -> Value {
        let signal = match signal {
            Signal::Interrupt => "-INT",
            Signal::Terminate => "-TERM",
        };
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .expect("the command `kill`");
        assert!(sent.success(), "the signal was not sent");
        let books = self.line_after("books ");
        let status = self.exit_status();
        assert_eq!(status.code(), Some(0), "a clean exit, not {status}");
        serde_json::from_str(&books).expect("the books are JSON")
    }

    fn exit_status(&mut self) -> std::process::ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < until, "the server does not end");
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of no effect on one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the server with options it must refuse; answers whether it ended well,
/// and what it said. One that starts after all is killed.
pub(crate) fn refused(orders: &Path, options: &[&str]) -> (bool, String) {
    let mut child = Command::new(orders)
        .args(["--port", "0"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", orders.display()));
    let mut stderr = child.stderr.take().expect("piped");
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            panic!("{options:?} was accepted");
        }
        thread::park_timeout(Duration::from_millis(5));
    };
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("text");
    (status.success(), said)
}
