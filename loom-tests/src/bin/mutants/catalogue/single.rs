//! `load`, and what it has in common with handles.

use super::Expected::{Beyond, Equivalent};
use super::Mutant;

const FILE: &str = "stm/src/tvar.rs";
const CELL: &str = "stm/src/cell.rs";

const LOOK: &str =
    "        while core.version.load().is_locked() {\n            spin.wait_on();\n        }\n";

const HANDLES: &str = "what a model can look at goes after a grace period, which orders it too; only the \
                       count itself needs this, as in std's Arc, and the thread sanitizer watches it";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "load: data loaded Relaxed",
        &[(
            FILE,
            "core.data.load(Ordering::Acquire)",
            "core.data.load(Ordering::Relaxed)",
        )],
        "single::",
    ),
    Mutant::of_the_engine(
        "load: locks ignored",
        &[(FILE, LOOK, "        spin.wait();\n")],
        "single::",
    ),
    Mutant::of_the_engine(
        "load: data loaded before the look at the lock",
        &[
            (
                FILE,
                LOOK,
                "        let word = core.data.load(Ordering::Acquire);\n        while core.version.load().is_locked() {\n            spin.wait_on();\n        }\n",
            ),
            (
                FILE,
                "        let word = core.data.load(Ordering::Acquire);\n        // SAFETY: a word",
                "        // SAFETY: a word",
            ),
        ],
        "single::",
    )
    .but(Equivalent(
        "the look has to come before the answer: new data is answered only when its commit is through, \
         and old data was current when it was loaded",
    )),
    Mutant::of_the_engine(
        "handles: one given up Relaxed",
        &[(
            CELL,
            "self.handles.fetch_sub(1, Ordering::Release)",
            "self.handles.fetch_sub(1, Ordering::Relaxed)",
        )],
        "reclamation:: dropped",
    )
    .but(Beyond(HANDLES)),
    Mutant::of_the_engine(
        "handles: no Acquire after the last",
        &[(CELL, "        self.handles.load(Ordering::Acquire);\n", "")],
        "reclamation:: dropped",
    )
    .but(Beyond(HANDLES)),
];
