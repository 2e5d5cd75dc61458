//! What a worker does with its time: it sleeps for want of work, it is away, it is busy.
//!
//! A thread sits on the seat from its beginning to its end, and meanwhile is *parked* or *away*
//! at times, never both: it parks between two items, and is away inside one. Each of the three
//! is a sum of what is past and the beginning of what is not, so that a worker that sleeps or
//! waits at the moment counts up to now. *Busy* is the rest of the time that somebody sat there,
//! which costs nobody anything: the beginnings and the ends are where a thread goes to sleep
//! or comes from there.
//!
//! A lock keeps the three together, so that they add up whenever they are read. It is the worker's
//! own but for who reads, and its clock is the machine's: what a processor was used for no
//! other clock can say.

use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Mutex;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Times(Mutex<Spans>);

#[derive(Debug, Default)]
struct Spans {
    seated: Span,
    parked: Span,
    away: Span,
}

/// Stretches of time one after the other, the last of which may go on.
#[derive(Debug, Default)]
struct Span {
    past: Duration,
    since: Option<Instant>,
}

impl Span {
    fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    fn end(&mut self, now: Instant) {
        self.past = self.until(now);
        self.since = None;
    }

    fn until(&self, now: Instant) -> Duration {
        let last = self.since.map(|since| now.saturating_duration_since(since));
        self.past.saturating_add(last.unwrap_or_default())
    }
}

/// A worker's times up to a moment.
#[derive(Debug)]
pub(super) struct Spent {
    pub(super) is_here: bool,
    pub(super) busy: Duration,
    pub(super) parked: Duration,
    pub(super) away: Duration,
}

impl Times {
    /// A thread takes the seat.
    pub(crate) fn arrive(&self) {
        self.0.lock().seated.begin();
    }

    /// It ends, wherever it was.
    pub(crate) fn leave(&self) {
        let mut spans = self.0.lock();
        let now = Instant::now();
        spans.parked.end(now);
        spans.away.end(now);
        spans.seated.end(now);
    }

    /// Calls `sleep`, in which the thread sleeps for want of work.
    pub(crate) fn parked<R>(&self, sleep: impl FnOnce() -> R) -> R {
        self.0.lock().parked.begin();
        let slept = sleep();
        self.0.lock().parked.end(Instant::now());
        slept
    }

    /// When the sleep began in which the thread is; it tells that sleep from any other.
    pub(crate) fn parked_since(&self) -> Option<Instant> {
        self.0.lock().parked.since
    }

    /// The thread begins to wait inside its item.
    pub(crate) fn go_away(&self) {
        self.0.lock().away.begin();
    }

    /// It has waited.
    pub(crate) fn come_back(&self) {
        self.0.lock().away.end(Instant::now());
    }

    pub(super) fn read(&self) -> Spent {
        let spans = self.0.lock();
        // Under the lock, so that nothing has begun or ended later.
        let now = Instant::now();
        let (parked, away) = (spans.parked.until(now), spans.away.until(now));
        Spent {
            is_here: spans.seated.since.is_some(),
            busy: spans
                .seated
                .until(now)
                .saturating_sub(parked.saturating_add(away)),
            parked,
            away,
        }
    }
}
