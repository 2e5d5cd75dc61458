//! An item on a transport's way: wrapped up where it goes in, unwrapped where it comes out.
//!
//! What a transport carries is an `Arc<dyn WorkItem>`, and it may hand out another one
//! than it was given, one of its own around it say. So what comes out is not taken apart: it is
//! what the item that the worker finds has to run.

use std::fmt;

use hivework_stm::facade::sync::{Arc, Mutex};
use stm_ports::{Refusal, WorkItem};

use super::item::Item;
use super::priority::Priority;

/// An item as a transport sees it.
pub(crate) struct Parcel {
    id: u64,
    name: Option<String>,
    priority: Priority,
    item: Mutex<Option<Item>>,
}

impl Parcel {
    pub(crate) fn new(item: Item) -> Arc<Parcel> {
        let info = &item.head().info;
        Arc::new(Parcel {
            id: info.id(),
            name: info.name().map(str::to_owned),
            priority: item.head().priority(),
            item: Mutex::new(Some(item)),
        })
    }

    /// The item, unless it has been run or refused; whoever still has the parcel has an
    /// empty one.
    pub(crate) fn open(&self) -> Option<Item> {
        self.item.lock().take()
    }
}

impl WorkItem for Parcel {
    fn id(&self) -> u64 {
        self.id
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn urgency(&self) -> i8 {
        self.priority.into()
    }

    fn run(self: Arc<Self>) {
        if let Some(item) = self.open() {
            item.run();
        }
    }

    fn refuse(self: Arc<Self>, why: Refusal) {
        if let Some(item) = self.open() {
            item.refuse(why);
        }
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
