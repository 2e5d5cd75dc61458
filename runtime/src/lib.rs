//! A work-stealing runtime whose shared state is transactional memory.
//!
//! A program makes a [`Scheduler`] and puts work into it. Worker threads, one
//! for each core, run the work and steal from each other; a supervisor thread
//! watches over them. The queue that work goes through is made of transactional
//! variables, so that putting work, cancelling it, waiting for it and changing
//! the program's own state can be one atomic step:
//!
//! ```
//! use hivework::{atomically, make_scheduler, TVar};
//!
//! let scheduler = make_scheduler();
//! let (stock, open) = (TVar::new(3), TVar::new(0));
//!
//! // No work for an order that was rolled back, no order without its work.
//! let shipping = atomically(|tx| {
//!     stock.modify(tx, |stock| stock - 1)?;
//!     open.modify(tx, |open| open + 1)?;
//!     let open = open.clone();
//!     scheduler.put_work_in(tx, move || open.update(|open| open - 1))
//! });
//!
//! shipping.join().unwrap();
//! assert_eq!((stock.load(), open.load()), (2, 0));
//! ```
//!
//! * [`make_scheduler`], [`Scheduler::builder`]: making one.
//! * [`Scheduler::put_work`], [`put_work_in`](Scheduler::put_work_in): putting
//!   work; [`make_work`] gives it a name, a delay, a deadline, a [`Priority`], a callback;
//!   [`Work::every`] runs it again and again.
//! * [`WorkHandle`]: waiting, awaiting, waiting in a transaction, cancelling.
//! * [`Scheduler::put_transaction`], [`Scheduler::spawn`]: works that wait without a
//!   worker: transactions, and futures.
//! * [`Scheduler::fork`], [`Fork::join`], [`Scheduler::install`], [`join`]: dividing a
//!   computation in two, as often as there is something to divide.
//! * [`Scheduler::scope`], [`scope()`]: spawning work that borrows;
//!   [`Scheduler::broadcast`]: once on every worker.
//! * [`par_map`], [`par_for_each`], [`par_map_reduce`], [`par_find_first`], [`par_sort`]
//!   and their kin: over slices and ranges, on all workers. [`Scheduler::map`]: over whatever inputs, in
//!   their order, a window of them at a time.
//! * [`Scheduler::put_team`]: many workers on one job, which start together and end as one.
//! * [`Slots`]: bounding how many are at work at once, in parts, in transactions, and, with the feature
//!   `jobserver`, together with other processes.
//! * [`StreamScheduler`], [`Stream`], [`make_job`]: drawing jobs from named streams into slots;
//!   [`Criterion`], [`Evict`]: when they may start, and who makes room.
//! * [`Berths`]: named places that prioritised backends fill, with keepalive, time-outs and a store.
//! * [`blocking`]: saying that work waits for something the scheduler cannot see.
//! * [`Scheduler::events`], [`stats`](Scheduler::stats): looking on; [`Scheduler::on`]: events
//!   that put work.
//! * [`Scheduler::stop`], [`drain`](Scheduler::drain): ending.
//!
//! The transactional memory ([`hivework_stm`]) and its containers and channels
//! ([`stm_ports`]) are re-exported: a program depends on this crate alone.
//!
//! # Outlets
//!
//! Three features, off unless asked for, show what goes on to tools of others:
//!
//! * `tracing`: each work runs in a span `work`, with its `id`, `name` and `worker`, below the span
//!   that was current where it was put. What the supervisor has to say is logged: what goes wrong as
//!   warnings, starts and stops as information.
//! * `metrics`: `Scheduler::record_metrics` tells the figures of [`Scheduler::stats`] to the recorder.
//! * `trace`: `Builder::trace` writes a `TraceFile` of works, steals, parks, the
//!   supervisor's rounds and transactions, which <https://ui.perfetto.dev> shows.
//!
//! # What happens to a panic
//!
//! A panic in work is contained and answers the work's handle with
//! [`WorkError::Panicked`], payload included. So are panics in callbacks, thread
//! hooks and wakers, and in the `Drop` of closures, results and payloads; those in callbacks are counted
//! and told of ([`Event::CallbackPanicked`]). (With
//! `panic = "abort"` nothing can be contained.)

#![deny(unsafe_code)]

// The unit tests of the parallel functions are the integration tests.
#[cfg(test)]
extern crate self as hivework;

mod backend;
mod books;
mod broadcast;
mod builder;
mod clock;
mod cores;
mod crew;
mod event;
mod fork;
mod gate;
mod handle;
mod home;
mod idle;
mod injector;
mod job;
mod local;
mod map;
mod outlet;
mod parallel;
mod polled;
mod rooms;
mod scheduler;
mod scope;
mod shared;
mod slots;
mod spawn;
mod staff;
mod stop;
mod stream;
mod supervisor;
mod team;
mod time;
mod work;
mod worker;

pub use hivework_stm::*;
pub use stm_ports::*;

pub use backend::berths::{Berths, Kept, TaskEnd};
pub use backend::builder::{Berth, BerthsBuilder};
pub use backend::call::{BackendCall, CallError, CallFailed, OnFailure};
pub use backend::error::{BerthsError, TaskError};
pub use backend::inspect::{BackendView, BerthState, BerthView, Inspection};
pub use backend::pass::{BerthEvent, BerthTask, Pass};
#[cfg(feature = "store")]
pub use backend::store::disk::DiskStore;
pub use backend::store::memory::MemoryStore;
pub use backend::store::{Record, Store, StoreError};
pub use backend::task::{RunningTask, TaskId};
pub use backend::{Backend, BackendError};
pub use books::{Histogram, NameStats, QueueStats, Stats, WorkerStats};
pub use broadcast::NotRunning;
pub use builder::{BuildError, Builder, OverrunPolicy};
pub use clock::Clock;
pub use clock::manual::ManualClock;
pub use event::{
    BlockedWorker, Event, Events, Scale, Stall, Subscription, UserEvent, Wait, WorkId,
};
pub use fork::{Fork, join};
pub use handle::WorkHandle;
pub use job::{Consume, IntoJob, IsJob, Job, OfWork, make_job};
pub use map::Mapped;
pub use map::error::MapError;
#[cfg(feature = "trace")]
pub use outlet::trace::file::TraceFile;
pub use parallel::input::ParInput;
pub use parallel::sort::{
    par_sort, par_sort_by, par_sort_by_key, par_sort_unstable, par_sort_unstable_by,
    par_sort_unstable_by_key,
};
pub use parallel::{
    par_all, par_any, par_count, par_find_any, par_find_first, par_for_each, par_map,
    par_map_reduce, par_reduce,
};
pub use scheduler::{Scheduler, SetWorkersError, TryPutError};
pub use scope::{Scope, scope};
pub use slots::Slots;
pub use slots::error::SlotsError;
#[cfg(feature = "jobserver")]
pub use slots::jobserver::error::JobserverError;
pub use slots::slot::Slot;
pub use spawn::{CancelOnDrop, make_future, make_transaction};
pub use stop::error::{Drained, StartError, StopError};
pub use stream::StreamScheduler;
pub use stream::builder::{StreamBuilder, StreamSchedulerBuilder};
pub use stream::criterion::measure::CriterionError;
pub use stream::criterion::{Admit, Criterion};
pub use stream::error::StreamError;
pub use stream::evict::{Evict, Fate};
pub use stream::handle::Stream;
pub use stream::hooks::JobEnd;
pub use stream::order::{Draw, Next};
pub use stream::view::{JobView, StreamId, StreamView};
pub use team::error::{MemberError, TeamError};
pub use team::handle::TeamHandle;
pub use team::member::Member;
pub use work::context::{StopReason, WorkContext};
pub use work::error::{PanicReport, WorkError};
pub use work::periodic::{Continues, IntoTurns};
pub use work::priority::Priority;
pub use work::restart::make_restartable;
pub use work::state::Status;
pub use work::{IntoWork, Work, kind, make_work};
pub use worker::away::blocking;

/// Makes a scheduler and starts it: one worker for each core that this process
/// may use, a supervisor that looks every millisecond while there is work.
///
/// # Panics
///
/// When the operating system gives no threads. [`Scheduler::builder`] answers
/// that as an error.
#[must_use = "the scheduler stops when its last handle is dropped"]
pub fn make_scheduler() -> Scheduler {
    match Scheduler::builder().start() {
        Ok(scheduler) => scheduler,
        Err(error) => panic!("make_scheduler: {error}"),
    }
}

/// The README's examples, as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;

/// The mechanisms, for the models and the tests. Not part of the interface.
#[doc(hidden)]
pub mod internals {
    pub use crate::event::numbers::Numbers;
    pub use crate::fork::latch::Latch;
    pub use crate::fork::latents::{Around as ForkAround, Current, Latents, Seed};
    pub use crate::fork::peer::{Peer, Stolen};
    pub use crate::handle::deep::{Deep, Nudge};
    pub use crate::idle::{Idle, Notified, Parked, Parker};
    pub use crate::polled::lobby::{Kind, Lobby, Place};
    pub use crate::polled::turn::{Close, SetAside, Turn, TurnWord, Wakeup, Why};
    pub use crate::scope::board::Flag;
    pub use crate::scope::jobs::{End, Jobs, Next};
    pub use crate::slots::alone::LoneDrawer;
    pub use crate::stop::quiet::Quiet;
    pub use crate::stream::alone::choose;
    pub use crate::supervisor::bell::{Bell, Roused};
    pub use crate::work::alone::{Lone, LoneBands, LoneHandle, LoneTimers, lone, lone_delayed};
    pub use crate::work::state::{
        Begin, Cancel, Claim, Detach, Expire, Finish, Published, StateWord, Withdraw,
    };
    pub use crate::work::unwind::Crash;
    pub use crate::worker::away::{Around, Away, Rest};
    pub use crate::worker::current::{Mark, Waits};
    pub use crate::worker::deque::{Deque, Steal, Stealer};
}
