//! The mutants, one file a mechanism.
//!
//! Every ordering of the modelled form stronger than Relaxed is weakened in a row of
//! its own, every fence is dropped, and every step of a protocol is dropped or done in
//! another order. SeqCst accesses count as what loom makes of them: Acquire, Release or both.

mod clock;
mod commit;
mod containers;
mod current;
mod fork;
mod nest;
mod ports;
mod reclaim;
mod rows;
mod runtime;
mod scopes;
mod single;
mod slots;
mod snapshot;
mod timers;
mod turn;
mod version;
mod wait;

/// One way to make the code wrong.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) edits: &'static [Edit],
    /// The test binary whose models must notice.
    pub(crate) models: &'static str,
    /// What the names of the models contain that are expected to notice, apart by
    /// blanks; they are run first, and the others only if they should have noticed
    /// and did not. All, if it is empty.
    pub(crate) by: &'static str,
    pub(crate) expected: Expected,
}

/// A file, what to replace in it, and by what. It must stand there exactly once.
pub(crate) type Edit = (&'static str, &'static str, &'static str);

/// What the models should say to it.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    Caught,
    /// Nothing, for this reason.
    Equivalent(&'static str),
    /// Nothing: it is wrong in a way that no model can show, for this reason.
    Beyond(&'static str),
}

impl Mutant {
    /// One that some model must notice.
    const fn of(
        models: &'static str,
        name: &'static str,
        edits: &'static [Edit],
        by: &'static str,
    ) -> Mutant {
        Mutant {
            name,
            edits,
            models,
            by,
            expected: Expected::Caught,
        }
    }

    /// The same of the engine.
    const fn of_the_engine(name: &'static str, edits: &'static [Edit], by: &'static str) -> Mutant {
        Mutant::of("stm", name, edits, by)
    }

    /// One that no model notices.
    const fn but(self, expected: Expected) -> Mutant {
        Mutant { expected, ..self }
    }

    /// The file in which most of it is.
    pub(crate) fn file(&self) -> &'static str {
        self.edits.first().map_or("", |(file, ..)| file)
    }
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        version::MUTANTS,
        clock::MUTANTS,
        snapshot::MUTANTS,
        commit::MUTANTS,
        single::MUTANTS,
        nest::MUTANTS,
        wait::MUTANTS,
        rows::MUTANTS,
        reclaim::MUTANTS,
        containers::MUTANTS,
        ports::MUTANTS,
        runtime::MUTANTS,
        current::MUTANTS,
        fork::MUTANTS,
        scopes::MUTANTS,
        turn::MUTANTS,
        timers::MUTANTS,
        slots::MUTANTS,
    ]
    .into_iter()
    .flatten()
}
