//! The maps that are compared, behind two traits. Each call is the map's own, and
//! all that hash do so with the standard library's `RandomState`, seeded alike.

use std::collections::{BTreeMap, HashMap};
use std::hash::RandomState;
use std::ops::Range;
use std::sync::OnceLock;

use crossbeam_skiplist::SkipMap;
use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};

/// A map that threads share.
pub(super) trait Map: Send + Sync + 'static {
    /// What the reports call it.
    const NAME: &'static str;
    /// Does an insert tell whether the key was there?
    const TELLS: bool = true;
    /// An empty map.
    fn new() -> Self;
    /// A copy of the key's value.
    fn get(&self, key: u64) -> Option<u64>;
    /// Whether the key was not there; anything if the map does not tell.
    fn insert(&self, key: u64, value: u64) -> bool;
    /// Whether the key was there.
    fn remove(&self, key: u64) -> bool;
    /// How many keys there are, while nobody changes that.
    fn len(&self) -> usize;
}

/// A map that is walked in the order of its keys.
pub(super) trait Sorted: Map {
    /// The sum of the values of `keys`.
    fn sum(&self, keys: Range<u64>) -> u64;
}

/// One for all, so that no map has the luckier seed.
pub(super) fn hasher() -> RandomState {
    static HASHER: OnceLock<RandomState> = OnceLock::new();
    HASHER.get_or_init(RandomState::new).clone()
}

/// `papaya`'s, pinned for each operation.
pub(super) type Papaya = papaya::HashMap<u64, u64>;

impl Map for Papaya {
    const NAME: &'static str = super::PAPAYA;

    fn new() -> Self {
        papaya::HashMap::with_hasher(hasher())
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.pin().get(&key).copied()
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.pin().insert(key, value).is_none()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.pin().remove(&key).is_some()
    }

    fn len(&self) -> usize {
        self.pin().len()
    }
}

pub(super) type Dash = DashMap<u64, u64>;

impl Map for Dash {
    const NAME: &'static str = "DashMap";

    fn new() -> Self {
        DashMap::with_hasher(hasher())
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.get(&key).map(|entry| *entry)
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.insert(key, value).is_none()
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.remove(&key).is_some()
    }

    fn len(&self) -> usize {
        self.len()
    }
}

macro_rules! behind_a_lock {
    ($map:ident, $lock:ident<$inner:ty>, $name:literal, $read:ident, $write:ident, $new:expr) => {
        pub(super) struct $map($lock<$inner>);

        impl Map for $map {
            const NAME: &'static str = $name;

            fn new() -> Self {
                $map($lock::new($new))
            }

            #[inline]
            fn get(&self, key: u64) -> Option<u64> {
                self.0.$read().get(&key).copied()
            }

            #[inline]
            fn insert(&self, key: u64, value: u64) -> bool {
                self.0.$write().insert(key, value).is_none()
            }

            #[inline]
            fn remove(&self, key: u64) -> bool {
                self.0.$write().remove(&key).is_some()
            }

            fn len(&self) -> usize {
                self.0.$read().len()
            }
        }
    };
}

behind_a_lock!(
    MutexHash,
    Mutex<HashMap<u64, u64>>,
    "mutex over a HashMap",
    lock,
    lock,
    HashMap::with_hasher(hasher())
);
behind_a_lock!(
    RwHash,
    RwLock<HashMap<u64, u64>>,
    "RwLock over a HashMap",
    read,
    write,
    HashMap::with_hasher(hasher())
);
behind_a_lock!(
    MutexTree,
    Mutex<BTreeMap<u64, u64>>,
    "mutex over a BTreeMap",
    lock,
    lock,
    BTreeMap::new()
);

impl Sorted for MutexTree {
    fn sum(&self, keys: Range<u64>) -> u64 {
        self.0.lock().range(keys).map(|(_, value)| value).sum()
    }
}

pub(super) type Skip = SkipMap<u64, u64>;

impl Map for Skip {
    const NAME: &'static str = "crossbeam-skiplist";
    /// It answers with the entry, new or not.
    const TELLS: bool = false;

    fn new() -> Self {
        SkipMap::new()
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.get(&key).map(|entry| *entry.value())
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        self.insert(key, value);
        true
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        self.remove(&key).is_some()
    }

    fn len(&self) -> usize {
        self.len()
    }
}

impl Sorted for Skip {
    fn sum(&self, keys: Range<u64>) -> u64 {
        self.range(keys).map(|entry| *entry.value()).sum()
    }
}
