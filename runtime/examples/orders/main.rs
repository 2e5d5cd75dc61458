//! A shop that takes orders over HTTP, as a user of Hivework would write it.
//!
//! ```text
//! cargo run --release --example orders -- --port 3000 --stock apple=1000,pear=500
//! ```
//!
//! Stock, orders and shipments are transactional variables. An order takes its
//! stock and puts its shipping work *in one transaction* (`shop.rs`), so there
//! is never an order without its work, nor work for an order that was refused.
//! The web server's threads only wait for answers; whatever computes runs on
//! the scheduler's workers (`digest.rs`).
//!
//! | request | answer |
//! |---|---|
//! | `POST /orders` `{"item": "apple", "quantity": 2}` | 201 once shipped, 400, 404 for an item unknown, 409 beyond stock |
//! | `POST /digest?rounds=1000&deadline_ms=500`, any body | 200, 400, 413, 504 past the deadline |
//! | `GET /state` | stock, open and shipped orders, all of one instant |
//! | `GET /stats` | the scheduler's figures |
//!
//! Ctrl-C (or SIGTERM) lets the requests under way finish, drains the
//! scheduler, prints the books and ends with exit code 0.

mod digest;
mod ledger;
mod options;
mod reply;
mod routes;
mod shop;
mod shutdown;

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hivework::Scheduler;
use tokio::net::TcpListener;

use crate::options::Options;
use crate::routes::App;
use crate::shop::Shop;
use crate::shutdown::{EndRequests, serve_until_asked};

/// How long the work that is still queued may take at the end.
const DRAIN: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orders: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let mut builder = Scheduler::builder().run_interval(options.run_interval);
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    let scheduler = builder.start()?;
    let shop = Shop::new(options.stock)?;
    let app = App {
        shop: shop.clone(),
        scheduler: scheduler.clone(),
    };

    let served = tokio::runtime::Runtime::new()?.block_on(async {
        let end_requests = EndRequests::catch()?;
        let listener = listen(options.host, options.port).await?;
        greet(&listener, &shop)?;
        serve_until_asked(end_requests, listener, routes::router(app)).await
    });

    // Nobody puts orders any more: what is queued runs, then the workers end.
    scheduler.drain(DRAIN)?;
    println!("books {}", shop.state().to_json());
    println!("scheduler {}", scheduler.stats());
    Ok(served?)
}

async fn listen(host: IpAddr, port: u16) -> io::Result<TcpListener> {
    let refused = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {host}:{port}: {error}"),
        )
    };
    TcpListener::bind((host, port)).await.map_err(refused)
}

fn greet(listener: &TcpListener, shop: &Shop) -> io::Result<()> {
    let address = listener.local_addr()?;
    let item = shop.items().next().unwrap_or("apple");
    println!("listening on http://{address}");
    println!("try:");
    println!(r#"  curl http://{address}/orders -d '{{"item": "{item}", "quantity": 2}}'"#);
    println!("  curl http://{address}/state");
    Ok(())
}
