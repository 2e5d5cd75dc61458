//! Maps: reads, updates and mixtures of both, each operation a call of its own, on
//! one thread and on several.
//!
//! Keys are below twice the number of elements, and every second one is there to
//! begin with. An update inserts or removes, one as often as the other, so that
//! the number of elements stays about the same. A run counts what it has put in
//! and taken out, and the map's length must agree; a value that is found must be
//! that of its key.

mod keys;
mod kinds;
mod ours;

use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::sequence::{below, mixed};
use super::{Contestant, Scale, Subject, timed_together};
use keys::{Choice, Keys};
use kinds::{Dash, Map, MutexHash, MutexTree, Papaya, RwHash, Skip, Sorted};
use ours::{Hash, Tree};

/// The peer to which reads are compared.
pub const PAPAYA: &str = "papaya";

/// How many threads share a map.
const THREADS: [u64; 3] = [1, 2, 4];

/// How many elements of an ordered map one walk sums up.
const WALK: usize = 100;

pub(super) fn subjects(scale: Scale) -> Vec<Subject> {
    let mut all = Vec::new();
    for size in [1000, 100_000] {
        for task in Task::ALL {
            all.push(hashed(size, scale, task));
        }
    }
    all.push(hashed(1_000_000, scale, Task::Hit));
    for size in [1000, 100_000] {
        let tasks = [
            Task::Hit,
            Task::Mix(10, Choice::Own),
            Task::Mix(100, Choice::Own),
            Task::Mix(50, Choice::Zipf),
        ];
        for task in tasks {
            all.push(sorted(size, scale, task));
        }
        all.push(walks(size, scale));
    }
    all
}

/// What the threads do with a map.
#[derive(Clone, Copy)]
enum Task {
    Hit,
    Miss,
    /// So many percent of the operations are updates.
    Mix(u64, Choice),
}

impl Task {
    const ALL: [Task; 8] = [
        Task::Hit,
        Task::Miss,
        Task::Mix(10, Choice::Own),
        Task::Mix(10, Choice::Zipf),
        Task::Mix(50, Choice::Own),
        Task::Mix(50, Choice::Zipf),
        Task::Mix(100, Choice::Own),
        Task::Mix(100, Choice::Zipf),
    ];

    fn name(self) -> String {
        match self {
            Task::Hit => "read, hit".into(),
            Task::Miss => "read, miss".into(),
            Task::Mix(updates, Choice::Own) => {
                format!("{updates} % updates, keys of one's own")
            }
            Task::Mix(updates, Choice::Zipf) => {
                format!("{updates} % updates, shared keys, Zipf 0.99")
            }
        }
    }
}

/// How many elements there are in a map that is said to have so many.
fn filled_to(size: usize, scale: Scale) -> usize {
    scale.pick(size, size.min(1000))
}

fn hashed(size: usize, scale: Scale, task: Task) -> Subject {
    let name = format!("hash map of {size}: {}", task.name());
    Subject::new(name, move || {
        let size = filled_to(size, scale);
        let mut all = contestants::<Hash>(size, task);
        all.extend(contestants::<Papaya>(size, task));
        all.extend(contestants::<Dash>(size, task));
        all.extend(contestants::<MutexHash>(size, task));
        all.extend(contestants::<RwHash>(size, task));
        all
    })
    .brief()
}

fn sorted(size: usize, scale: Scale, task: Task) -> Subject {
    let name = format!("ordered map of {size}: {}", task.name());
    Subject::new(name, move || {
        let size = filled_to(size, scale);
        let mut all = contestants::<Tree>(size, task);
        all.extend(contestants::<MutexTree>(size, task));
        all.extend(contestants::<Skip>(size, task));
        all
    })
    .brief()
}

fn walks(size: usize, scale: Scale) -> Subject {
    let name = format!("ordered map of {size}: sum {WALK} in a row, while nobody changes them");
    Subject::new(name, move || {
        let size = filled_to(size, scale);
        let mut all = walkers::<Tree>(size);
        all.extend(walkers::<MutexTree>(size));
        all.extend(walkers::<Skip>(size));
        all
    })
    .brief()
}

/// A map with every second key, and how many it must have.
struct Filled<M> {
    map: M,
    len: AtomicI64,
}

impl<M: Map> Filled<M> {
    fn new(size: usize) -> Arc<Self> {
        let map = M::new();
        for n in 0..size {
            // Not in the order of the keys, which no program promises.
            let key = 2 * super::sequence::scattered_place(n, size) as u64;
            map.insert(key, value(key, 0));
        }
        assert_eq!(map.len(), size, "{}", M::NAME);
        Arc::new(Filled {
            map,
            len: AtomicI64::new(size as i64),
        })
    }

    /// Is the key there, with a value that is its own?
    #[inline]
    fn finds(&self, key: u64) -> bool {
        let found = self.map.get(key);
        if let Some(value) = found {
            assert!(is_of(value, key), "{} mixed up its keys", M::NAME);
        }
        found.is_some()
    }

    /// Adds up what the threads of a run have put in and taken out.
    fn settle(&self, changes: &[i64]) {
        if !M::TELLS {
            return;
        }
        let change = changes.iter().sum::<i64>();
        let len = self.len.fetch_add(change, Ordering::Relaxed) + change;
        assert_eq!(self.map.len() as i64, len, "{} lost count", M::NAME);
    }
}

/// A value that tells its key.
fn value(key: u64, n: u64) -> u64 {
    n << 32 | key
}

fn is_of(value: u64, key: u64) -> bool {
    value as u32 == key as u32
}

/// One on each number of threads, all with the same map.
fn contestants<M: Map>(size: usize, task: Task) -> Vec<Contestant> {
    let filled = Filled::<M>::new(size);
    let contestant = |threads| {
        let filled = Arc::clone(&filled);
        match task {
            Task::Hit => reads(filled, size, threads, 0),
            Task::Miss => reads(filled, size, threads, 1),
            Task::Mix(updates, choice) => {
                let keys = Keys::new(choice, size, threads);
                mix(filled, keys, threads, updates)
            }
        }
    };
    THREADS.into_iter().map(contestant).collect()
}

/// Of keys that are there, if `odd` is 0, or of those that are not, if it is 1.
fn reads<M: Map>(filled: Arc<Filled<M>>, size: usize, threads: u64, odd: u64) -> Contestant {
    let map = Arc::clone(&filled);
    let job = move |thread, numbers: Range<u64>| {
        let expected = if odd == 0 {
            numbers.end - numbers.start
        } else {
            0
        };
        let mut found = 0;
        for n in numbers {
            let key = 2 * below(size, mixed(thread, n)) as u64 + odd;
            found += u64::from(map.finds(key));
        }
        assert_eq!(found, expected, "{}: wrong answers", M::NAME);
        0
    };
    on_threads(threads, job, filled)
}

fn mix<M: Map>(filled: Arc<Filled<M>>, keys: Keys, threads: u64, updates: u64) -> Contestant {
    let shared = Arc::clone(&filled);
    let job = move |thread, numbers: Range<u64>| {
        let map = &shared.map;
        let mut change = 0;
        for n in numbers {
            let bits = mixed(thread, n);
            let key = keys.key(thread, n, bits);
            let percent = below(100, bits << 32) as u64;
            if percent >= updates {
                black_box(shared.finds(key));
            } else if bits & 1 == 0 {
                change += i64::from(map.insert(key, value(key, n)));
            } else {
                change -= i64::from(map.remove(key));
            }
        }
        change
    };
    on_threads(threads, job, filled)
}

/// Every thread begins somewhere and sums up the values that follow.
fn walkers<M: Sorted>(size: usize) -> Vec<Contestant> {
    let filled = Filled::<M>::new(size);
    let contestant = |threads| {
        let shared = Arc::clone(&filled);
        let job = move |thread, numbers| {
            for n in numbers {
                let first = 2 * below(size - WALK, mixed(thread, n)) as u64;
                let walk = WALK as u64;
                let sum = shared.map.sum(first..first + 2 * walk);
                assert_eq!(sum, walk * first + walk * (walk - 1), "{}", M::NAME);
            }
            0
        };
        on_threads(threads, job, Arc::clone(&filled))
    };
    THREADS.into_iter().map(contestant).collect()
}

/// `job` on every thread, told the thread's number and the numbers of its
/// operations: others in every run, or a run would find in the caches what the
/// last one has left there.
fn on_threads<M: Map>(
    threads: u64,
    job: impl Fn(u64, Range<u64>) -> i64 + Sync + 'static,
    filled: Arc<Filled<M>>,
) -> Contestant {
    let mut done = 0;
    Contestant::new(M::NAME, threads, move |n| {
        let numbers = done..done + n.div_ceil(threads);
        done = numbers.end;
        let (job, numbers) = (&job, &numbers);
        let jobs = (0..threads).map(|thread| move || job(thread, numbers.clone()));
        let (took, changes) = timed_together(jobs);
        filled.settle(&changes);
        took
    })
}
