//! The trace: a file of who ran what, and when, in the trace-event format, which Perfetto and
//! Chrome show.
//!
//! # What is recorded
//!
//! | event | from | to |
//! |---|---|---|
//! | a work, by its name; or `work` | a turn of it begins to run | it has run; its callbacks come after |
//! | `put` | somebody puts work | it is put |
//! | an arrow | within `put` | the first turn of that work |
//! | `half` | somebody runs a stolen half of a fork | it has run |
//! | `steal` | an instant: something was stolen | |
//! | `park` | a worker with nothing to do goes to sleep | it is back |
//! | `blocked` | a worker is away, inside its work | it is back |
//! | `tick` | a round of the supervisor begins | it is over |
//! | `commit`, `conflict`, `retry`, `abort` | an attempt of a transaction begins | it is over, and how |
//!
//! # Tracks
//!
//! 1. Each thread that is seen records on a [track](mod@track) of its own, which it opens when it
//!    first has something to record: a worker, the supervisor, a thread outside that puts or joins.
//!    From then on its transactions are recorded, too: a worker's on its track, those of a thread
//!    outside, which may have several, on the first. The supervisor's, which are all the house's
//!    own, are not.
//! 2. A track has a bound. What finds no room is counted as dropped; nobody waits. A thread
//!    whose track is half full rings the supervisor.
//! 3. In each of its rounds the supervisor takes what the tracks hold, each with one exchange under
//!    the track's lock, and [writes](mod@file) it when the lock is free again. Whoever ends a run
//!    does so after the last thread has been joined. A supervisor that dozes comes back while there
//!    is something to be written.
//! 4. A track whose thread has ended is left out once it is empty. The end of the scheduler
//!    closes all of them: what a thread outside still records there is not kept.
//!
//! # Nesting
//!
//! A thread records a bar when it ends, in the order of the ends; begin and end are looked at in the
//! order in which the thread comes by, on a clock that never goes back. So of two bars of a track one
//! lies within the other, or they do not touch. A worker that replaces one which crashed goes on
//! with its track: the other has ended by then.
//!
//! A trace goes by real time, whatever clock the scheduler goes by.

pub(crate) mod file;
mod json;
mod track;

use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};

use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::local;
use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::trace::{Seen as Attempt, set_tracer};

use crate::event::Event;
use crate::local;
use crate::outlet::worker_of;
use crate::shared::Shared;
use crate::time::after;
use crate::work::info::Info;
use crate::work::own::Own;
use file::{TraceFile, Writer};
use track::{Role, Track, What};

/// How long what is recorded may wait to be written while nobody works.
const LATEST: Duration = Duration::from_millis(100);

/// A scheduler's trace.
pub(crate) struct Trace {
    tracks: Mutex<Vec<Arc<Track>>>,
    writer: Mutex<Writer>,
    /// The point in time that its times are counted from.
    zero: Instant,
    /// How much a track holds.
    room: usize,
    over: AtomicBool,
}

local! {
    /// The tracks of this thread, one for each scheduler.
    static TRACKS: RefCell<Vec<Arc<Track>>> = const { RefCell::new(Vec::new()) };
}

local! {
    /// Since when this thread is blocked, if it is.
    static BLOCKED: Cell<Option<Instant>> = const { Cell::new(None) };
}

impl Trace {
    pub(crate) fn new(file: TraceFile) -> Trace {
        let TraceFile { writer, zero, room } = file;
        Trace {
            tracks: Mutex::new(Vec::new()),
            writer: Mutex::new(writer),
            zero,
            room,
            over: AtomicBool::new(false),
        }
    }

    fn is_over(&self) -> bool {
        // Ordering: Relaxed; what is recorded late is not kept.
        self.over.load(Ordering::Relaxed)
    }

    /// Step 3.
    fn write_out(&self) -> io::Result<()> {
        if self.is_over() {
            return Ok(());
        }
        // One writer at a time, before the tracks are looked at: what was taken first is written
        // first.
        let mut writer = self.writer.lock();
        let tracks = self.tracks.lock().clone();
        let written = writer.write(&tracks);
        drop(tracks);
        self.tracks.lock().retain(|track| !track.is_left());
        written
    }

    fn close(&self) {
        // Ordering: as in `is_over`.
        self.over.store(true, Ordering::Relaxed);
        for track in self.tracks.lock().drain(..) {
            track.close();
        }
    }

    /// Step 1.
    fn open(&self, shared: &Shared, role: Role) -> Arc<Track> {
        let track = Arc::new(Track::new(shared.home(), role, self.zero, self.room));
        self.tracks.lock().push(Arc::clone(&track));
        track
    }
}

/// This thread's track in the trace of `shared`, if there is one and it goes on.
#[inline]
fn track(shared: &Shared) -> Option<Arc<Track>> {
    let trace = shared.config.trace.as_ref()?;
    if trace.is_over() {
        return None;
    }
    find(trace, shared, Role::of_thread)
}

fn find(trace: &Trace, shared: &Shared, role: fn(&Shared) -> Role) -> Option<Arc<Track>> {
    let home = shared.home();
    let found = TRACKS.try_with(|tracks| {
        let mut tracks = tracks.try_borrow_mut().ok()?;
        if let Some(track) = tracks.iter().find(|track| track.home == home) {
            return Some(Arc::clone(track));
        }
        tracks.retain(|track| track.is_open());
        let track = trace.open(shared, role(shared));
        tracks.push(Arc::clone(&track));
        set_tracer(Some(attempt));
        Some(track)
    });
    found.ok().flatten()
}

/// The track on which this thread records what says nothing of a scheduler.
fn own_track() -> Option<Arc<Track>> {
    if let Some(worker) = local::worker() {
        return track(&worker.shared);
    }
    let found = TRACKS.try_with(|tracks| tracks.try_borrow().ok()?.first().cloned());
    found.ok().flatten()
}

fn attempt(seen: Attempt) {
    if let Some(track) = own_track() {
        track.bar(seen.begun, seen.ended, What::Attempt(seen.how));
    }
}

/// Something that begins now and ends when this is dropped.
#[must_use]
pub(crate) struct Seen(Option<Open>);

struct Open {
    track: Arc<Track>,
    begun: Instant,
    what: What,
}

impl Seen {
    #[inline]
    fn begin(track: Option<Arc<Track>>, what: impl FnOnce() -> What) -> Seen {
        Seen(track.map(|track| Open {
            what: what(),
            track,
            begun: Instant::now(),
        }))
    }
}

impl Drop for Seen {
    #[inline]
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            open.track.bar(open.begun, Instant::now(), open.what);
        }
    }
}

/// The calling thread puts work.
#[inline]
pub(crate) fn puts(shared: &Shared) -> Seen {
    Seen::begin(track(shared), || What::Put)
}

/// The work that it puts: where the arrow to its run begins.
#[inline]
pub(crate) fn arrow(shared: &Shared, info: &Info) {
    if let Some(track) = track(shared) {
        track.mark(What::Arrow { id: info.id() });
    }
}

/// The calling thread runs a work, or a turn of it.
#[inline]
pub(crate) fn work(info: &Info, own: &Own, first: bool) -> Seen {
    let track = own.shared().and_then(|shared| track(shared));
    Seen::begin(track, || What::Work {
        id: info.id(),
        name: info.name().map(Box::from),
        worker: worker_of(own),
        first,
    })
}

/// The calling thread runs what it has stolen of somebody's fork.
#[inline]
pub(crate) fn half() -> Seen {
    Seen::begin(own_track(), || What::Half)
}

/// The calling worker has stolen an item from another, or a half.
#[inline]
pub(crate) fn steal(shared: &Shared, from: Option<usize>) {
    if let Some(track) = track(shared) {
        track.mark(What::Steal { from });
    }
}

/// The calling worker goes to sleep.
#[inline]
pub(crate) fn park(shared: &Shared) -> Seen {
    Seen::begin(track(shared), || What::Park)
}

/// The calling worker begins to wait inside its work.
#[inline]
pub(crate) fn block(shared: &Shared) {
    if shared.config.trace.is_some() {
        let _ = BLOCKED.try_with(|blocked| blocked.set(Some(Instant::now())));
    }
}

/// It has waited.
#[inline]
pub(crate) fn unblock(shared: &Shared) {
    if let Some(track) = track(shared) {
        let begun = BLOCKED.try_with(Cell::take).ok().flatten();
        if let Some(begun) = begun {
            track.bar(begun, Instant::now(), What::Blocked);
        }
    }
}

/// A round of the supervisor, which calls this first of all.
#[inline]
pub(crate) fn tick(shared: &Shared) -> Seen {
    let Some(trace) = shared
        .config
        .trace
        .as_ref()
        .filter(|trace| !trace.is_over())
    else {
        return Seen(None);
    };
    let track = find(trace, shared, |_| Role::Supervisor);
    set_tracer(None);
    Seen::begin(track, || What::Tick)
}

/// Writes what has been recorded. Where that fails, the trace ends, and an event says so.
#[inline]
pub(crate) fn write_out(shared: &Shared) {
    let Some(trace) = shared.config.trace.as_ref() else {
        return;
    };
    if let Err(error) = trace.write_out() {
        trace.close();
        let reason = format!("the trace could not be written and ends here: {error}");
        shared.announce(|| {
            Some(Event::SupervisorTroubled {
                reason: reason.into(),
            })
        });
    }
}

/// When a supervisor that dozes has to come back to write.
#[inline]
pub(crate) fn due(shared: &Shared) -> Option<Instant> {
    let trace = shared.config.trace.as_ref()?;
    let waits = trace.tracks.lock().iter().any(|track| track.waits());
    if waits { after(LATEST) } else { None }
}

/// The scheduler has ended: writes the rest, and that is all.
pub(crate) fn close(shared: &Shared) {
    write_out(shared);
    if let Some(trace) = &shared.config.trace {
        trace.close();
    }
}
