//! What everybody may know of a work item. Small: an item is as large as its closure and
//! some words, and what few items have lies in a box.

use std::any::Any;
use std::borrow::Cow;
use std::time::Instant;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::sync::Arc;

use super::once_box::OnceBox;
use crate::books::{NameBooks, Names};
use crate::home::Home;
use crate::shared::Shared;

/// What everybody may know of an item. Written before it is put, but for the box's
/// number and what waits.
pub(crate) struct Info {
    /// Where it was put; none before.
    home: Option<Home>,
    rare: OnceBox<Rare>,
}

/// What few items have.
#[derive(Default)]
pub(crate) struct Rare {
    name: Option<Cow<'static, str>>,
    /// Those of its name where it was put.
    books: Option<Arc<NameBooks>>,
    due: Option<Instant>,
    held_by: u64,
    /// Its number, once somebody has asked for it.
    id: AtomicU64,
    /// Who waits for it: a `Waiting<T>` (`completion.rs`), whose type is not known here.
    pub(crate) waiting: OnceBox<Box<dyn Any + Send + Sync>>,
}

impl Default for OnceBox<Box<dyn Any + Send + Sync>> {
    fn default() -> Self {
        OnceBox::new()
    }
}

impl Info {
    pub(crate) fn new() -> Self {
        Info {
            home: None,
            rare: OnceBox::new(),
        }
    }

    #[inline]
    pub(crate) fn rare(&self) -> Option<&Rare> {
        self.rare.get()
    }

    pub(crate) fn make_rare(&self) -> &Rare {
        self.rare.get_or_make(Rare::default)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_mut_or_make(Rare::default)
    }

    #[inline]
    pub(crate) fn home(&self) -> Option<Home> {
        self.home
    }

    #[inline]
    pub(crate) fn set_home(&mut self, home: Option<Home>) {
        self.home = home;
    }

    pub(crate) fn set_name(&mut self, name: Cow<'static, str>) {
        self.rare_mut().name = Some(name);
    }

    pub(crate) fn set_due(&mut self, due: Option<Instant>) {
        self.rare_mut().due = due;
    }

    pub(crate) fn clear_due(&mut self) {
        if self.rare.get().is_some() {
            self.set_due(None);
        }
    }

    /// Is neither a deadline to be kept nor a name counted?
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.rare()
            .is_none_or(|rare| rare.due.is_none() && rare.books.is_none())
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.rare()?.name.as_deref()
    }

    /// It is put: counts it under its name, if it has one, and sets its deadline.
    #[cold]
    pub(crate) fn put_rare(&mut self, due: Option<Instant>, names: &Names) {
        let rare = self.rare_mut();
        rare.due = due;
        rare.books = rare.name.as_deref().map(|name| names.accept(name));
    }

    /// The books of its name, if it has one and was put.
    #[inline]
    pub(crate) fn books(&self) -> Option<&NameBooks> {
        self.rare()?.books.as_deref()
    }

    #[inline]
    pub(crate) fn due(&self) -> Option<Instant> {
        self.rare()?.due
    }

    #[inline]
    pub(crate) fn is_overdue(&self) -> bool {
        self.due().is_some_and(|due| Instant::now() >= due)
    }

    /// The transaction of this thread puts the item. Whether it may still be open is for
    /// the state word to say (HELD).
    pub(crate) fn hold(&mut self, thread: u64) {
        self.rare_mut().held_by = thread;
    }

    /// Was it this thread's transaction that put it?
    pub(crate) fn is_held_by(&self, thread: u64) -> bool {
        self.rare().is_some_and(|rare| rare.held_by == thread)
    }

    /// Its number. Given when it is first asked for: most items never are, and one
    /// counter for all would be where all putters meet.
    pub(crate) fn id(&self) -> u64 {
        let Some(home) = self.home else { return 0 };
        let place = &self.make_rare().id;
        // Ordering: Relaxed, here and below; a number that orders nothing.
        let id = place.load(Ordering::Relaxed);
        if id != 0 {
            return id;
        }
        let new = home.next_id();
        place
            .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed)
            .map_or_else(|id| id, |_| new)
    }

    /// The scheduler that it was put to, unless that is gone.
    pub(crate) fn shared(&self) -> Option<Arc<Shared>> {
        self.home?.shared()
    }
}
