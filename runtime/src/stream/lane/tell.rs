//! What a stream tells: events, and the callbacks of its jobs and of its own.
//!
//! Each happens past every lock and transaction, on the thread that has made it happen: what the steps of a job
//! bring about in the order of those ([`Stream`]), and what is done to the stream after it has been done. A
//! callback that panics is told of as well.

use std::mem;

use hivework_stm::atomically;

use super::Lane;
use crate::event::Event;
use crate::stream::entry::Entry;
use crate::stream::handle::Stream;
use crate::stream::hooks::{JobEnd, JobHooks, OnStream, Started};
use crate::stream::pending::Held;
use crate::work::info::Info;
use crate::work::unwind::{contain, drop_contained, message};

impl Lane {
    /// It was activated or paused: tells of it, and draws what there is to be drawn.
    pub(in crate::stream) fn has_turned(&self, active: bool) {
        let stream = self.id.clone();
        self.announce(|| {
            if active {
                Event::StreamActivated { stream }
            } else {
                Event::StreamPaused { stream }
            }
        });
        let jobs: Vec<Held> = self.told.lock().jobs.values().cloned().collect();
        for job in jobs {
            job.entry.tell(&job.item.head().info, active);
        }
        self.call_all(if active {
            &self.hooks.activated
        } else {
            &self.hooks.paused
        });
        if active {
            self.pump();
        }
    }

    /// Calls back, contained.
    pub(in crate::stream) fn call(&self, call: impl FnOnce()) {
        if let Err(payload) = contain(call) {
            let why = format!("a callback panicked: {}", message(&*payload));
            drop_contained(payload);
            self.trouble(&why);
        }
    }

    /// Tells that what a user has given it has failed.
    pub(in crate::stream) fn trouble(&self, why: &str) {
        self.announce(|| Event::StreamTroubled {
            stream: self.id.clone(),
            reason: why.into(),
        });
    }

    fn announce(&self, event: impl FnOnce() -> Event) {
        if let Some(shared) = self.shared() {
            shared.announce(|| Some(event()));
        }
    }

    fn call_all(&self, hooks: &[OnStream]) {
        if hooks.is_empty() {
            return;
        }
        let Some(me) = self.me.upgrade() else { return };
        let stream = Stream::of(&me);
        for hook in hooks {
            self.call(|| hook(&stream));
        }
    }

    /// A job begins.
    pub(in crate::stream) fn job_started(&self, info: &Info, entry: &Entry, own: Vec<Started>) {
        if own.is_empty() && self.hooks.started.is_empty() {
            return;
        }
        let view = entry.view(info);
        for call in own {
            self.call(|| call(&view));
        }
        for hook in &self.hooks.started {
            self.call(|| hook(&view));
        }
    }

    /// A job is over.
    pub(in crate::stream) fn job_over(
        &self,
        info: &Info,
        entry: &Entry,
        mut own: JobHooks,
        end: JobEnd,
    ) {
        let (own, all) = if entry.has_begun() {
            (mem::take(&mut own.ended), &self.hooks.ended)
        } else {
            (mem::take(&mut own.aborted), &self.hooks.aborted)
        };
        if own.is_empty() && all.is_empty() {
            return;
        }
        let view = entry.view(info);
        for call in own {
            self.call(|| call(&view, end));
        }
        for hook in all {
            self.call(|| hook(&view, end));
        }
    }

    /// A job that had entered is over, and its callbacks have been called.
    pub(in crate::stream) fn leave_for_good(&self) {
        let emptied = atomically(|tx| {
            let mut emptied = Vec::new();
            for lane in self.upwards() {
                let mut members = lane.members.read(tx)? - 2;
                if members == 1 {
                    members = 0;
                    emptied.push(lane);
                }
                lane.members.write(tx, members)?;
            }
            Ok(emptied)
        });
        for lane in emptied {
            let stream = lane.id.clone();
            lane.announce(|| Event::StreamEmptied { stream });
            lane.call_all(&lane.hooks.emptied);
        }
    }
}
