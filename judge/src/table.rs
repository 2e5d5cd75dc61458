//! A hash table from (variable, version) to a number, emptied all at once.
//!
//! The judge looks something up for each read and write of millions of attempts,
//! and forgets everything after each round.

/// Marks an empty place.
const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Place {
    variable: usize,
    version: u64,
    number: u32,
}

const NOTHING: Place = Place {
    variable: 0,
    version: 0,
    number: EMPTY,
};

/// Open addressing with linear probing; at most half full.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// A power of two of them, or none before the first reset.
    places: Vec<Place>,
    used: usize,
    /// How far a hash is shifted to become a place.
    shift: u32,
}

impl Table {
    /// Empties it, with room for so many entries before it has to grow.
    pub(crate) fn reset(&mut self, room: usize) {
        let places = (2 * room).next_power_of_two().max(16);
        self.shift = 64 - places.trailing_zeros();
        self.used = 0;
        self.places.clear();
        self.places.resize(places, NOTHING);
    }

    /// Answers the number of a key; a new key gets the given one.
    #[inline]
    pub(crate) fn find_or_insert(&mut self, variable: usize, version: u64, number: u32) -> u32 {
        let at = self.place(variable, version);
        if self.places[at].number != EMPTY {
            return self.places[at].number;
        }
        self.places[at] = Place {
            variable,
            version,
            number,
        };
        self.used += 1;
        if 2 * self.used > self.places.len() {
            self.grow();
        }
        number
    }

    /// Where a key is, or would be.
    #[inline]
    fn place(&self, variable: usize, version: u64) -> usize {
        // The odd constant nearest to 2^64 / golden ratio (Knuth).
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut hash = (variable as u64).wrapping_mul(SPREAD) ^ version;
        hash = (hash ^ hash >> 32).wrapping_mul(SPREAD);
        let mut at = (hash >> self.shift) as usize;
        loop {
            let place = &self.places[at];
            if place.number == EMPTY || (place.variable, place.version) == (variable, version) {
                return at;
            }
            at = (at + 1) & (self.places.len() - 1);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let entries = std::mem::take(&mut self.places);
        self.reset(entries.len());
        for entry in entries {
            if entry.number != EMPTY {
                self.find_or_insert(entry.variable, entry.version, entry.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_first_number_until_the_reset() {
        let mut table = Table::default();
        table.reset(1);
        for key in 0..1000_u32 {
            assert_eq!(table.find_or_insert(64 * key as usize, 5, key), key);
        }
        for key in 0..1000_u32 {
            assert_eq!(table.find_or_insert(64 * key as usize, 5, 7), key);
        }
        table.reset(1);
        assert_eq!(table.find_or_insert(64, 5, 9), 9);
    }
}
