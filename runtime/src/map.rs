//! Many inputs, one function: [`Scheduler::map`]. [pull] tells how it goes.

pub(crate) mod error;
mod flight;
mod pull;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::iter::FusedIterator;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hivework_stm::facade::sync::Arc;

use crate::handle::WorkHandle;
use crate::scheduler::{Scheduler, TryPutError};
use crate::work::Work;
use crate::work::error::WorkError;
use crate::work::priority::Priority;
use crate::work::unwind::{Payload, drop_contained};
use error::MapError;
use flight::{Answer, Flight, Function};

/// The least delay that there is.
const BESIDE_THE_QUEUE: Duration = Duration::from_nanos(1);

/// Where the works of a map are put.
pub(crate) trait Puts: Send + 'static {
    /// Puts one, without waiting; gives it back where there is no room for it now, but not if it is the
    /// only one.
    fn put(&self, work: Work<()>, is_alone: bool) -> Result<WorkHandle<()>, Work<()>>;

    /// What time it is there.
    fn now(&self) -> Instant;

    /// How many works can run there at once.
    fn width(&self) -> usize;
}

impl Puts for Scheduler {
    fn put(&self, work: Work<()>, is_alone: bool) -> Result<WorkHandle<()>, Work<()>> {
        match self.try_put_work(work) {
            Ok(handle) => Ok(handle),
            // Answered at once.
            Err(TryPutError::Stopped(work)) => Ok(self.put_work(work)),
            Err(TryPutError::Full(work)) if !is_alone => Err(work),
            Err(TryPutError::Full(work)) if self.is_running() => {
                Ok(self.put_work(work.delay(BESIDE_THE_QUEUE)))
            }
            // Without a run to make room it is answered at once, too.
            Err(TryPutError::Full(work)) => Ok(self.put_work(work)),
        }
    }

    fn now(&self) -> Instant {
        self.shared().now()
    }

    fn width(&self) -> usize {
        self.workers()
    }
}

impl Scheduler {
    /// Applies `function` to each of the inputs, on the workers, and yields the results in the order of the inputs:
    /// [`Iterator::map`] by many threads.
    ///
    /// It is lazy. Nothing happens before the first result is asked for, and inputs are pulled only
    /// as far ahead as the [window](Mapped::window) goes; so they may be without end, and results that nobody
    /// has asked for do not pile up. For a slice or a range that is there as a whole, whose results
    /// are wanted as a whole, [`par_map`](crate::par_map) has less to do.
    ///
    /// Each result stands for itself: an input over which the function panics answers
    /// [`WorkError::Panicked`], and the others go on. A scheduler that drains answers
    /// [`WorkError::Stopped`] for each; one that is stopped lets the caller wait, as in
    /// [`join`](WorkHandle::join), but for a queue that is full of other work: [`WorkError::Full`].
    ///
    /// ```
    /// use hivework::make_scheduler;
    ///
    /// let scheduler = make_scheduler();
    /// let squares = scheduler.map(1.., |n: u64| n * n);
    /// let first: Result<Vec<_>, _> = squares.take(5).collect();
    /// assert_eq!(first.unwrap(), [1, 4, 9, 16, 25]);
    /// ```
    ///
    /// It may be used inside a work item, whose worker then takes part.
    pub fn map<I, T, F>(&self, inputs: I, function: F) -> Mapped<I::IntoIter, T>
    where
        I: IntoIterator<Item: Send + 'static>,
        T: Send + 'static,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
    {
        Mapped::new(self.clone(), inputs.into_iter(), function)
    }
}

/// The results of [`Scheduler::map`], in the order of the inputs.
///
/// Dropped before its end it neither waits nor cancels: what is in flight runs, and its results are
/// dropped. With [`cancel_on_drop`](Mapped::cancel_on_drop) it cancels. Inputs that were not pulled are
/// dropped with it; to keep them, map [`by_ref`](Iterator::by_ref).
///
/// Follows `Jobserver.map` in what is ordered, lazy and abandoned, but for two things. Each input is one value:
/// for several, zip them, which ends with the shortest. And a deadline that passes ends the
/// iteration after what is done, and not before.
///
/// It holds a handle of its scheduler, which is kept alive by it.
#[must_use = "it is lazy: nothing happens before results are asked for"]
pub struct Mapped<I: Iterator, T> {
    inputs: I,
    /// Is there nothing more to pull?
    ended: bool,
    /// What the inputs panicked with.
    panic: Option<Payload>,
    function: Function<I::Item, T>,
    puts: Box<dyn Puts>,
    /// The oldest first.
    flights: VecDeque<Flight<T>>,
    /// For which there was no room; younger than those in flight.
    kept: Option<(Work<()>, Flight<T>)>,
    /// How many inputs are in flight.
    pulled: usize,
    window: Option<usize>,
    chunk: usize,
    until: Option<Instant>,
    cancels: bool,
    name: Option<Cow<'static, str>>,
    priority: Priority,
}

impl<I, T> Mapped<I, T>
where
    I: Iterator<Item: Send + 'static>,
    T: Send + 'static,
{
    pub(crate) fn new(
        puts: impl Puts,
        inputs: I,
        function: impl Fn(I::Item) -> T + Send + Sync + 'static,
    ) -> Self {
        Mapped {
            inputs,
            ended: false,
            panic: None,
            function: Arc::new(function),
            puts: Box::new(puts),
            flights: VecDeque::new(),
            kept: None,
            pulled: 0,
            window: None,
            chunk: 1,
            until: None,
            cancels: false,
            name: None,
            priority: Priority::Normal,
        }
    }

    /// How many inputs may have been pulled at a time whose results have not been handed out; unless
    /// set, twice as many chunks as there are workers. With a window of 1 the next input is pulled when the result
    /// of the one before has been handed out.
    ///
    /// # Errors
    ///
    /// [`MapError::NoWindow`] for 0.
    pub fn window(mut self, inputs: usize) -> Result<Self, MapError> {
        if inputs == 0 {
            return Err(MapError::NoWindow);
        }
        self.window = Some(inputs);
        Ok(self)
    }

    /// How many inputs one work takes on; 1 unless set, and never more than the window. Worth it where
    /// the function takes less than some microseconds. A chunk is answered when all of it is done, or when it
    /// has ended in another way: then with what it has done by then. Where the function panics in it, the chunk
    /// counts as a work that panicked, and is done all the same.
    ///
    /// ```
    /// use hivework::{MapError, make_scheduler};
    ///
    /// let scheduler = make_scheduler();
    /// let sums = scheduler.map(0..1000, |n| n + 1).chunk(64)?;
    /// assert_eq!(sums.map(Result::unwrap).sum::<u64>(), 500_500);
    /// assert_eq!(scheduler.stats().put, 1000_u64.div_ceil(64));
    /// # Ok::<(), MapError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MapError::NoChunk`] for 0.
    pub fn chunk(mut self, inputs: usize) -> Result<Self, MapError> {
        if inputs == 0 {
            return Err(MapError::NoChunk);
        }
        self.chunk = inputs;
        Ok(self)
    }

    /// How long all of it may take, from this call on. Then no input is pulled any more; what is in flight
    /// answers its result if it is done, and [`WorkError::DeadlineExceeded`] at once otherwise, as by
    /// [`Work::deadline`]; and unless the inputs are known to have been used up, one more
    /// `DeadlineExceeded` stands for the rest. After that the iteration is over.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hivework::{WorkError, make_scheduler};
    ///
    /// let scheduler = make_scheduler();
    /// let late = scheduler.map(0.., |n: u32| n).deadline(Duration::from_millis(2));
    /// // It ends, though the inputs do not.
    /// assert!(matches!(late.last(), Some(Err(WorkError::DeadlineExceeded))));
    /// ```
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.until = self.puts.now().checked_add(limit);
        self
    }

    /// Has what is in flight cancelled when this is dropped. A work that runs goes on to the end of the input that it
    /// is at.
    pub fn cancel_on_drop(mut self) -> Self {
        self.cancels = true;
        self
    }

    /// What its works are called in events and books.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How urgent its works are; see [`Work::priority`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// The next result, as [`next`](Iterator::next), without blocking the thread. What is dropped
    /// before it is ready loses nothing: the next call goes on.
    ///
    /// ```
    /// use hivework::make_scheduler;
    ///
    /// let scheduler = make_scheduler();
    /// let mut doubles = scheduler.map([1, 2, 3], |n| 2 * n);
    /// let sum = scheduler.spawn(async move {
    ///     let mut sum = 0;
    ///     while let Some(double) = doubles.next_async().await {
    ///         sum += double.unwrap();
    ///     }
    ///     sum
    /// });
    /// assert_eq!(sum.join().unwrap(), 12);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`next`](Iterator::next).
    pub fn next_async(&mut self) -> impl Future<Output = Option<Result<T, WorkError>>> {
        poll_fn(|context| self.poll_next(context))
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Answer<T>>> {
        self.fill();
        if let Some(oldest) = self.flights.front_mut() {
            ready!(oldest.poll(context));
        }
        Poll::Ready(self.answer())
    }
}

impl<I, T> Iterator for Mapped<I, T>
where
    I: Iterator<Item: Send + 'static>,
    T: Send + 'static,
{
    type Item = Result<T, WorkError>;

    /// Waits for the next result, as [`WorkHandle::join`] does; before that it pulls inputs, as far as the
    /// window goes. O(1), but for the function and the inputs.
    ///
    /// # Panics
    ///
    /// Where the inputs panicked: with that, once all results of inputs before it have been
    /// handed out. And inside a transaction.
    fn next(&mut self) -> Option<Result<T, WorkError>> {
        self.fill();
        if let Some(oldest) = self.flights.front_mut() {
            oldest.wait();
        }
        self.answer()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = if self.ended {
            (0, Some(0))
        } else {
            self.inputs.size_hint()
        };
        let most = most.and_then(|most| most.checked_add(self.pulled));
        match self.until {
            None => (least.saturating_add(self.pulled), most),
            // One may stand for many, or for none.
            Some(_) => (self.pulled, most.and_then(|most| most.checked_add(1))),
        }
    }
}

impl<I, T> FusedIterator for Mapped<I, T>
where
    I: Iterator<Item: Send + 'static>,
    T: Send + 'static,
{
}

impl<I: Iterator, T> Drop for Mapped<I, T> {
    fn drop(&mut self) {
        if self.cancels {
            self.flights.iter_mut().for_each(Flight::cancel);
        }
        drop_contained(self.panic.take());
    }
}

impl<I: Iterator, T> fmt::Debug for Mapped<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped")
            .field("in_flight", &self.pulled)
            .field("window", &self.window)
            .field("chunk", &self.chunk)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
