//! What the machine has left, as the system says it.

use std::fmt;
use std::fs;

/// Why there is no such criterion.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum CriterionError {
    /// The system does not say what it is about.
    Unsupported {
        /// Where it was looked for, and what was found there.
        why: String,
    },
    /// No load is below this.
    Senseless {
        /// What was asked for.
        load: f64,
    },
}

impl fmt::Display for CriterionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CriterionError::Unsupported { why } => write!(
                f,
                "this system does not say: {why}; use `Criterion::when` with a measure of your own"
            ),
            CriterionError::Senseless { load } => write!(
                f,
                "no load is below {load}, and jobs would never start: ask for a number above zero"
            ),
        }
    }
}

impl std::error::Error for CriterionError {}

/// How many bytes of memory are available.
pub(super) fn memory() -> Result<u64, CriterionError> {
    read("/proc/meminfo", available)
}

/// How many threads run or want to, over the last minute.
pub(super) fn load() -> Result<f64, CriterionError> {
    read("/proc/loadavg", average)
}

fn read<T>(path: &str, parse: fn(&str) -> Option<T>) -> Result<T, CriterionError> {
    let unsupported = |why| CriterionError::Unsupported { why };
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| unsupported(format!("{path}: {error}")))?;
    parse(&text).ok_or_else(|| unsupported(format!("{path} has no such figure")))
}

fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn average(text: &str) -> Option<f64> {
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    load.is_finite().then_some(load)
}

#[cfg(test)]
mod tests {
    use super::{available, average};

    #[test]
    fn the_figures_are_found_where_linux_writes_them() {
        let memory = "MemTotal:       16303428 kB\nMemFree:  1 kB\nMemAvailable:   11534336 kB\n";
        assert_eq!(available(memory), Some(11_534_336 * 1024));
        assert_eq!(average("0.52 0.58 0.59 1/389 4211\n"), Some(0.52));
    }

    #[test]
    fn what_is_not_there_or_odd_is_no_figure() {
        for text in ["", "MemTotal: 5 kB\n", "MemAvailable: 5 MB\n", "MemAvailable: -5 kB\n"] {
            assert_eq!(available(text), None, "{text:?}");
        }
        assert_eq!(available("MemAvailable: 18446744073709551615 kB\n"), None);
        for text in ["", "load\n", "NaN 1 1\n", "inf 1 1\n"] {
            assert_eq!(average(text), None, "{text:?}");
        }
    }
}
