//! A drawer by itself, for the models and for the tests of what gives slots back.

use std::fmt;

use hivework_stm::atomically;
use hivework_stm::facade::sync::{Arc, Mutex, Weak};

use super::Slots;
use super::level::Draws;
use super::slot::Slot;

/// Draws one slot, as soon as there is one.
#[derive(Clone)]
pub struct LoneDrawer(Arc<Drawer>);

struct Drawer {
    slots: Slots,
    drawn: Mutex<Option<Slot>>,
}

impl LoneDrawer {
    /// Takes a slot, or leaves word.
    #[must_use]
    pub fn start(slots: &Slots) -> LoneDrawer {
        let drawer = Arc::new(Drawer {
            slots: slots.clone(),
            drawn: Mutex::new(None),
        });
        Arc::clone(&drawer).draw();
        LoneDrawer(drawer)
    }

    /// What it has drawn, if it has.
    #[must_use]
    pub fn drawn(&self) -> Option<Slot> {
        self.0.drawn.lock().take()
    }
}

impl Draws for Drawer {
    fn draw(self: Arc<Self>) {
        let own: Arc<dyn Draws> = Arc::clone(&self) as Arc<dyn Draws>;
        let own: Weak<dyn Draws> = Arc::downgrade(&own);
        let taken = atomically(|tx| match self.slots.take_one(tx)? {
            Ok(()) => Ok(true),
            Err(without) => without.leave_word(tx, &own).map(|()| false),
        });
        if taken {
            let earlier = self.drawn.lock().replace(self.slots.taken());
            drop(earlier);
        }
    }
}

impl fmt::Debug for LoneDrawer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoneDrawer").field(&self.0.slots).finish()
    }
}
