//! The pool of the `make` that started us.
//!
//! Unsafe, because the environment names files by numbers, and nobody but the caller can say whether
//! these numbers still mean what they meant when the program began.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::thread;

use jobserver::{Client, FromEnvErrorKind};

use super::JobserverError;
use crate::slots::Slots;

impl Slots {
    /// Slots of the pool of the `make -j` that started this program: one, which every process has that
    /// `make` starts, and those of the pipe.
    ///
    /// Understands `--jobserver-auth=R,W`, `--jobserver-auth=fifo:PATH` and the older `--jobserver-fds=R,W`, in
    /// `CARGO_MAKEFLAGS`, `MAKEFLAGS` or `MFLAGS`. There are as many as `-jN` says there, or as there are
    /// processors if it does not. `make` hands its pipe to those recipes alone whose line begins with a
    /// `+` or names `$(MAKE)`, unless it is a `fifo`.
    ///
    /// A token is drawn when somebody waits for a slot and none is here. What is given back goes
    /// back at once, unless somebody waits; what nobody takes, after some milliseconds. The one slot that
    /// is ours is never put into the pipe. A program that ends while somebody holds slots takes them along:
    /// drop them, and the last handle, before.
    ///
    /// ```no_run
    /// use hivework::{JobserverError, Slots};
    ///
    /// fn main() -> Result<(), JobserverError> {
    ///     // SAFETY: nothing has been opened yet.
    ///     let slots = match unsafe { Slots::from_env() } {
    ///         Err(JobserverError::Missing) => Slots::new(4)?, // by itself
    ///         slots => slots?,
    ///     };
    ///     let slot = slots.take();
    ///     drop(slot);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// With the feature `jobserver`, whose threads [`shared`](Slots::shared) tells of.
    ///
    /// # Errors
    ///
    /// [`JobserverError::Missing`] where no pool is offered, [`Malformed`](JobserverError::Malformed) where it
    /// cannot be understood, [`Closed`](JobserverError::Closed) where it cannot be opened, and
    /// [`System`](JobserverError::System) where there can be no thread. The caller decides what to do then.
    ///
    /// # Safety
    ///
    /// The numbers of files in the environment are those that the program began with, or files that
    /// nobody minds being read: so call it before anything is opened or closed, at best first in `main`.
    pub unsafe fn from_env() -> Result<Slots, JobserverError> {
        // SAFETY: by the caller's promise the numbers name what `make` has passed on.
        let found = unsafe { Client::from_env_ext(true) };
        let client = found.client.map_err(|why| match why.kind() {
            FromEnvErrorKind::NoEnvVar | FromEnvErrorKind::NoJobserver => JobserverError::Missing,
            FromEnvErrorKind::CannotParse => JobserverError::Malformed(why.to_string()),
            _ => JobserverError::Closed(why.to_string()),
        })?;
        let told = found.var.and_then(|(_, flags)| jobs(&flags));
        let size = told.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        Slots::pooled(client, size, 1)
    }
}

/// How many jobs the flags of a `make` allow, if they say.
fn jobs(flags: &OsStr) -> Option<usize> {
    let flags = flags.to_str()?.split_whitespace();
    let own = flags.take_while(|flag| *flag != "--");
    own.filter_map(|flag| {
        let jobs = flag
            .strip_prefix("-j")
            .or_else(|| flag.strip_prefix("--jobs="))?;
        jobs.parse()
            .ok()
            .filter(|jobs| (1..=super::MOST).contains(jobs))
    })
    .last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_jobs_is_read_where_it_is_told() {
        for (flags, told) in [
            ("", None),
            ("-j", None),
            (" -j4 --jobserver-auth=3,4", Some(4)),
            ("rR -j8 --jobserver-auth=fifo:/tmp/x", Some(8)),
            ("-j --jobserver-fds=3,4 --jobserver-auth=3,4", None),
            ("-j2 -j16", Some(16)),
            ("--jobs=3", Some(3)),
            ("-j0", None),
            ("-j99999999999999999999", None),
            ("-j5000", None),
            ("-jx", None),
            ("-j4 -- CFLAGS=-j9", Some(4)),
        ] {
            assert_eq!(jobs(OsStr::new(flags)), told, "{flags:?}");
        }
    }
}
