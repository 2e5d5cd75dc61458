//! Works that wait for each other in a ring: the one that would close it is
//! told instead.
//!
//! One list, behind one lock, of who waits for whom. A thread that is about to
//! wait inside work locks it, follows the list from the item that it wants, all ways, and
//! either comes to an item of its own, which is a ring, or adds its links: each
//! item on its stack waits for the one above, and the topmost for the one that
//! is wanted. The links go when the wait ends.
//!
//! A link is there before its thread sleeps, and looking and adding are one step
//! under the lock, so of the threads that would make a ring the last one finds
//! it. Items are told apart by address: those of the list are running or held
//! by a handle, and so alive.
//!
//! Only `join` is seen. A ring that goes through a transaction or a lock of the
//! user's own is not.

use hivework_stm::facade::global;
use hivework_stm::facade::sync::Mutex;

use crate::local;
use crate::work::info::Info;

global! {
    /// Pairs of the item that waits and the item that it waits for.
    static LINKS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());
}

/// This thread's links, for as long as this lives.
pub(crate) struct Link(Vec<(usize, usize)>);

impl Link {
    /// Links this thread's items to the one that is `wanted`; none when that
    /// would close a ring. A thread that runs no item waits for whatever it
    /// likes.
    pub(crate) fn join(wanted: &Info) -> Option<Link> {
        let own = local::running();
        let Some(&top) = own.last() else {
            return Some(Link(Vec::new()));
        };
        let wanted = local::address(wanted);
        let mut links = LINKS.lock();
        // A team waits for each of its members (`team.rs`), so there can be several ways on.
        let mut reached = vec![wanted];
        let mut at = 0;
        while at < reached.len() {
            for (waiting, next) in links.iter() {
                if *waiting == reached[at] && !reached.contains(next) {
                    if own.contains(next) {
                        return None;
                    }
                    reached.push(*next);
                }
            }
            at += 1;
        }
        let mut new: Vec<_> = own.windows(2).map(|pair| (pair[0], pair[1])).collect();
        new.push((top, wanted));
        links.extend_from_slice(&new);
        Some(Link(new))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.0.is_empty() {
            return;
        }
        LINKS.lock().retain(|link| !self.0.contains(link));
    }
}
