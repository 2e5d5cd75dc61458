//! Rounds of concurrent transactions, to be judged.
//!
//! A round has a few variables, a few threads and a mix of transactions, all drawn
//! from the round's seed. It is short, so that its history is small: each is
//! judged and thrown away, and memory is bounded however many attempts there are.
//! Threads and variables are new in every round.
//!
//! Half of the variables are *accounts*, among which transactions move money: their
//! sum never changes, which a round also looks at, in long readers and in the end.
//! That is what the judge cannot see: whether an attempt's writes are those that
//! its closure asked for. The others are *marks*, each write of which is unlike any
//! other, so that a wrong word is a wrong word.

use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use hivework_stm::TVar;
use hivework_stm::probe::{self, Chaos, Point, Trace};

mod crowd;
mod mix;
mod patience;
mod random;
mod value;

use crate::history::History;
pub use crowd::Crowd;
use mix::{Mix, Player};
pub use random::Random;
use value::{Boxed, Value};

/// About how many transactions a round has.
const TRANSACTIONS: u64 = 8192;

/// What each account begins with.
const FUNDS: u64 = 1000;

/// What the threads of a round share.
struct Shared<V> {
    accounts: Vec<TVar<V>>,
    marks: Vec<TVar<V>>,
    /// Whose turn it is to pass the turn on.
    turn: TVar<V>,
    threads: u64,
    wrong: Wrong,
}

/// What the round itself finds wrong.
#[derive(Debug, Default)]
struct Wrong {
    sum: AtomicBool,
    asleep: AtomicBool,
    torn: AtomicBool,
}

/// What a round's own checks have found, besides what the judge may say of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Mishap {
    /// The accounts' sum has changed, in the end or in the eyes of some attempt.
    Sum,
    /// A transaction whose turn it was slept on.
    Asleep,
    /// A value was neither the old nor the new one.
    Torn,
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mishap::Sum => "the sum of all accounts has changed",
            Mishap::Asleep => "a transaction slept on though what it waited for had happened",
            Mishap::Torn => "a value was neither an old nor a new one",
        })
    }
}

impl Error for Mishap {}

/// How a round went.
#[derive(Debug)]
pub struct Round {
    /// To be judged.
    pub history: History,
    /// What it found wrong itself.
    pub mishap: Option<Mishap>,
}

/// Runs the round of a seed, disturbed or not.
///
/// # Panics
///
/// When a transaction panics that should not.
#[must_use]
pub fn round(seed: u64, chaos: bool, room: &mut Vec<Trace>) -> Round {
    let mut random = Random::new(seed);
    if random.one_in(2) {
        play::<Boxed>(random, chaos, room)
    } else {
        play::<u64>(random, chaos, room)
    }
}

fn play<V: Value>(mut random: Random, chaos: bool, room: &mut Vec<Trace>) -> Round {
    let threads = 1 << random.between(1, 3);
    let half = 1_usize << random.below(6);
    let mix = Mix::draw(&mut random);
    let shared = Shared::<V> {
        accounts: (0..half).map(|_| TVar::new(V::make(FUNDS))).collect(),
        marks: (0..half as u64)
            .map(|mark| TVar::new(V::make(mark)))
            .collect(),
        turn: TVar::new(V::make(0)),
        threads,
        wrong: Wrong::default(),
    };
    let points = disturbed_points(&mut random);
    let start = Barrier::new(threads as usize);
    room.resize_with(threads as usize, Trace::default);
    thread::scope(|scope| {
        let players: Vec<_> = (0..threads)
            .zip(&mut *room)
            .map(|(thread, room)| {
                let seed = random.draw();
                let (shared, start, mix) = (&shared, &start, &mix);
                scope.spawn(move || {
                    let mut player = Player::new(shared, mix, thread, Random::new(seed));
                    probe::record(std::mem::take(room));
                    if chaos {
                        probe::disturb(Chaos {
                            seed,
                            points,
                            yields: 60,
                            spins: 1200,
                            failures: 300,
                        });
                    }
                    start.wait();
                    player.play(TRANSACTIONS / shared.threads);
                    probe::calm();
                    *room = probe::take();
                })
            })
            .collect();
        for player in players {
            if let Err(payload) = player.join() {
                resume_unwind(payload);
            }
        }
    });
    let sum = shared
        .accounts
        .iter()
        .map(|account| account.load().number());
    let kept = sum.fold(0, u64::wrapping_add) == FUNDS * half as u64;
    // Ordering: Relaxed; the threads have been joined.
    let noticed = |wrong: &AtomicBool| wrong.load(Ordering::Relaxed);
    let mishap = if noticed(&shared.wrong.torn) {
        Some(Mishap::Torn)
    } else if noticed(&shared.wrong.asleep) {
        Some(Mishap::Asleep)
    } else if noticed(&shared.wrong.sum) || !kept {
        Some(Mishap::Sum)
    } else {
        None
    };
    Round {
        history: History::of(room),
        mishap,
    }
}

/// Everywhere, or at some places only: delays at one place do most where there
/// are none at the others.
fn disturbed_points(random: &mut Random) -> u32 {
    if random.one_in(3) {
        u32::MAX
    } else {
        random.draw() as u32 & ((1 << Point::ALL.len()) - 1)
    }
}
