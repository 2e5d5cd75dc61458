//! What an item that runs is asked to do because something more urgent wants its slot.
//!
//! | asked | to do what | by whom it can be asked |
//! |---|---|---|
//! | *leave* | end, and answer `Evicted` | any item |
//! | *return* | go back to its attendant, to begin anew later | one that is [restartable](super::restart) |
//! | *pause* | go back to its attendant, to go on later from where it is | as above |
//!
//! # Steps
//!
//! 1. Its attendant *asks* an item that has begun, once until it is let in again. Asked to leave it is
//!    cancelled as well, which reaches it wherever it is: at a checkpoint, between two turns. One
//!    that is not restartable is asked to leave whatever was to be asked.
//! 2. The item *reads* it, in its [context](super::context::WorkContext), or its next turn does.
//! 3. One that goes back says so (*back*) when nothing of it runs any more, and its attendant keeps it.
//! 4. *Let in again*, it is asked nothing, and is woken as one that was set aside.
//!
//! # Races
//!
//! *Asked while it ends, or after.* Nobody reads it, and its slot comes home all the same: who asked
//! waits for that, and for nothing else.
//!
//! *Cancelled by somebody else.* Who cancels first has the word: an item that has been cancelled is
//! asked nothing. One that was asked to go back and is cancelled then ends, `Cancelled`, before or
//! after it is back, as the word of its [turns](crate::polled::turn) says.

use hivework_stm::facade::atomic::{AtomicU8, Ordering};

use super::attendant::Attendant;
use super::error::WorkError;
use super::info::Info;
use super::item::Item;
use crate::books::Ending;

/// See the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Asked {
    Nothing = 0,
    Leave = 1,
    Return = 2,
    Pause = 3,
    /// It was asked, and is back with its attendant.
    Back = 4,
}

/// The word of an item.
#[derive(Default, Debug)]
pub(crate) struct AskedWord(AtomicU8);

// Ordering: Relaxed throughout: a request orders nothing, and who lets an item in again has it
// from who took it back, through the attendant's transactions.
impl AskedWord {
    fn get(&self) -> Asked {
        match self.0.load(Ordering::Relaxed) {
            0 => Asked::Nothing,
            1 => Asked::Leave,
            2 => Asked::Return,
            3 => Asked::Pause,
            _ => Asked::Back,
        }
    }

    fn set(&self, from: Asked, to: Asked) -> bool {
        let (from, to) = (from as u8, to as u8);
        let set = self.0.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        set.is_ok()
    }

    fn go_back(&self) {
        self.0.store(Asked::Back as u8, Ordering::Relaxed);
    }

    fn let_in_again(&self) -> bool {
        self.set(Asked::Back, Asked::Nothing)
    }
}

impl Info {
    /// What it is asked.
    pub(crate) fn asked(&self) -> Asked {
        self.rare().map_or(Asked::Nothing, |rare| rare.asked.get())
    }

    /// Does something more urgent want its slot?
    pub(crate) fn is_evicted(&self) -> bool {
        matches!(self.asked(), Asked::Leave | Asked::Return | Asked::Pause)
    }

    /// Step 3; says who is to have it.
    pub(crate) fn take_back(&self) -> Option<&dyn Attendant> {
        self.rare()?.asked.go_back();
        self.attendant()
    }

    /// Step 4; false for an item that is not back.
    #[must_use]
    pub(crate) fn let_in_again(&self) -> bool {
        self.rare().is_some_and(|rare| rare.asked.let_in_again())
    }

    /// How an item ends that was cancelled.
    pub(crate) fn cancelled(&self) -> (Ending, WorkError) {
        match self.asked() {
            Asked::Leave => (Ending::Evicted, WorkError::Evicted),
            _ => (Ending::Cancelled, WorkError::Cancelled),
        }
    }
}

/// Step 1; false where it has been asked or cancelled before, or is over.
pub(crate) fn ask(item: &Item, what: Asked) -> bool {
    let head = item.head();
    if head.state.flags().0 || head.state.is_over() {
        return false;
    }
    let rare = head.info.make_rare();
    let what = if rare.restartable { what } else { Asked::Leave };
    if !rare.asked.set(Asked::Nothing, what) {
        return false;
    }
    if what == Asked::Leave {
        return item.cancel();
    }
    true
}
