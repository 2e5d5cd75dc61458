//! What a thread keeps between transactions: its shard, how far it has seen the
//! clocks, the logs, whose memory is used again, and its part in reclamation.
//!
//! It hangs from one thread-local pointer that needs no destructor; another
//! thread-local owns it and takes it down with the thread. While a transaction runs the
//! thread is marked so, which makes the transaction the only user of the [`Context`]:
//! whatever else happens on the thread meanwhile, in a Clone say, keeps to the cells of [`Local`].
//!
//! A thread that is being taken down has no owner any more: a *passing* local is
//! made for what it still does, and goes with the last use of it.
//!
//! Either kind drops what it can while it is still in its place, so that a Drop finds the
//! loop that is running and does not begin one of its own: a chain of variables does not
//! recurse there either.
//!
//! `std::process::exit` takes the calling thread's locals down wherever it is called, inside
//! a transaction or a Clone, too. What is further up the stack then never goes on, but other
//! threads do for a while: such a local is left behind as it is, pinned for good.

use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::clock::{SHARDS, Shard};
use crate::facade::local;
use crate::reclaim::Member;
use crate::stats::Tally;
use crate::transaction::nest::Effects;
use crate::transaction::read_log::ReadLog;
use crate::version::{Horizon, Version};

local! {
    static LOCAL: Cell<*const Local> = const { Cell::new(ptr::null()) };
}

local! {
    static OWNER: Owner = const { Owner(()) };
}

/// Takes the thread's [`Local`] down.
struct Owner(());

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(local) = NonNull::new(LOCAL.with(Cell::get).cast_mut()) {
            Here(local).take_down();
        }
    }
}

/// All that the engine keeps for a thread.
#[derive(Debug)]
struct Local {
    running: Cell<bool>,
    /// How many `DropsLater` there are.
    put_off: Cell<u32>,
    passing: bool,
    member: Member,
    context: UnsafeCell<Context>,
}

/// The state of a thread's transactions.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) shard: Shard,
    /// How far each clock has been seen.
    pub(crate) seen: [Horizon; SHARDS],
    /// Room for an extension to keep the clocks in.
    pub(crate) clocks: Vec<Version>,
    pub(crate) reads: ReadLog,
    pub(crate) effects: Effects,
    /// The transaction holds the elder token.
    pub(crate) elder: bool,
    /// The attempt has met a conflict and must not commit.
    pub(crate) poisoned: bool,
    pub(crate) tally: Tally,
}

impl Context {
    fn new() -> Context {
        Context {
            shard: Shard::acquire(),
            seen: [Horizon::NONE; SHARDS],
            clocks: Vec::new(),
            reads: ReadLog::default(),
            effects: Effects::default(),
            elder: false,
            poisoned: false,
            tally: Tally::new(),
        }
    }
}

impl Context {
    /// Gives back memory that is seldom needed.
    #[cold]
    pub(crate) fn tidy(&mut self) {
        self.reads.tidy();
        self.effects.writes.tidy();
    }
}

/// The calling thread's place.
///
/// Valid until [`Here::settle`]; it does not leave the thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here(NonNull<Local>);

impl Here {
    /// Where the caller is.
    #[inline]
    pub(crate) fn get() -> Here {
        match NonNull::new(LOCAL.with(Cell::get).cast_mut()) {
            Some(local) => Here(local),
            None => Here::make(),
        }
    }

    #[cold]
    #[inline(never)]
    fn make() -> Here {
        let passing = OWNER.try_with(|_| ()).is_err();
        let local = Box::new(Local {
            running: Cell::new(false),
            put_off: Cell::new(0),
            passing,
            // `settle` is what takes a passing one down.
            member: Member::new(passing),
            context: UnsafeCell::new(Context::new()),
        });
        let local = NonNull::from(Box::leak(local));
        LOCAL.with(|slot| slot.set(local.as_ptr()));
        Here(local)
    }

    #[inline]
    fn local(&self) -> &Local {
        // SAFETY: allocated until the thread ends, or until `settle` has taken a
        // passing one down, after which a Here is not used; and only cells change.
        unsafe { self.0.as_ref() }
    }

    /// The thread's part in reclamation.
    #[inline]
    pub(crate) fn member(&self) -> &Member {
        &self.local().member
    }

    /// Is a transaction running?
    #[inline]
    pub(crate) fn in_transaction(&self) -> bool {
        self.local().running.get()
    }

    /// Marks the thread as running a transaction, whose is the context then.
    ///
    /// # Panics
    ///
    /// When it is running one already.
    #[inline]
    pub(crate) fn enter(&self) {
        if self.local().running.replace(true) {
            nested_transaction();
        }
    }

    /// Undoes `enter`.
    #[inline]
    pub(crate) fn leave(&self) {
        self.local().running.set(false);
    }

    /// The context.
    ///
    /// # Safety
    ///
    /// Between `enter` and `leave`, by whoever called `enter`, and one at a time.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the caller promises that it is alone")]
    pub(crate) unsafe fn context(&self) -> &mut Context {
        // SAFETY: the only one, by the caller's promise.
        unsafe { &mut *self.local().context.get() }
    }

    /// Does what is due between transactions: drops what has become free. The last
    /// use of this Here.
    #[inline]
    pub(crate) fn settle(self) {
        if self.member().is_due() {
            self.settle_now();
        }
    }

    #[cold]
    #[inline(never)]
    fn settle_now(self) {
        if self.in_transaction() || self.local().put_off.get() > 0 {
            return;
        }
        if !self.local().passing {
            self.member().tend();
        } else if self.member().is_idle() {
            self.take_down();
        }
    }

    /// Takes the local out of its place and frees it, unless a use of it further up the
    /// stack is going on.
    #[cold]
    fn take_down(self) {
        // While it is in its place: this runs user code.
        self.member().flush();
        LOCAL.with(|slot| slot.set(ptr::null()));
        if !self.in_transaction() && self.member().is_idle() {
            // SAFETY: `make` made it and nothing points to it any more. A use of it further
            // up the stack would be a transaction, a pin or a drop that is going on, all of
            // which were just excluded. Its own drop runs no user code.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

/// While it lives, what transactions of this thread displace, or have displaced, is dropped by none of
/// them: for who runs one under a lock. What is put off so is dropped with it; so make it before the lock
/// is taken, and the lock goes first.
#[derive(Debug)]
#[must_use]
pub struct DropsLater(PhantomData<*const ()>);

impl DropsLater {
    /// From here on.
    pub fn begin() -> Self {
        let local = Here::get();
        let put_off = &local.local().put_off;
        put_off.set(put_off.get() + 1);
        DropsLater(PhantomData)
    }
}

impl Drop for DropsLater {
    fn drop(&mut self) {
        let here = Here::get();
        let put_off = &here.local().put_off;
        put_off.set(put_off.get().saturating_sub(1));
        here.settle();
    }
}

#[cold]
fn nested_transaction() -> ! {
    panic!(
        "a transaction was started inside another one on the same thread. Inside a transaction, \
         pass its `&mut Transaction` on, and use `read(tx)`, `write(tx, …)` and the `…_in(tx, …)` \
         forms; for a part that can fail on its own use `Transaction::nested`, for something to do \
         after the commit `Transaction::on_commit`"
    );
}

/// Is a transaction running on this thread?
///
/// For code that must choose between a transactional and a plain form, such as
/// a `Drop` that may run inside somebody's transaction.
#[must_use]
#[inline]
pub fn in_transaction() -> bool {
    let local = LOCAL.with(Cell::get);
    // SAFETY: as in `Here::local`.
    !local.is_null() && unsafe { &*local }.running.get()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::DropsLater;
    use crate::{TVar, atomically, flush};

    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn nothing_is_dropped_while_that_is_put_off() {
        let drops = Arc::new(AtomicUsize::new(0));
        let var = TVar::new(Arc::new(Counted(Arc::clone(&drops))));
        let displace = |times: usize| {
            for _ in 0..times {
                let new = Arc::new(Counted(Arc::clone(&drops)));
                atomically(|tx| var.write(tx, Arc::clone(&new)));
            }
        };
        // As many as the thread collects several times for; an interpreter need not see all.
        let many = if cfg!(miri) { 200 } else { 20_000 };
        displace(10);
        let outer = DropsLater::begin();
        let before = drops.load(Ordering::SeqCst);
        drop(DropsLater::begin());
        displace(many);
        assert_eq!(drops.load(Ordering::SeqCst), before);
        drop(outer);
        flush();
        assert_eq!(drops.load(Ordering::SeqCst), many + 10);
    }
}
