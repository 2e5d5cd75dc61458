//! One work of a map: some inputs, the function, and the results one by one.
//!
//! The work hands over each result as it comes, in the order of the inputs, at a place that it shares
//! with whoever pulls the results; so what it has done is there, however it ends: to its end, cancelled
//! between two inputs, overdue, or with its worker. Inputs without a result answer what the work answers.
//!
//! A panic of the function is the result of its input, and the next input has its turn. Only then the work
//! panics itself, with the first of their messages, so that events and books tell of it.
//!
//! A work that is overdue is answered while it runs, and hands over what it is at later. By then the
//! place is closed, and the result is dropped.

use std::collections::VecDeque;
use std::panic;
use std::pin::Pin;
use std::task::{Context, Poll};

use hivework_stm::facade::sync::{Arc, Mutex};

use crate::handle::WorkHandle;
use crate::work::context::WorkContext;
use crate::work::error::{PanicReport, WorkError};
use crate::work::unwind::{contain, drop_contained};
use crate::work::{Work, make_work};

/// What an input comes to.
pub(super) type Answer<T> = Result<T, WorkError>;

/// What is applied to each input.
pub(super) type Function<In, T> = Arc<dyn Fn(In) -> T + Send + Sync>;

/// Where results are handed over.
struct Place<T>(Mutex<Done<T>>);

struct Done<T> {
    answers: VecDeque<Answer<T>>,
    closed: bool,
}

impl<T> Place<T> {
    fn hand_over(&self, answer: Answer<T>) {
        let mut done = self.0.lock();
        if done.closed {
            drop(done);
            return drop_contained(answer);
        }
        done.answers.push_back(answer);
    }

    /// What has been handed over; what comes later is dropped.
    fn close(&self) -> VecDeque<Answer<T>> {
        let mut done = self.0.lock();
        done.closed = true;
        std::mem::take(&mut done.answers)
    }
}

/// A work in flight, as the one sees it who pulls the results.
pub(super) struct Flight<T> {
    place: Arc<Place<T>>,
    /// How many inputs it has that are not answered.
    inputs: usize,
    /// Until it is over.
    handle: Option<WorkHandle<()>>,
    /// Once it is over.
    answers: VecDeque<Answer<T>>,
    /// Once it is over: what inputs without a result answer.
    why: Option<WorkError>,
}

/// A work that applies `function` to these inputs, and how it is followed.
pub(super) fn work_of<In, T>(function: &Function<In, T>, inputs: Vec<In>) -> (Work<()>, Flight<T>)
where
    In: Send + 'static,
    T: Send + 'static,
{
    let place = Arc::new(Place(Mutex::new(Done {
        answers: VecDeque::new(),
        closed: false,
    })));
    let flight = Flight {
        place: Arc::clone(&place),
        inputs: inputs.len(),
        handle: None,
        answers: VecDeque::new(),
        why: None,
    };
    let function = Arc::clone(function);
    let work = make_work(move |work: &WorkContext| {
        let mut panicked = None;
        for input in inputs {
            if work.checkpoint().is_err() {
                return;
            }
            place.hand_over(contain(|| function(input)).map_err(|payload| {
                let report = PanicReport::new(payload);
                panicked.get_or_insert_with(|| report.message().to_owned());
                WorkError::Panicked(report)
            }));
        }
        if let Some(message) = panicked {
            panic::resume_unwind(Box::new(message));
        }
    });
    (work, flight)
}

impl<T> Flight<T> {
    /// It was put.
    pub(super) fn take_off(&mut self, handle: WorkHandle<()>) {
        self.handle = Some(handle);
    }

    /// It is not put.
    pub(super) fn give_up(&mut self, why: WorkError) {
        self.land(Err(why));
    }

    /// Waits until it is over.
    pub(super) fn wait(&mut self) {
        if let Some(handle) = self.handle.take() {
            let outcome = handle.join();
            self.land(outcome);
        }
    }

    /// Is it over?
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(handle) = &mut self.handle else {
            return Poll::Ready(());
        };
        let Poll::Ready(outcome) = Pin::new(handle).poll(context) else {
            return Poll::Pending;
        };
        self.handle = None;
        self.land(outcome);
        Poll::Ready(())
    }

    fn land(&mut self, outcome: Answer<()>) {
        self.answers = self.place.close();
        self.why = outcome.err();
    }

    /// What the next of its inputs comes to. It is over, and has one more.
    pub(super) fn answer(&mut self) -> Answer<T> {
        self.inputs -= 1;
        self.answers.pop_front().unwrap_or_else(|| {
            let why = self.why.clone();
            Err(why.unwrap_or(WorkError::Lost("its work ended without a result")))
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inputs == 0
    }

    /// Has it cancelled, if it is not over.
    pub(super) fn cancel(&mut self) {
        drop(self.handle.take().map(WorkHandle::cancel_on_drop));
    }
}
