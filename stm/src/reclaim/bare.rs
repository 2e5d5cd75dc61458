//! Grace periods without anything to reclaim: what a model needs to look at them alone, where
//! whole transactions around them would leave no room for a third thread.

use std::fmt;

use super::grace::{Batch, Participant, Patience};
use crate::facade::barrier;

/// A thread that may be inside a section.
#[derive(Debug)]
pub struct Section(&'static Participant);

impl Section {
    /// Registers the calling thread.
    #[must_use]
    pub fn register() -> Section {
        Section(Participant::register())
    }

    /// Runs `f` inside a section.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.0.enter(barrier::asymmetric());
        let result = f();
        self.0.exit();
        result
    }

    /// Seals what the calling thread, outside, has unlinked by now.
    #[must_use]
    pub fn seal(&self) -> Sealed {
        Sealed(Batch::seal(Vec::new(), self.0))
    }
}

/// What was unlinked before a certain moment.
pub struct Sealed(Batch);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

impl Sealed {
    /// Goes on as far as that is possible without waiting; says whether nobody can hold a
    /// pointer to it any more.
    pub fn is_free(&mut self) -> bool {
        self.0.advance(Patience::Leave)
    }
}
