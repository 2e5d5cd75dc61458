//! Works as spans of `tracing`, and the supervisor's news as its events.
//!
//! # The life of a work's span
//!
//! 1. *Put*: the span that is current where the work is put is kept with the item, if there is
//!    one. That keeps it open: whoever subscribes must be able to look up a parent by its number.
//! 2. *Begun*: the first turn takes it out and makes the work's own span below it, with the
//!    subscriber of the parent, which need not be that of the worker's thread. Without a parent it is
//!    a root, also where the work runs inside another. Where a filter turns the work's own
//!    span away, the parent is entered in its place, so that what the work logs belongs to it.
//! 3. *Turn*: the span is entered, and left again, also by a panic.
//! 4. *Settled*: the item lets go of it, before its outcome is published. That also goes for a work
//!    that never ran, and its parent.
//!
//! The lock is never waited for but where a deadline passes at the moment of a turn. With no
//! subscriber in the process a put and a turn cost one relaxed load each, that of
//! [`LevelFilter::current`], and the end of an item that has a box costs an uncontended lock.
//!
//! Jobs of a scope and halves of forks are no works and have no spans.

use hivework_stm::facade::sync::Mutex;
use tracing::level_filters::LevelFilter;
use tracing::span::{EnteredSpan, Id};
use tracing::subscriber::NoSubscriber;
use tracing::{Level, Span, dispatcher};

use crate::event::Event;
use crate::outlet::worker_of;
use crate::shared::Shared;
use crate::work::info::Info;
use crate::work::own::Own;
use crate::work::unwind::{contain, drop_contained, shield};

/// What an item keeps in its box: the putter's span, then its own, then none.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Option<Span>>);

impl Kept {
    fn replace(&self, span: Option<Span>) -> Option<Span> {
        std::mem::replace(&mut self.0.lock(), span)
    }
}

/// A span that this thread is in, for as long as this lives.
pub(crate) struct Entered(Option<EnteredSpan>);

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            // A work may be unwinding.
            shield(|| drop(span));
        }
    }
}

#[inline]
fn is_off() -> bool {
    LevelFilter::current() == LevelFilter::OFF
}

/// Step 1.
#[inline]
pub(crate) fn put(info: &mut Info) {
    if !is_off() {
        keep(info);
    }
}

#[cold]
fn keep(info: &mut Info) {
    let span = match contain(Span::current) {
        Ok(span) => Some(span).filter(|span| !span.is_none()),
        Err(payload) => {
            drop_contained(payload);
            None
        }
    };
    // One that was put before and came back may have another.
    if span.is_some() || info.rare().is_some() {
        drop_contained(info.make_rare().span.replace(span));
    }
}

/// Has this thread no subscriber? Nothing must be offered then: where there is only one in the
/// process, and not this thread's, an offer that nobody takes is not made a second time anywhere.
fn is_alone() -> bool {
    dispatcher::get_default(|subscriber| subscriber.is::<NoSubscriber>())
}

/// Steps 2 and 3.
#[inline]
pub(crate) fn enter(info: &Info, own: &Own, first: bool) -> Entered {
    if is_off() {
        return Entered(None);
    }
    Entered(span(info, own, first).map(Span::entered))
}

#[cold]
fn span(info: &Info, own: &Own, first: bool) -> Option<Span> {
    if !first {
        return info.rare()?.span.0.lock().clone();
    }
    let parent = info.rare().and_then(|rare| rare.span.replace(None));
    let span = make(info, own, parent);
    // A box for those alone that have one to keep.
    if span.is_none() {
        return None;
    }
    info.make_rare().span.replace(Some(span.clone()));
    Some(span)
}

fn make(info: &Info, own: &Own, parent: Option<Span>) -> Span {
    let worker = worker_of(own);
    let make = |parent: Option<Id>| {
        tracing::info_span!(
            target: "hivework",
            parent: parent,
            "work",
            id = info.id(),
            name = info.name(),
            worker,
        )
    };
    let Some(parent) = parent else {
        return if is_alone() { Span::none() } else { make(None) };
    };
    let below = parent.with_subscriber(|(id, subscriber)| {
        dispatcher::with_default(subscriber, || make(Some(id.clone())))
    });
    below.filter(|span| !span.is_disabled()).unwrap_or(parent)
}

/// Step 4.
#[inline]
pub(crate) fn close(info: &Info) {
    if let Some(rare) = info.rare() {
        drop_contained(rare.span.replace(None));
    }
}

/// Does anybody hear the supervisor's news?
#[inline]
pub(crate) fn are_heard() -> bool {
    !is_off()
}

/// Tells an event, if it is one to log: what a work does can be seen in its span, unless it ends
/// badly.
#[cold]
pub(crate) fn tell(shared: &Shared, event: &Event) {
    let scheduler = shared.config.name.as_str();
    let level = level(event).filter(|_| !is_alone());
    shield(|| match level {
        Some(Level::WARN) => tracing::warn!(target: "hivework", scheduler, "{event:?}"),
        Some(Level::INFO) => tracing::info!(target: "hivework", scheduler, "{event:?}"),
        Some(_) => tracing::debug!(target: "hivework", scheduler, "{event:?}"),
        None => {}
    });
}

fn level(event: &Event) -> Option<Level> {
    Some(match event {
        Event::WorkerCrashed { .. }
        | Event::WorkerSpawnFailed { .. }
        | Event::WorkersExhausted { .. }
        | Event::RestartsDamped { .. }
        | Event::SupervisorTroubled { .. }
        | Event::CriterionFailed { .. }
        | Event::WorkOverran { .. }
        | Event::PeriodsSkipped { .. }
        | Event::WorkPanicked { .. }
        | Event::WorkOverdue(_)
        | Event::WorkBlocked(_)
        | Event::WorkLost { .. } => Level::WARN,
        Event::Started { .. } | Event::Draining | Event::Stopped | Event::Scaled { .. } => {
            Level::INFO
        }
        Event::WorkPut(_)
        | Event::WorkStarted { .. }
        | Event::WorkFinished(_)
        | Event::Missed(_)
        | Event::User(_) => return None,
        _ => Level::DEBUG,
    })
}
