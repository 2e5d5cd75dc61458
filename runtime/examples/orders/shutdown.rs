//! Serving until Ctrl-C or SIGTERM, then letting what is under way finish.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long requests that are under way may take once the end was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until asked to end. From then on no connection is accepted, and
/// requests under way have [`GRACE`] to finish.
///
/// # Errors
///
/// The server's, or that requests were cut off.
pub(crate) async fn serve_until_asked(listener: TcpListener, router: Router) -> io::Result<()> {
    let (end, ended) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        // Ends alike on the message and when its sender is gone.
        let _ = ended.await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        stopped = &mut server => return stopped?,
        asked = asked_to_end() => asked?,
    }
    println!("ending: requests under way finish first");
    drop(end);
    match tokio::time::timeout(GRACE, server).await {
        Ok(stopped) => stopped?,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "requests were still under way and have been cut off",
        )),
    }
}

#[cfg(unix)]
async fn asked_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
