//! Reading inside a transaction.

use super::Mutant;

const FILE: &str = "stm/src/transaction/snapshot.rs";

/// The read that finds what it knows.
const FAST: &str = "        let data = shared.data.load(Ordering::Acquire);\n        probe::point(Point::Loaded);\n        let version = shared.version.load();\n        if self";
/// The read from the start.
const SLOW: &str = "            let data = shared.data.load(Ordering::Acquire);\n            probe::point(Point::Loaded);\n            let version = shared.version.load();\n            if version";
const ALL_CLOCKS: &str = "            clocks.clear();\n            clocks.extend((0..clock::in_use()).map(clock::published));\n            let checked = self.check_reads();\n";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "snapshot: data loaded Relaxed",
        &[(
            FILE,
            FAST,
            "        let data = shared.data.load(Ordering::Relaxed);\n        let version = shared.version.load();\n        if self",
        )],
        "clocks:: isolation::",
    ),
    Mutant::of_the_engine(
        "snapshot: data loaded after the version",
        &[(
            FILE,
            FAST,
            "        let version = shared.version.load();\n        let data = shared.data.load(Ordering::Acquire);\n        if self",
        )],
        "clocks:: isolation::",
    ),
    Mutant::of_the_engine(
        "snapshot: data loaded Relaxed, from the start",
        &[(
            FILE,
            SLOW,
            "            let data = shared.data.load(Ordering::Relaxed);\n            let version = shared.version.load();\n            if version",
        )],
        "moves_on isolation::",
    ),
    Mutant::of_the_engine(
        "snapshot: data loaded after the version, from the start",
        &[(
            FILE,
            SLOW,
            "            let version = shared.version.load();\n            let data = shared.data.load(Ordering::Acquire);\n            if version",
        )],
        "moves_on isolation::",
    ),
    Mutant::of_the_engine(
        "snapshot: every unlocked version accepted",
        &[(
            FILE,
            "self.seen[version.shard() % SHARDS].covers(version)",
            "!version.is_locked()",
        )],
        "together",
    ),
    Mutant::of_the_engine(
        "snapshot: locks ignored",
        &[
            (
                "stm/src/version.rs",
                "        version.0 <= self.0\n",
                "        version.0 & !LOCK <= self.0\n",
            ),
            (
                FILE,
                "            if version.is_locked() {\n",
                "            if false {\n",
            ),
        ],
        "together",
    ),
    Mutant::of_the_engine(
        "snapshot: the horizon set beyond what was seen",
        &[(
            "stm/src/version.rs",
            "self.0 = self.0.max(version.0 | WAIT);",
            "self.0 = self.0.max(version.0) + (2 << COUNT_SHIFT);",
        )],
        "moves_on together",
    ),
    Mutant::of_the_engine(
        "snapshot: extended without a check",
        &[(FILE, "            self.check_reads()?;\n", "")],
        "together",
    ),
    Mutant::of_the_engine(
        "snapshot: all clocks taken over without a check",
        &[(
            FILE,
            "let checked = self.check_reads();",
            "let checked = Ok(());",
        )],
        "covers_all extension_covers",
    ),
    Mutant::of_the_engine(
        "snapshot: a locked variable passes the check",
        &[(
            FILE,
            "if now.is(read.version) {",
            "if now.locked().is(read.version.locked()) {",
        )],
        "past_a_lock",
    ),
    Mutant::of_the_engine(
        "snapshot: clocks read after the check",
        &[(
            FILE,
            ALL_CLOCKS,
            "            let checked = self.check_reads();\n            clocks.clear();\n            clocks.extend((0..clock::in_use()).map(clock::published));\n",
        )],
        "extension_covers",
    ),
    Mutant::of_the_engine(
        "snapshot: a version counts as seen before the check",
        &[(
            FILE,
            "        if self.reads.len() < LONG {\n",
            "        self.seen[version.shard() % SHARDS].reach(version);\n        if self.reads.len() < LONG {\n",
        )],
        "swallow",
    ),
    Mutant::of_the_engine(
        "snapshot: all clocks count as seen though the check failed",
        &[(
            FILE,
            "            if checked.is_ok() {\n",
            "            {\n",
        )],
        "swallow",
    ),
    Mutant::of_the_engine(
        "snapshot: data from before the extension answered",
        &[(
            FILE,
            "            self.extend(version)?;\n        }",
            "            self.extend(version)?;\n            // SAFETY: as above.\n            unsafe { self.reads.push(core, version) };\n            return Ok(data);\n        }",
        )],
        "together moves_on",
    ),
    Mutant::of_the_engine(
        "snapshot: data from after the extension answered with the version from before",
        &[(
            FILE,
            "            self.extend(version)?;\n        }",
            "            self.extend(version)?;\n            // SAFETY: as above.\n            unsafe { self.reads.push(core, version) };\n            return Ok(shared.data.load(Ordering::Acquire));\n        }",
        )],
        "another_look",
    ),
];
