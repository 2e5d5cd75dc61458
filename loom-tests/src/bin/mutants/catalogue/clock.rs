//! The clocks.

use super::Mutant;

const FILE: &str = "stm/src/clock.rs";

const SHARED: &str = "CLOCKS[SHARED].fetch_add(1, Ordering::AcqRel)";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "clock: ticked Relaxed",
        &[(
            FILE,
            "CLOCKS[self.index].store(self.count, Ordering::Release)",
            "CLOCKS[self.index].store(self.count, Ordering::Relaxed)",
        )],
        "covers_all",
    ),
    Mutant::of_the_engine(
        "clock: read Relaxed",
        &[(
            FILE,
            "CLOCKS[shard].load(Ordering::Acquire)",
            "CLOCKS[shard].load(Ordering::Relaxed)",
        )],
        "covers_all",
    ),
    Mutant::of_the_engine(
        "clock: a count is given twice",
        &[(FILE, "        self.count += 1;", "        self.count = 1;")],
        "moves_on",
    ),
    Mutant::of_the_engine(
        "clock: shared clock ticked Acquire",
        &[(
            FILE,
            SHARED,
            "CLOCKS[SHARED].fetch_add(1, Ordering::Acquire)",
        )],
        "vouches",
    ),
    Mutant::of_the_engine(
        "clock: shared clock ticked Release",
        &[(
            FILE,
            SHARED,
            "CLOCKS[SHARED].fetch_add(1, Ordering::Release)",
        )],
        "vouches",
    ),
    Mutant::of_the_engine(
        "clock: shared clock ticked Relaxed",
        &[(
            FILE,
            SHARED,
            "CLOCKS[SHARED].fetch_add(1, Ordering::Relaxed)",
        )],
        "vouches",
    ),
    Mutant::of_the_engine(
        "clock: shared clock ticked in two steps",
        &[(
            FILE,
            "let count = CLOCKS[SHARED].fetch_add(1, Ordering::AcqRel) + 1;",
            "let count = CLOCKS[SHARED].load(Ordering::Acquire) + 1;\n        CLOCKS[SHARED].store(count, Ordering::Release);",
        )],
        "a_commit_on_the_shared vouches",
    ),
];
