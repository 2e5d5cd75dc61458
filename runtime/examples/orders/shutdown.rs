//! Serving until Ctrl-C or SIGTERM, then letting what is under way finish.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long requests that are under way may take once the end was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Ctrl-C and, where there is such a thing, SIGTERM.
#[derive(Debug)]
pub(crate) struct EndRequests {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl EndRequests {
    /// Catches them from now on. To be called before anybody is told that the
    /// server is there: until then a signal simply kills it.
    #[cfg(unix)]
    pub(crate) fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(EndRequests {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Catches them from now on.
    #[cfg(windows)]
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(EndRequests {
            interrupt: tokio::signal::windows::ctrl_c()?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(windows)]
    async fn next(&mut self) {
        self.interrupt.recv().await;
    }
}

/// Serves until asked to end. From then on no connection is accepted, and
/// requests under way have [`GRACE`] to finish.
///
/// # Errors
///
/// The server's, or that requests were cut off.
pub(crate) async fn serve_until_asked(
    mut end_requests: EndRequests,
    listener: TcpListener,
    router: Router,
) -> io::Result<()> {
    let (end, ended) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        // Ends alike on the message and when its sender is gone.
        let _ = ended.await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        stopped = &mut server => return stopped?,
        () = end_requests.next() => {}
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
