//! How many cores this process may use.
//!
//! The smallest of: the processors that the thread may run on (affinity), and what the quota of
//! each control group allows that the process is in, its own and every one around it
//! ([quota]). A quota is rounded up, because a worker more than it pays for in full is
//! slowed a little, and one less leaves some of it unused. It is one core at least.
//!
//! All of it is read anew each time: limits change while a process runs. `num_cpus` keeps
//! the first quota that it has read, and so a limit that was lifted would never be seen; it
//! is asked where there are no files to read.

mod quota;

use std::fs;
use std::path::Path;

/// How many cores this process may use at this moment.
pub(crate) fn usable() -> usize {
    // An interpreter may have no files, and runs one thread at a time in any case.
    if cfg!(all(target_os = "linux", not(miri))) {
        usable_below(Path::new("/"), num_cpus::get)
    } else {
        num_cpus::get()
    }
}

/// The same for the system whose files lie below `root`; `otherwise` where they do not say how
/// many processors there are.
fn usable_below(root: &Path, otherwise: impl FnOnce() -> usize) -> usize {
    let processors = allowed(root).unwrap_or_else(otherwise).max(1);
    match quota::smallest(root) {
        Some(quota) => processors.min(quota.max(1)),
        None => processors,
    }
}

/// How many processors this thread may run on.
fn allowed(root: &Path) -> Option<usize> {
    let status = fs::read_to_string(root.join("proc/thread-self/status")).ok()?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    count(list.trim())
}

/// How many numbers a list like `0-3,8` has.
fn count(list: &str) -> Option<usize> {
    let mut sum = 0_usize;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        sum = sum.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests;
