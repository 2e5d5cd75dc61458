//! Drives the example `orders` from outside, over real connections, and checks
//! what it promises: nothing is lost, nothing happens twice, whatever is
//! refused leaves no trace, and asked to end it ends in good order.
//!
//! ```text
//! cargo build --release --example orders
//! cargo run --release -p hivework-orders-e2e -- target/release/examples/orders
//! ```
//!
//! Every server is a process of its own on a free port of the loopback
//! interface. The whole run is bounded: past [`LIMIT`] it ends with an error.

mod books;
mod client;
mod digests;
mod load;
mod malformed;
mod server;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{Server, Signal};

const LIMIT: Duration = Duration::from_secs(180);

/// What is in stock when nothing else is said.
const STOCK: &[(&str, u64)] = &[("apple", 5000), ("pear", 3000), ("plum", 1)];

fn main() -> ExitCode {
    let Some(orders) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: orders-e2e PATH-OF-THE-BUILT-EXAMPLE");
        return ExitCode::from(2);
    };
    let run = thread::spawn(move || {
        bad_options_are_refused(&orders);
        the_stock_runs_out(&orders);
        interrupted_under_load(&orders);
        terminated(&orders);
    });
    let started = Instant::now();
    while !run.is_finished() {
        if started.elapsed() > LIMIT {
            eprintln!("orders-e2e: not finished within {LIMIT:?}");
            return ExitCode::FAILURE;
        }
        thread::park_timeout(Duration::from_millis(20));
    }
    match run.join() {
        Ok(()) => {
            println!("orders-e2e: all held, {:.1?}", started.elapsed());
            ExitCode::SUCCESS
        }
        // The panic has told what did not hold.
        Err(_) => ExitCode::FAILURE,
    }
}

fn bad_options_are_refused(orders: &Path) {
    for options in [
        &["--workers", "0"],
        &["--run-interval", "0s"],
        &["--run-interval", "soon"],
        &["--stock", "apple"],
        &["--stock", "apple=-1"],
        &["--stock", "apple=1,apple=2"],
        &["--port", "65536"],
    ] {
        let (success, said) = server::refused(orders, options);
        assert!(!success, "{options:?} must be refused");
        assert!(
            !said.trim().is_empty(),
            "{options:?} must be refused with a reason"
        );
        assert!(
            !said.contains("panicked"),
            "{options:?} must not panic: {said}"
        );
    }
    println!("bad options: each refused with a reason");
}

fn the_stock_runs_out(orders: &Path) {
    let server = Server::start(orders, STOCK);
    let (accepted, refused) = load::until_sold_out(&server.url, STOCK);
    malformed::is_refused_without_a_trace(&server.url);
    digests::work_and_keep_their_deadlines(&server.url);

    let state = client::Client::new(&server.url).state();
    books::balance(&state, STOCK);
    books::shipped_exactly(&state, &accepted);
    println!(
        "conservation: {} orders shipped exactly once, {refused} refused without a trace",
        accepted.len()
    );

    let last = server.end(Signal::Interrupt);
    assert_eq!(last, state, "the printed books are the last state");
    println!("interrupted while idle: clean exit, nothing pending");
}

fn interrupted_under_load(orders: &Path) {
    let stock = &[("apple", 100_000_000)];
    let server = Server::start(orders, stock);
    let load = load::until_cut_off(&server.url);
    let last = server.end(Signal::Interrupt);
    let accepted = load.accepted();
    books::balance(&last, stock);
    books::shipped_at_least(&last, &accepted);
    println!(
        "interrupted under load: clean exit, all {} answered orders shipped, nothing pending",
        accepted.len()
    );
}

fn terminated(orders: &Path) {
    let server = Server::start(orders, STOCK);
    books::balance(&server.end(Signal::Terminate), STOCK);
    println!("terminated: clean exit");
}
