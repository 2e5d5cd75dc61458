//! Where an item belongs: a scheduler's place, which items name without counting.
//!
//! An item knows its scheduler for as long as the item lives, and may outlive it. Were
//! that an `Arc`, all items' puts and ends would meet at its count. So a scheduler has a
//! *place*, which stays allocated for ever and is given to the next scheduler when it has
//! gone, with a *generation* that tells the two apart. A worker compares places to know its own items;
//! anybody else asks the place for its scheduler.
//!
//! The place's lock is what orders it: who finds its own generation under it finds its own scheduler.

use std::num::NonZeroU32;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::global;
use hivework_stm::facade::sync::{Arc, Mutex, Weak};

use crate::shared::Shared;

struct Place {
    tenant: Mutex<Tenant>,
    /// Numbers given to items, those of earlier tenants included.
    numbers: AtomicU64,
}

struct Tenant {
    generation: u32,
    shared: Weak<Shared>,
}

global! {
    static PLACES: Mutex<Places> = Mutex::new(Places::new());
}

struct Places {
    all: Vec<&'static Place>,
    /// Whose scheduler has gone.
    free: Vec<NonZeroU32>,
}

impl Places {
    const fn new() -> Places {
        Places {
            all: Vec::new(),
            free: Vec::new(),
        }
    }
}

/// One scheduler's place, by number; see the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Home {
    /// From 1.
    number: NonZeroU32,
    generation: u32,
}

impl Home {
    /// A place for this scheduler.
    pub(crate) fn new(shared: &Arc<Shared>) -> Home {
        let mut places = PLACES.lock();
        let number = places.free.pop().unwrap_or_else(|| {
            places.all.push(Box::leak(Box::new(Place {
                tenant: Mutex::new(Tenant {
                    generation: 0,
                    shared: Weak::new(),
                }),
                numbers: AtomicU64::new(0),
            })));
            let count = u32::try_from(places.all.len()).ok();
            count
                .and_then(NonZeroU32::new)
                .expect("fewer schedulers than that fit")
        });
        drop(places);
        let mut home = Home {
            number,
            generation: 0,
        };
        let mut tenant = home.place().tenant.lock();
        tenant.generation = tenant.generation.wrapping_add(1);
        tenant.shared = Arc::downgrade(shared);
        home.generation = tenant.generation;
        home
    }

    fn place(self) -> &'static Place {
        PLACES.lock().all[self.number.get() as usize - 1]
    }

    /// The scheduler goes.
    pub(crate) fn leave(self) {
        self.place().tenant.lock().shared = Weak::new();
        PLACES.lock().free.push(self.number);
    }

    /// The scheduler, unless it has gone.
    pub(crate) fn shared(self) -> Option<Arc<Shared>> {
        let tenant = self.place().tenant.lock();
        if tenant.generation == self.generation {
            tenant.shared.upgrade()
        } else {
            None
        }
    }

    /// A number for an item.
    pub(crate) fn next_id(self) -> u64 {
        // Ordering: Relaxed; only uniqueness counts.
        self.place().numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}
