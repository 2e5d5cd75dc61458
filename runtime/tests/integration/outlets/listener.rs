//! A subscriber that keeps all that it hears, and that fails a test which names a span that has
//! been closed.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

/// A span, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) name: &'static str,
    pub(super) parent: Option<u64>,
    /// `field=value` for each.
    pub(super) fields: Vec<String>,
    pub(super) entered: usize,
    pub(super) left: usize,
    pub(super) closed: bool,
    references: usize,
    metadata: &'static Metadata<'static>,
}

#[derive(Default)]
pub(super) struct Heard {
    spans: Vec<Seen>,
    events: Vec<(Level, String)>,
    inside: HashMap<ThreadId, Vec<u64>>,
}

/// See the [module](self).
#[derive(Clone, Default)]
pub(super) struct Listener {
    pub(super) heard: Arc<Mutex<Heard>>,
    /// Does it turn away what is of the scheduler's making?
    pub(super) is_picky: bool,
    /// Does it panic over a work's span?
    pub(super) panics: bool,
}

impl Listener {
    /// The spans of this name, with their numbers.
    pub(super) fn spans(&self, name: &str) -> Vec<(u64, Seen)> {
        let heard = self.heard.lock().unwrap();
        let numbered = (1..).zip(heard.spans.iter().cloned());
        numbered.filter(|(_, span)| span.name == name).collect()
    }

    /// The one span of this name.
    pub(super) fn span(&self, name: &str) -> (u64, Seen) {
        let mut spans = self.spans(name);
        assert_eq!(spans.len(), 1, "{name}: {spans:?}");
        spans.remove(0)
    }

    pub(super) fn has_event(&self, level: Level, what: &str) -> bool {
        let heard = self.heard.lock().unwrap();
        let mut events = heard.events.iter();
        events.any(|(at, message)| *at == level && message.contains(what))
    }

    fn with<R>(&self, id: &Id, f: impl FnOnce(&mut Seen) -> R) -> R {
        let mut heard = self.heard.lock().unwrap();
        let span = &mut heard.spans[id.into_u64() as usize - 1];
        assert!(!span.closed, "named after its end: {span:?}");
        f(span)
    }
}

struct Fields(Vec<String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push(format!("{field}={value:?}"));
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !(self.is_picky && metadata.target() == "hivework")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let metadata = span.metadata();
        assert!(
            !self.panics || metadata.name() != "work",
            "a bad subscriber"
        );
        let parent = match span.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if span.is_contextual() => self.current_span().id().map(Id::into_u64),
            None => None,
        };
        if let Some(parent) = parent {
            // A child keeps its parent open, as that of the crate `tracing-subscriber` does.
            self.clone_span(&Id::from_u64(parent));
        }
        let mut fields = Fields(Vec::new());
        span.record(&mut fields);
        let mut heard = self.heard.lock().unwrap();
        heard.spans.push(Seen {
            name: metadata.name(),
            parent,
            fields: fields.0,
            entered: 0,
            left: 0,
            closed: false,
            references: 1,
            metadata,
        });
        Id::from_u64(heard.spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        let mut message = String::new();
        write!(message, "{:?}", fields.0).unwrap();
        let mut heard = self.heard.lock().unwrap();
        heard.events.push((*event.metadata().level(), message));
    }

    fn enter(&self, id: &Id) {
        self.with(id, |span| span.entered += 1);
        let mut heard = self.heard.lock().unwrap();
        let inside = heard.inside.entry(thread::current().id()).or_default();
        inside.push(id.into_u64());
    }

    fn exit(&self, id: &Id) {
        self.with(id, |span| span.left += 1);
        let mut heard = self.heard.lock().unwrap();
        let inside = heard.inside.entry(thread::current().id()).or_default();
        assert_eq!(
            inside.pop(),
            Some(id.into_u64()),
            "left another than it is in"
        );
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.with(id, |span| span.references += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let (closed, parent) = self.with(&id, |span| {
            span.references -= 1;
            span.closed = span.references == 0;
            (span.closed, span.parent)
        });
        if let Some(parent) = parent.filter(|_| closed) {
            self.try_close(Id::from_u64(parent));
        }
        closed
    }

    fn current_span(&self) -> Current {
        let heard = self.heard.lock().unwrap();
        let inside = heard.inside.get(&thread::current().id());
        match inside.and_then(|inside| inside.last()) {
            Some(&number) => {
                let metadata = heard.spans[number as usize - 1].metadata;
                Current::new(Id::from_u64(number), metadata)
            }
            None => Current::none(),
        }
    }
}
