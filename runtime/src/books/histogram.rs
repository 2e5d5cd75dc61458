//! How long things took, in fixed memory: counts by duration, in buckets that grow with it.
//!
//! A duration is a number of nanoseconds, and its bucket is found by its highest bits:
//!
//! ```text
//!   0 to 15    a bucket each
//!   from 16    0…01bbbb······   sixteen buckets, the bits b, to each power of two
//! ```
//!
//! So a bucket is at most a sixteenth as wide as what is in it is long, and its middle differs
//! from any of that by a 32nd at most. All that 64 bits can say has a bucket: five centuries.
//!
//! Whoever records adds to the sum, moves the least and the greatest, and counts the bucket last; whoever
//! reads begins with the buckets. So the sum and the bounds take in all that has been counted,
//! and perhaps a little more.

use std::fmt;
use std::time::Duration;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};

#[cfg(test)]
mod tests;

/// How many bits below the highest one tell buckets apart.
const BITS: u32 = 4;

/// How many buckets there are to each power of two.
const SPLIT: usize = 1 << BITS;

/// How many there are altogether.
const BUCKETS: usize = (64 - BITS as usize + 1) * SPLIT;

/// The bucket that this many nanoseconds belong to.
fn bucket(nanos: u64) -> usize {
    let Some(high) = nanos.checked_ilog2().filter(|high| *high >= BITS) else {
        return nanos as usize;
    };
    let power = high - BITS;
    // The highest bit, which is set, counts for one SPLIT.
    power as usize * SPLIT + (nanos >> power) as usize
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let power = (bucket / SPLIT).saturating_sub(1);
    let low = (bucket - power * SPLIT) as u64;
    (low << power) + ((1 << power) - 1) / 2
}

/// In nanoseconds, or as many as can be said.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where durations are counted, by any number of threads; see the [module](self).
pub(crate) struct Recorder {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    least: AtomicU64,
    greatest: AtomicU64,
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
            least: AtomicU64::new(u64::MAX),
            greatest: AtomicU64::new(0),
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

impl Recorder {
    pub(crate) fn record(&self, took: Duration) {
        let nanos = nanos(took);
        // Ordering: Relaxed; the count of the bucket publishes these.
        self.sum.fetch_add(nanos, Ordering::Relaxed);
        self.least.fetch_min(nanos, Ordering::Relaxed);
        self.greatest.fetch_max(nanos, Ordering::Relaxed);
        // Ordering: Release; partner: the Acquire in `read`.
        self.buckets[bucket(nanos)].fetch_add(1, Ordering::Release);
    }

    pub(crate) fn read(&self) -> Histogram {
        let mut counts = Vec::new();
        for (bucket, count) in (0..).zip(&self.buckets) {
            // Ordering: Acquire; partner: the Release in `record`.
            let count = count.load(Ordering::Acquire);
            if count > 0 {
                counts.push((bucket, count));
            }
        }
        if counts.is_empty() {
            return Histogram::default();
        }
        Histogram {
            counts,
            // Ordering: Relaxed; the Acquires above make them new enough.
            sum: self.sum.load(Ordering::Relaxed).into(),
            least: self.least.load(Ordering::Relaxed),
            greatest: self.greatest.load(Ordering::Relaxed),
        }
    }
}

/// How long things took: how many there were, the shortest, the longest, the mean and
/// any quantile.
///
/// The count, the shortest and the longest are exact. A quantile is that of one of the
/// durations, within a 32nd of it (3.2 %): durations are counted in buckets, sixteen to each power of
/// two, as in Gil Tene's HdrHistogram. The mean is exact where nothing was being recorded meanwhile.
///
/// ```
/// use std::time::Duration;
/// use hivework::{make_scheduler, make_work};
///
/// let scheduler = make_scheduler();
/// for _ in 0..3 {
///     scheduler.put_work(make_work(|| 6 * 7).name("answer")).join().unwrap();
/// }
/// let stats = scheduler.stats();
/// let run_time = &stats.name("answer").unwrap().run_time;
/// assert_eq!(run_time.count(), 3);
/// assert!(run_time.min() <= run_time.quantile(0.5));
/// assert!(run_time.mean() <= run_time.max());
/// println!("{run_time}");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Histogram {
    /// Of those buckets in which there is anything, from the shortest durations on.
    counts: Vec<(u16, u64)>,
    sum: u128,
    least: u64,
    greatest: u64,
}

impl Histogram {
    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The shortest; none where there is none.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.some(self.least)
    }

    /// The longest; none where there is none.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        self.some(self.greatest)
    }

    /// The mean; none where there is none.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let mean = self.sum.checked_div(self.count().into())?;
        let mean = u64::try_from(mean).unwrap_or(u64::MAX);
        // What was being recorded may be in the sum, and not yet in the count.
        self.some(mean.clamp(self.least, self.greatest))
    }

    /// The shortest duration that at least this share of them do not exceed: the median
    /// for 0.5, the shortest for 0, the longest for 1. What is beyond 0 and 1 counts as the nearer
    /// of them. None where there is no duration, or the share is not a number.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 || share.is_nan() {
            return None;
        }
        let rank = (share.clamp(0.0, 1.0) * count as f64).ceil() as u64;
        match rank {
            0 | 1 => return self.min(),
            _ if rank >= count => return self.max(),
            _ => {}
        }
        let mut seen = 0;
        let found = self.counts.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        let (bucket, _) = found?;
        let nanos = middle((*bucket).into());
        self.some(nanos.clamp(self.least, self.greatest))
    }

    /// The durations of another, as well.
    pub(super) fn add(&mut self, other: &Histogram) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        for &(bucket, count) in &other.counts {
            match self.counts.binary_search_by_key(&bucket, |(own, _)| *own) {
                Ok(place) => self.counts[place].1 += count,
                Err(place) => self.counts.insert(place, (bucket, count)),
            }
        }
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    fn some(&self, nanos: u64) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_nanos(nanos))
    }
}

impl fmt::Display for Histogram {
    /// How many, the mean, the shortest, the median, the 99th percentile and the longest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantile = |share| self.quantile(share).unwrap_or_default();
        if self.is_empty() {
            return f.write_str("none");
        }
        write!(
            f,
            "{} of {:.1?} on average, from {:.1?} to {:.1?}, median {:.1?}, p99 {:.1?}",
            self.count(),
            self.mean().unwrap_or_default(),
            quantile(0.0),
            quantile(1.0),
            quantile(0.5),
            quantile(0.99),
        )
    }
}
