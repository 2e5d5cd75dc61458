//! Setting up streams and their schedulers.

use std::fmt;
use std::sync::Arc as StdArc;

use hivework_stm::facade::sync::{Arc, Weak};

use super::StreamScheduler;
use super::criterion::Criterion;
use super::drawer::{Drawer, next_number};
use super::error::StreamError;
use super::evict::Evict;
use super::handle::Stream;
use super::hooks::{JobEnd, StreamHooks};
use super::lane::{Lane, Plan};
use super::order::{Draw, Next};
use super::terms::Terms;
use super::view::{JobView, StreamId};
use crate::home::Home;
use crate::rooms::Room;
use crate::slots::Slots;

/// Sets up a [`StreamScheduler`]. Made by [`StreamScheduler::builder`].
#[must_use = "a scheduler of streams does nothing until it is built"]
pub struct StreamSchedulerBuilder {
    pub(super) home: Home,
    pub(super) slots: Slots,
    pub(super) draw: Draw,
    pub(super) terms: Terms,
}

impl StreamSchedulerBuilder {
    /// From which of its streams it draws; [`Draw::StrictPriority`] unless set.
    pub fn draw(mut self, draw: Draw) -> Self {
        self.draw = draw;
        self
    }

    /// Whether a job that is more urgent than one that runs may take its slot; [`Evict::Never`] unless
    /// set. How urgent a job is says its own [priority](crate::Job::priority), not its stream's; which
    /// job waits for the slot says the strategy as ever: it is the one that would be drawn next. So
    /// this goes well with [`Next::Priority`], and streams of one priority.
    ///
    /// Jobs that [share](crate::Consume::Shared) a slot do not have to leave it, and keep it when
    /// the one that took it has left. A stream, or a subordinate scheduler, whose own slots are all
    /// taken waits for one of these.
    ///
    /// ```
    /// use hivework::{Evict, Fate, Scheduler, Slots, StreamScheduler, WorkContext, WorkError, make_job};
    ///
    /// let scheduler = Scheduler::builder().workers(1).start()?;
    /// let streams = StreamScheduler::builder(&scheduler, &Slots::new(1)?)
    ///     .evict(Evict::StrictlyWorst(Fate::Dropped))
    ///     .build()?;
    /// let stream = streams.stream("nights").open()?;
    /// let endless = stream.put(|work: &WorkContext| loop {
    ///     if work.checkpoint().is_err() {
    ///         return;
    ///     }
    /// });
    /// let urgent = stream.put(make_job(|| "done").priority(1));
    /// assert_eq!(urgent.join()?, "done");
    /// assert!(matches!(endless.join(), Err(WorkError::Evicted)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn evict(mut self, evict: Evict) -> Self {
        self.terms.evict = evict;
        self
    }

    /// No job starts unless this holds, whether it takes a slot or shares one. Of several, all have to.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework::{Criterion, Scheduler, Slots, StreamScheduler, TVar, WorkError, make_job};
    ///
    /// let scheduler = Scheduler::builder().workers(1).start()?;
    /// let open = TVar::new(false);
    /// let gate = open.clone();
    /// let streams = StreamScheduler::builder(&scheduler, &Slots::new(1)?)
    ///     .admit(Criterion::transaction(move |tx| gate.read(tx)))
    ///     .build()?;
    /// let stream = streams.stream("gated").open()?;
    /// let impatient = stream.put(make_job(|| ()).start_within(Duration::from_millis(2)));
    /// assert!(matches!(impatient.join(), Err(WorkError::Blocked)));
    /// let patient = stream.put(|| "in");
    /// open.store(true);
    /// assert_eq!(patient.join()?, "in");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn admit(mut self, criterion: Criterion) -> Self {
        let criterion = match self.terms.criterion.take() {
            Some(first) => first.and(criterion),
            None => criterion,
        };
        self.terms.criterion = Some(criterion);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    ///
    /// A [`StreamError`] that says what was set wrongly.
    pub fn build(self) -> Result<StreamScheduler, StreamError> {
        let drawer = Drawer::new(self.home, self.slots, self.draw, None, self.terms);
        Ok(StreamScheduler {
            drawer,
            outer: None,
        })
    }
}

impl fmt::Debug for StreamSchedulerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSchedulerBuilder")
            .field("slots", &self.slots)
            .field("draw", &self.draw)
            .field("evict", &self.terms.evict)
            .field("admit", &self.terms.criterion)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`Stream`]. Made by [`StreamScheduler::stream`].
#[must_use = "a stream is there once it is opened"]
pub struct StreamBuilder {
    pub(super) drawer: Arc<Drawer>,
    pub(super) name: StdArc<str>,
    pub(super) priority: i32,
    pub(super) weight: u32,
    pub(super) next: Next,
    pub(super) active: bool,
    pub(super) part: Option<usize>,
    pub(super) hooks: StreamHooks,
}

impl StreamBuilder {
    pub(super) fn new(drawer: &Arc<Drawer>, name: &str) -> StreamBuilder {
        StreamBuilder {
            drawer: Arc::clone(drawer),
            name: name.into(),
            priority: 0,
            weight: 1,
            next: Next::Fifo,
            active: true,
            part: None,
            hooks: StreamHooks::default(),
        }
    }

    /// How urgent it is among the streams of its scheduler, where that draws by
    /// [strict priority](Draw::StrictPriority): higher comes first, and 0 unless set. Every number is one.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Its share, where its scheduler draws by [weight](Draw::WeightedFair): a stream of weight 2 has twice as many jobs drawn as
    /// one of weight 1. 1 unless set; 0 is an error of [`open`](StreamBuilder::open).
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Which of its jobs comes next; [`Next::Fifo`] unless set.
    pub fn next(mut self, next: Next) -> Self {
        self.next = next;
        self
    }

    /// Opens it paused: its jobs wait until it is [activated](Stream::activate).
    pub fn paused(mut self) -> Self {
        self.active = false;
        self
    }

    /// No more than so many of its jobs run at a time: its slots are a [part](Slots::narrow) of its
    /// scheduler's. None at all, or more than those, is an error of [`open`](StreamBuilder::open).
    pub fn slots(mut self, most: usize) -> Self {
        self.part = Some(most);
        self
    }

    /// Called for each of its jobs that starts, before anything of that runs, on the thread that runs it.
    pub fn on_job_started(mut self, call: impl Fn(&JobView) + Send + Sync + 'static) -> Self {
        self.hooks.started.push(Arc::new(call));
        self
    }

    /// Called for each of its jobs that has ended after it started; its handle has been answered by then.
    pub fn on_job_ended(mut self, call: impl Fn(&JobView, JobEnd) + Send + Sync + 'static) -> Self {
        self.hooks.ended.push(Arc::new(call));
        self
    }

    /// Called for each of its jobs that is over and has never started.
    pub fn on_job_aborted(
        mut self,
        call: impl Fn(&JobView, JobEnd) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.aborted.push(Arc::new(call));
        self
    }

    /// Called whenever it is [activated](Stream::activate), before a job is drawn for that reason. To be opened active
    /// does not count.
    pub fn on_activated(mut self, call: impl Fn(&Stream) + Send + Sync + 'static) -> Self {
        self.hooks.activated.push(Arc::new(call));
        self
    }

    /// Called whenever it is [paused](Stream::pause). To be opened paused does not count.
    pub fn on_paused(mut self, call: impl Fn(&Stream) + Send + Sync + 'static) -> Self {
        self.hooks.paused.push(Arc::new(call));
        self
    }

    /// Called whenever none of its jobs waits or runs any more, and one at least has run since it was opened or was
    /// emptied the last time. It may put more.
    pub fn on_emptied(mut self, call: impl Fn(&Stream) + Send + Sync + 'static) -> Self {
        self.hooks.emptied.push(Arc::new(call));
        self
    }

    /// Opens it.
    ///
    /// # Errors
    ///
    /// A [`StreamError`] that says what was set wrongly.
    pub fn open(self) -> Result<Stream, StreamError> {
        if self.weight == 0 {
            return Err(StreamError::ZeroWeight);
        }
        let slots = match self.part {
            Some(most) => self.drawer.slots.narrow(most)?,
            None => self.drawer.slots.clone(),
        };
        let plan = Plan {
            id: StreamId {
                id: next_number(),
                name: self.name,
            },
            priority: self.priority,
            weight: self.weight,
            next: self.next,
            active: self.active,
            slots,
            hooks: self.hooks,
        };
        let lane = Lane::new(&self.drawer, plan);
        let stream = Stream::of(&lane);
        self.drawer.add(&lane);
        if let Some(shared) = lane.shared() {
            let room: Arc<dyn Room> = lane;
            shared.rooms.add(&room);
        }
        Ok(stream)
    }
}

impl fmt::Debug for StreamBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBuilder")
            .field("name", &self.name)
            .field("priority", &self.priority)
            .field("weight", &self.weight)
            .field("next", &self.next)
            .field("active", &self.active)
            .field("slots", &self.part)
            .finish_non_exhaustive()
    }
}

/// The scheduler subordinate to this stream.
pub(super) fn subordinate(
    outer: &Stream,
    most: usize,
    draw: Draw,
) -> Result<StreamScheduler, StreamError> {
    let lane = outer.lane();
    let slots = lane.slots.narrow(most)?;
    let home = lane.drawer.home();
    let drawer = Drawer::new(home, slots, draw, Some(Arc::clone(lane)), Terms::default());
    let is_first = hivework_stm::atomically(|tx| {
        if lane.inner.read_with(tx, |inner| inner.strong_count() > 0)? {
            return Ok(false);
        }
        let inner: Weak<Drawer> = Arc::downgrade(&drawer);
        lane.inner.write(tx, inner)?;
        Ok(true)
    });
    if is_first {
        let outer = Some(outer.clone());
        Ok(StreamScheduler { drawer, outer })
    } else {
        Err(StreamError::HasSubordinate)
    }
}
