//! How long a thread looks for what it waits for before it sleeps, and what it does
//! between two looks.
//!
//! To sleep and be woken takes some microseconds of two threads. What comes sooner is
//! had for less by looking again, [`ROUNDS`] times, and so for about as long.
//!
//! 1. The pauses between looks grow, to a bound that is short beside a hand-over.
//! 2. Twice the processor is offered to others: soon, when a hand-over between two
//!    processors would have come, because what is waited for may need this very processor;
//!    and once more later. Not oftener: on a busy machine the thread gets its
//!    processor back after all others have had theirs, much later than a sleeper that is
//!    woken, and who counts on it waits so long.
//!
//! It is counted in rounds, since reading a clock takes longer than a look.

use hivework_stm::facade::{MODELLED, hint, thread};

/// How many looks a wait is worth. A model needs to see the sleep.
pub(crate) const ROUNDS: u32 = if MODELLED { 0 } else { 40 };

/// After which of them the processor is offered.
const FIRST_OFFER: u32 = 8;
const SECOND_OFFER: u32 = 24;

/// The longest pause, in the processor's own.
const LONGEST: u32 = 8;

/// What comes after a look that found nothing.
pub(crate) fn pause(round: u32) {
    if round == FIRST_OFFER || round == SECOND_OFFER {
        thread::yield_now();
        return;
    }
    for _ in 0..(1 << round.min(5)).min(LONGEST) {
        hint::spin_loop();
    }
}
