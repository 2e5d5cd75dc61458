//! A job that computes: SHA-256 over the body, then over its own digest, `rounds` times.

use std::time::Duration;

use hivework::{Scheduler, WorkContext, WorkError, make_work};
use sha2::{Digest, Sha256};

/// How many rounds run between two looks at the deadline: some tens of microseconds.
const STRIDE: u32 = 256;

/// Computes on a worker and waits for the result.
///
/// # Errors
///
/// [`WorkError::DeadlineExceeded`] when the deadline passes first. The job
/// notices at its next checkpoint and frees its worker.
pub(crate) async fn digest(
    scheduler: &Scheduler,
    body: Vec<u8>,
    rounds: u32,
    deadline: Duration,
) -> Result<String, WorkError> {
    let job = move |context: &WorkContext| -> Result<String, WorkError> {
        let mut digest = Sha256::digest(&body);
        for round in 1..rounds {
            if round % STRIDE == 0 {
                context.checkpoint()?;
            }
            digest = Sha256::digest(digest);
        }
        Ok(format!("{digest:x}"))
    };
    let work = make_work(job).name("digest").deadline(deadline);
    scheduler.put_work(work).await?
}
