//! Which key an operation is about.

use crate::workload::sequence::{Zipf, below};

/// How the threads of a run share the keys.
#[derive(Clone, Copy)]
pub(super) enum Choice {
    /// Each has keys that no other touches.
    Own,
    /// All draw from all, and a few keys come often.
    Zipf,
}

/// The keys of a run.
pub(super) enum Keys {
    /// So many for each of so many threads.
    Own {
        each: usize,
        threads: u64,
    },
    Zipf(Zipf),
}

impl Keys {
    /// Keys below twice `size`.
    pub(super) fn new(choice: Choice, size: usize, threads: u64) -> Self {
        match choice {
            Choice::Own => Keys::Own {
                each: 2 * size / threads as usize,
                threads,
            },
            Choice::Zipf => Keys::Zipf(Zipf::new(2 * size, 0.99)),
        }
    }

    /// The key of a thread's operation number `n`.
    #[inline]
    pub(super) fn key(&self, thread: u64, n: u64, bits: u64) -> u64 {
        match self {
            Keys::Own { each, threads } => {
                let mine = below(*each, bits) as u64;
                // By pairs, so that everybody has as many even keys as odd ones.
                (mine / 2 * threads + thread) * 2 + mine % 2
            }
            Keys::Zipf(zipf) => zipf.draw(thread, n) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::sequence::mixed;

    #[test]
    fn keys_of_ones_own_are_nobody_elses() {
        let (size, threads) = (1000, 4);
        let keys = Keys::new(Choice::Own, size, threads);
        let mut owner = vec![None; 2 * size];
        for n in 0..20_000 {
            for thread in 0..threads {
                let key = keys.key(thread, n, mixed(thread, n)) as usize;
                assert_eq!(*owner[key].get_or_insert(thread), thread);
            }
        }
        assert!(owner.iter().all(Option::is_some));
    }
}
