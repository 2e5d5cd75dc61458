//! Where a variable lies: what the logs keep of it.
//!
//! A variable is alone in a [`Core`], or one of many in a row ([`crate::row`]). Either way a
//! transaction works on its two [`Words`]; only a core has a name to be reported under.
//!
//! ```text
//!   63                                  1     0
//! +--------------------------------------+-------+
//! |          address of the words        |  ROW  |
//! +--------------------------------------+-------+
//! ```
//!
//! `ROW` tells the two kinds apart. Every variable has one place, so places are compared as they
//! are.

use std::ptr::NonNull;

use crate::cell::{Core, Words};

const ROW: usize = 1;

/// Where a variable lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(NonNull<Words>);

impl Place {
    /// The variable that is alone in a core.
    #[inline]
    pub(crate) fn of_core(core: NonNull<Core>) -> Place {
        // A core begins with its words.
        Place(core.cast())
    }

    /// A variable of a row.
    #[inline]
    pub(crate) fn in_row(words: NonNull<Words>) -> Place {
        Place(words.map_addr(|address| address | ROW))
    }

    #[inline]
    fn pointer(self) -> NonNull<Words> {
        // Words are aligned, so the bit is not theirs.
        let pointer = self.0.as_ptr().map_addr(|address| address & !ROW);
        // SAFETY: no object lies at address 0 or 1.
        unsafe { NonNull::new_unchecked(pointer) }
    }

    /// By what the variable is found among others.
    #[inline]
    pub(crate) fn address(self) -> usize {
        self.pointer().as_ptr().addr()
    }

    /// The variable's words.
    ///
    /// # Safety
    ///
    /// The variable stays allocated for `'a`.
    #[inline]
    pub(crate) unsafe fn words<'a>(self) -> &'a Words {
        // SAFETY: allocated, by the caller's promise, and only atomics are written to.
        unsafe { self.pointer().as_ref() }
    }

    /// The name that reports call it by.
    ///
    /// # Safety
    ///
    /// The variable is allocated.
    pub(crate) unsafe fn name(self) -> Option<&'static str> {
        if self.0.addr().get() & ROW != 0 {
            return None;
        }
        // SAFETY: made of a core's pointer, which is allocated.
        unsafe { self.0.cast::<Core>().as_ref() }.name()
    }
}
