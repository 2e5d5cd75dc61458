//! What the operations of a workload choose at random: the same for every
//! contestant, and next to free while the clock runs.

/// An even mixture of a thread's number and its count.
pub(crate) fn mixed(thread: u64, n: u64) -> u64 {
    // The finalizer of SplitMix64 over a sequence a thread.
    let mut z = (n << 8 | thread).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Of `limit` numbers the one that the upper half of `bits` picks, without a division.
pub(crate) fn below(limit: usize, bits: u64) -> usize {
    (((bits >> 32) * limit as u64) >> 32) as usize
}

/// Two different ones of `accounts`, spread evenly.
pub(super) fn even_pair(accounts: usize, thread: u64, n: u64) -> (usize, usize) {
    let bits = mixed(thread, n);
    let from = below(accounts, bits);
    let to = from + 1 + below(accounts - 1, bits << 32);
    (from, if to < accounts { to } else { to - accounts })
}

/// Numbers below a limit, drawn from a Zipf distribution: the number of rank `r`
/// comes in proportion to `1 / r^theta`. Drawn ahead, because drawing one costs
/// more than what is measured.
pub(super) struct Zipf(Vec<u32>);

impl Zipf {
    /// A power of two.
    const DRAWN: usize = 1 << 16;

    pub(super) fn new(limit: usize, theta: f64) -> Self {
        let mut draw = zipf(limit, theta);
        Zipf((0..Self::DRAWN).map(|_| draw()).collect())
    }

    /// A thread's draw number `n`; each thread begins elsewhere.
    #[inline]
    pub(super) fn draw(&self, thread: u64, n: u64) -> u32 {
        self.0[place_of_draw(thread, n) % Self::DRAWN]
    }
}

fn place_of_draw(thread: u64, n: u64) -> usize {
    n.wrapping_add(thread.wrapping_mul(0x9E37_79B9)) as usize
}

/// Draws one number after the other.
fn zipf(limit: usize, theta: f64) -> impl FnMut() -> u32 {
    let mut below_rank = Vec::with_capacity(limit);
    let mut total = 0.0;
    for rank in 1..=limit {
        total += (rank as f64).powf(-theta);
        below_rank.push(total);
    }
    let mut drawn = 0;
    move || {
        drawn += 1;
        let part = (mixed(0, drawn) >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = below_rank.partition_point(|sum| *sum < part * total);
        scattered_place(rank.min(limit - 1), limit) as u32
    }
}

/// Pairs of different accounts, each drawn as in [`Zipf`].
pub(super) struct ZipfPairs(Vec<(u32, u32)>);

impl ZipfPairs {
    pub(super) fn new(accounts: usize, theta: f64) -> Self {
        let mut account = zipf(accounts, theta);
        let pairs = (0..Zipf::DRAWN).map(|_| {
            let from = account();
            loop {
                let to = account();
                if to != from {
                    return (from, to);
                }
            }
        });
        ZipfPairs(pairs.collect())
    }

    /// A thread's pair number `n`; each thread begins elsewhere.
    pub(super) fn pair(&self, thread: u64, n: u64) -> (usize, usize) {
        let (from, to) = self.0[place_of_draw(thread, n) % Zipf::DRAWN];
        (from as usize, to as usize)
    }
}

/// A permutation of `0..count` that takes neighbours apart, so that what is near
/// in order or rank is not near in memory.
pub(crate) fn scattered_place(n: usize, count: usize) -> usize {
    // A prime beyond any count in use has no divisor in common with it.
    (n as u64 * 2_147_483_647 % count as u64) as usize
}

/// `count` values made one after the other, and handed out in another order.
pub(super) fn scattered<T>(count: usize, mut make: impl FnMut(usize) -> T) -> Vec<T> {
    let mut made: Vec<Option<T>> = (0..count).map(|_| None).collect();
    for n in 0..count {
        let place = scattered_place(n, count);
        made[place] = Some(make(place));
    }
    // A permutation has left no gap.
    made.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_of_two_different_accounts() {
        let zipf = ZipfPairs::new(10, 0.99);
        for n in 0..10_000 {
            for (from, to) in [even_pair(10, 1, n), zipf.pair(1, n)] {
                assert!(from < 10 && to < 10 && from != to);
            }
        }
    }

    #[test]
    fn the_first_account_of_zipf_comes_as_often_as_it_should() {
        let accounts = 1000;
        let zipf = ZipfPairs::new(accounts, 0.99);
        let first = scattered_place(0, accounts);
        let met = zipf.0.iter().filter(|pair| pair.0 as usize == first);
        let share = met.count() as f64 / Zipf::DRAWN as f64;
        let sum: f64 = (1..=accounts).map(|rank| (rank as f64).powf(-0.99)).sum();
        assert!((share * sum - 1.0).abs() < 0.1, "{share} of 1/{sum}");
    }

    #[test]
    fn scattering_loses_nothing() {
        for count in [1, 2, 1000, 20_001] {
            assert_eq!(scattered(count, |n| n), (0..count).collect::<Vec<_>>());
        }
    }
}
