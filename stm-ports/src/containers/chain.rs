//! The links a queue is made of, and how a chain of them is given up.
//!
//! A [`Link`] is a variable: *empty* at first, *filled* once with a value and the
//! next link, and *cut* (empty again) when the value has been taken. Only the
//! last link of a chain has never been filled.
//!
//! **Why links are cut.** A link that is let go while it is filled keeps the next
//! one, whose memory can go only after its own: one grace period of the engine
//! for each link, one after the other. A queue that passes more links than one
//! in a grace period, which is any busy queue, would then grow without bound,
//! and a long queue that is dropped would take as many grace periods as it has
//! links. So whoever passes a link cuts it: its contents are displaced at that
//! moment, and all that was passed together goes together.
//!
//! 1. [`Link::take`] cuts the one link that it takes from.
//! 2. [`cut`] cuts a whole chain that nobody can reach any more, some links in a
//!    transaction, so that no transaction is long.
//! 3. [`Remains`] does so when it is dropped: at once, or, where that is inside a
//!    transaction, when the engine drops what that transaction left behind.
//!
//! **Races.** Whoever reads a link has found it through the end of a queue in the
//! same transaction. If the queue has moved on since, that transaction conflicts
//! on the end as well as on the cut link: cutting takes nothing from a
//! transaction that could still commit.
//!
//! **Why it ends.** A chain ends at a link that has never been filled, or at
//! `until`; what is cut is out of every putter's reach, so it does not grow.

use hivework_stm::{StmResult, TVar, Transaction, atomically, in_transaction};

/// How many links one transaction of [`cut`] cuts.
const CUT_AT_ONCE: usize = 64;

/// A place for a value, and the way to the next place.
pub(crate) struct Link<T>(TVar<Option<Node<T>>>);

/// What a filled link holds.
struct Node<T> {
    value: T,
    next: Link<T>,
}

/// One of the two ends of a queue: a link, and how many came before it since the
/// queue was made.
pub(crate) struct End<T> {
    pub(crate) link: Link<T>,
    pub(crate) index: u64,
}

impl<T> Clone for Link<T> {
    fn clone(&self) -> Self {
        Link(self.0.clone())
    }
}

impl<T> Clone for End<T> {
    fn clone(&self) -> Self {
        End {
            link: self.link.clone(),
            index: self.index,
        }
    }
}

impl<T: Send + Sync + 'static> Link<T> {
    /// A link that has not been filled.
    pub(crate) fn empty() -> Self {
        Link(TVar::new(None))
    }

    /// A link that is made filled.
    pub(crate) fn filled(value: T, next: Link<T>) -> Self {
        Link(TVar::new(Some(Node { value, next })))
    }

    /// Fills an empty link.
    pub(crate) fn fill(&self, tx: &mut Transaction<'_>, value: T, next: Link<T>) -> StmResult<()> {
        self.0.write(tx, Some(Node { value, next }))
    }

    /// Is there no value here?
    pub(crate) fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.read_with(tx, Option::is_none)
    }

    /// The value, if there is one.
    pub(crate) fn value(&self, tx: &mut Transaction<'_>) -> StmResult<Option<T>>
    where
        T: Clone,
    {
        self.0
            .read_with(tx, |node| node.as_ref().map(|node| node.value.clone()))
    }

    /// Takes the value, if there is one, cuts the link, and tells the next.
    pub(crate) fn take(&self, tx: &mut Transaction<'_>) -> StmResult<Option<(T, Link<T>)>>
    where
        T: Clone,
    {
        let found = self.0.read_with(tx, |node| {
            node.as_ref()
                .map(|node| (node.value.clone(), node.next.clone()))
        })?;
        if found.is_some() {
            self.0.write(tx, None)?;
        }
        Ok(found)
    }

    /// Cuts the link and tells the next, unless it is empty.
    fn cut(&self, tx: &mut Transaction<'_>) -> StmResult<Option<Link<T>>> {
        let next = self
            .0
            .read_with(tx, |node| node.as_ref().map(|node| node.next.clone()))?;
        if next.is_some() {
            self.0.write(tx, None)?;
        }
        Ok(next)
    }
}

/// Cuts the links of a chain that nobody can reach any more, from `first` up to
/// but without `until`, or to its end.
pub(crate) fn cut<T: Send + Sync + 'static>(first: Link<T>, until: Option<&Link<T>>) {
    let mut rest = Some(first);
    while let Some(first) = rest {
        rest = atomically(|tx| {
            let mut link = first.clone();
            for _ in 0..CUT_AT_ONCE {
                if until.is_some_and(|until| until.0.ptr_eq(&link.0)) {
                    return Ok(None);
                }
                match link.cut(tx)? {
                    Some(next) => link = next,
                    None => return Ok(None),
                }
            }
            Ok(Some(link))
        });
    }
}

/// What is left of a queue whose last handle has gone: cut when dropped.
struct Remains<T: Send + Sync + 'static>(TVar<End<T>>);

impl<T: Send + Sync + 'static> Drop for Remains<T> {
    fn drop(&mut self) {
        cut(self.0.load().link, None);
    }
}

/// Gives up the chain that begins at `head`, to which the caller has the last
/// way.
pub(crate) fn give_up<T: Send + Sync + 'static>(head: &TVar<End<T>>) {
    let remains = Remains(head.clone());
    if in_transaction() {
        // The engine drops the value of a variable without handles when the
        // transaction is over.
        drop(TVar::new(remains));
    }
}
