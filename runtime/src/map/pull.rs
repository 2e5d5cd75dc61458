//! How a map gets from its inputs to its results.
//!
//! # How it goes
//!
//! The iterator that the caller pulls results from does all of it, on the caller's thread; there is
//! no work that goes over the inputs, so nothing goes on while nobody asks.
//!
//! 1. *Fill.* While another chunk of inputs fits into the window, pull one, and put a work that applies the
//!    function to it ([flight](super::flight)). In flight is what was pulled and is not answered to the
//!    caller: queued, running, or over and not asked for.
//! 2. *Wait* for the oldest work in flight, as `join` does: a worker runs it itself if nobody has begun it.
//! 3. *Answer* its results, one a call, each for its input, in their order.
//!
//! # Where there is no room
//!
//! A queue may be full of other work. The chunk that was pulled is *kept*, and tried again at the next fill: what is
//! in flight can be waited for meanwhile. With nothing in flight there is nothing to wait for but room,
//! and a wait for that would see no deadline, and block a thread that awaits. So then the work is put with a delay of
//! next to nothing, and comes in beside the queue, as all that is delayed: one work of a map at a time goes past
//! the capacity, and a map always goes on.
//!
//! # The deadline
//!
//! It is a point in time by the scheduler's clock. Each work gets what is left of it as its own, so those in
//! flight are answered when it passes, by whoever watches deadlines. From then on no input is pulled, and what is kept
//! is not put. What a chunk has finished by then was handed over one by one, and is not lost with the rest of it.
//!
//! # Panics of the inputs
//!
//! A panic of the caller's iterator is caught when it is pulled, and passed on in its turn, when all that was pulled
//! before has been answered, as if each result had been made when it was asked for. The iterator is
//! not asked again.

use std::panic;
use std::time::Duration;

use hivework_stm::in_transaction;

use super::Mapped;
use super::flight::{Answer, Flight, work_of};
use crate::work::Work;
use crate::work::error::WorkError;
use crate::work::unwind::{contain_all, drop_contained};

impl<I, T> Mapped<I, T>
where
    I: Iterator<Item: Send + 'static>,
    T: Send + 'static,
{
    /// Step 1.
    pub(super) fn fill(&mut self) {
        assert!(
            !in_transaction(),
            "a map's next inside a transaction: what it puts could not be undone, and what it waits for \
             would hold the transaction up; go over the results before it or after it"
        );
        let most = self.window.unwrap_or_else(|| {
            let width = self.puts.width().max(1);
            width.saturating_mul(2).saturating_mul(self.chunk)
        });
        let chunk = self.chunk.min(most);
        while self
            .kept
            .take()
            .is_none_or(|(work, flight)| self.start(work, flight))
        {
            if self.ended || self.pulled > most - chunk || self.left() == Some(Duration::ZERO) {
                return;
            }
            let inputs = self.pull(chunk);
            if inputs.is_empty() {
                return;
            }
            self.pulled += inputs.len();
            let (mut work, flight) = work_of(&self.function, inputs);
            if let Some(name) = &self.name {
                work = work.name(name.clone());
            }
            self.kept = Some((work.priority(self.priority), flight));
        }
    }

    /// Up to so many inputs; fewer where there are no more.
    fn pull(&mut self, most: usize) -> Vec<I::Item> {
        let mut inputs = Vec::new();
        let ended = contain_all(|| {
            while inputs.len() < most {
                match self.inputs.next() {
                    Some(input) => inputs.push(input),
                    None => return true,
                }
            }
            false
        });
        self.ended = ended.unwrap_or_else(|payload| {
            self.panic = Some(payload);
            true
        });
        inputs
    }

    /// Puts it; false where it has to be kept.
    fn start(&mut self, mut work: Work<()>, mut flight: Flight<T>) -> bool {
        if let Some(left) = self.left() {
            if left.is_zero() {
                flight.give_up(WorkError::DeadlineExceeded);
                self.flights.push_back(flight);
                drop_contained(work);
                return true;
            }
            work = work.deadline(left);
        }
        match self.puts.put(work, self.flights.is_empty()) {
            Ok(handle) => {
                flight.take_off(handle);
                self.flights.push_back(flight);
                true
            }
            Err(work) => {
                self.kept = Some((work, flight));
                false
            }
        }
    }

    /// How long it is until the deadline, if there is one.
    fn left(&self) -> Option<Duration> {
        let until = self.until?;
        Some(until.saturating_duration_since(self.puts.now()))
    }

    /// Step 3. The oldest in flight is over.
    pub(super) fn answer(&mut self) -> Option<Answer<T>> {
        let Some(oldest) = self.flights.front_mut() else {
            return self.end();
        };
        let answer = oldest.answer();
        self.pulled -= 1;
        if oldest.is_empty() {
            self.flights.pop_front();
        }
        Some(answer)
    }

    /// Nothing is in flight, and nothing is pulled any more.
    fn end(&mut self) -> Option<Answer<T>> {
        if let Some(payload) = self.panic.take() {
            panic::resume_unwind(payload);
        }
        if self.ended {
            return None;
        }
        // The deadline has passed.
        self.ended = true;
        let none_left = self.inputs.size_hint().1 == Some(0);
        (!none_left).then_some(Err(WorkError::DeadlineExceeded))
    }
}
