//! Where an item belongs: a scheduler's *home*, which items name without counting.
//!
//! An item knows its scheduler for as long as the item lives, and may outlive it. Were
//! that an `Arc`, all items' puts and ends would meet at its count. So a scheduler lives in a
//! *house*, which stays allocated for ever and is given to the next scheduler when it has
//! gone, with a *generation* that tells the two apart. The home is both numbers: a worker
//! compares homes to know its own items; anybody else asks the house for its scheduler.
//!
//! The house's lock is what orders it: who finds its own generation under it finds its own
//! scheduler.

use std::num::NonZeroU32;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::global;
use hivework_stm::facade::sync::{Arc, Mutex, Weak};

use crate::shared::Shared;

struct House {
    tenant: Mutex<Tenant>,
    /// Numbers given to items, those of earlier tenants included.
    numbers: AtomicU64,
}

struct Tenant {
    generation: u32,
    shared: Weak<Shared>,
}

global! {
    static HOUSES: Mutex<Houses> = Mutex::new(Houses::new());
}

struct Houses {
    all: Vec<&'static House>,
    /// Whose scheduler has gone.
    free: Vec<NonZeroU32>,
}

impl Houses {
    const fn new() -> Houses {
        Houses {
            all: Vec::new(),
            free: Vec::new(),
        }
    }
}

/// One scheduler's home; see the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Home {
    /// From 1.
    number: NonZeroU32,
    generation: u32,
}

impl Home {
    /// A house for this scheduler.
    pub(crate) fn new(shared: &Arc<Shared>) -> Home {
        let mut houses = HOUSES.lock();
        let number = houses.free.pop().unwrap_or_else(|| {
            houses.all.push(Box::leak(Box::new(House {
                tenant: Mutex::new(Tenant {
                    generation: 0,
                    shared: Weak::new(),
                }),
                numbers: AtomicU64::new(0),
            })));
            let count = u32::try_from(houses.all.len()).ok();
            count
                .and_then(NonZeroU32::new)
                .expect("fewer schedulers than that fit")
        });
        drop(houses);
        let mut home = Home {
            number,
            generation: 0,
        };
        let mut tenant = home.house().tenant.lock();
        tenant.generation = tenant.generation.wrapping_add(1);
        tenant.shared = Arc::downgrade(shared);
        home.generation = tenant.generation;
        home
    }

    fn house(self) -> &'static House {
        HOUSES.lock().all[self.number.get() as usize - 1]
    }

    /// The scheduler goes.
    pub(crate) fn leave(self) {
        self.house().tenant.lock().shared = Weak::new();
        HOUSES.lock().free.push(self.number);
    }

    /// The scheduler, unless it has gone.
    pub(crate) fn shared(self) -> Option<Arc<Shared>> {
        let tenant = self.house().tenant.lock();
        if tenant.generation == self.generation {
            tenant.shared.upgrade()
        } else {
            None
        }
    }

    /// A number for an item.
    pub(crate) fn next_id(self) -> u64 {
        // Ordering: Relaxed; only uniqueness counts.
        self.house().numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}
