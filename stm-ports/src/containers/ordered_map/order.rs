//! Which cells of a leaf hold keys, and in which order: one packed word.
//!
//! | bits | what |
//! |---|---|
//! | 0 to 3 | how many keys |
//! | 4 to 7, 8 to 11, … | the cell of the first key, of the second, … |
//!
//! So a key that comes or goes is one write of one word, whatever its place, and no key moves.
//! (Masstree: Mao, Kohler, Morris, *Cache Craftiness for Fast Multicore Key-Value Storage*, 2012.)

use std::cmp::Ordering;

use hivework_stm::facade::MODELLED;

/// How many cells a leaf has: as many as the word can tell of.
pub(super) const CELLS: usize = if MODELLED { 2 } else { 15 };

/// The cells in use, in the order of their keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Order(u64);

impl Order {
    /// No cell is in use.
    pub(super) const NONE: Order = Order(0);

    /// As it stands in its variable.
    #[inline]
    pub(super) fn from_bits(bits: u64) -> Order {
        Order(bits)
    }

    #[inline]
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// How many cells are in use.
    #[inline]
    pub(super) fn len(self) -> usize {
        (self.0 & 15) as usize
    }

    /// The cell of the key at this place in the order.
    #[inline]
    pub(super) fn cell(self, at: usize) -> usize {
        (self.0 >> (4 + 4 * at) & 15) as usize
    }

    /// The cells, in the order of their keys.
    pub(super) fn cells(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.len()).map(move |at| self.cell(at))
    }

    /// A cell that is not in use.
    pub(super) fn free(self) -> Option<usize> {
        let used = self.cells().fold(0_u16, |used, cell| used | 1 << cell);
        (0..CELLS).find(|cell| used & 1 << cell == 0)
    }

    /// With this cell put at this place.
    pub(super) fn with(self, at: usize, cell: usize) -> Order {
        debug_assert!(self.len() < CELLS && at <= self.len());
        let (before, after) = self.parted(at);
        Order(((after << 4 | cell as u64) << (4 * at) | before) << 4 | (self.len() as u64 + 1))
    }

    /// Without the cell at this place.
    pub(super) fn without(self, at: usize) -> Order {
        let (before, after) = self.parted(at);
        Order(((after >> 4) << (4 * at) | before) << 4 | (self.len() as u64 - 1))
    }

    /// The first so many.
    pub(super) fn first(self, len: usize) -> Order {
        Order(self.parted(len).0 << 4 | len as u64)
    }

    /// The cells before a place, and those from there on.
    fn parted(self, at: usize) -> (u64, u64) {
        let cells = self.0 >> 4;
        // With all fifteen before it, the shift is still less than the word is long.
        let before = cells & ((1 << (4 * at)) - 1);
        (before, cells >> (4 * at))
    }

    /// Where a key belongs, or stands: `compare` tells how that of a cell stands to it.
    #[inline]
    pub(super) fn search<E>(
        self,
        mut compare: impl FnMut(usize) -> Result<Ordering, E>,
    ) -> Result<Result<usize, usize>, E> {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = (from + to) / 2;
            match compare(self.cell(middle))? {
                Ordering::Equal => return Ok(Ok(middle)),
                Ordering::Less => from = middle + 1,
                Ordering::Greater => to = middle,
            }
        }
        Ok(Err(from))
    }
}

impl FromIterator<usize> for Order {
    fn from_iter<I: IntoIterator<Item = usize>>(cells: I) -> Self {
        let none = Order::NONE;
        cells
            .into_iter()
            .fold(none, |order, cell| order.with(order.len(), cell))
    }
}

#[cfg(all(test, not(hivework_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_short_list_of_cells() {
        let mut random = 1_u64;
        let mut below = |bound: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) as usize % bound
        };
        let (mut order, mut list) = (Order::NONE, Vec::new());
        for _ in 0..10_000 {
            if list.len() < CELLS && below(2) == 0 {
                let cell = order.free().unwrap();
                assert!(!list.contains(&cell));
                let at = below(list.len() + 1);
                order = order.with(at, cell);
                list.insert(at, cell);
            } else if !list.is_empty() {
                let at = below(list.len());
                order = order.without(at);
                list.remove(at);
            }
            assert_eq!(order.cells().collect::<Vec<_>>(), list);
            assert_eq!(order, list.iter().copied().collect());
            let len = below(list.len() + 1);
            assert_eq!(order.first(len).cells().collect::<Vec<_>>(), list[..len]);
            assert_eq!(order.free().is_none(), list.len() == CELLS);
        }
    }

    #[test]
    fn search_finds_the_place() {
        let order: Order = [3, 1, 4].into_iter().collect();
        let keys = [0, 20, 0, 10, 30];
        let search = |key: i32| order.search(|cell| Ok::<_, ()>(keys[cell].cmp(&key)));
        assert_eq!(search(20), Ok(Ok(1)));
        assert_eq!(search(5), Ok(Err(0)));
        assert_eq!(search(25), Ok(Err(2)));
        assert_eq!(search(35), Ok(Err(3)));
    }
}
