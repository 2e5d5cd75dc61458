//! `load`, and what it has in common with handles.

use super::Expected::{Beyond, Equivalent};
use super::Mutant;

const FILE: &str = "stm/src/tvar.rs";
const COUNT: &str = "stm/src/handles.rs";

const LOOK: &str = "    while words.version.load().is_locked() {\n        spin.wait_on();\n    }\n";

const HANDLES: &str = "what a model can look at goes after a grace period, which orders it too; only the \
                       count itself needs this, as in std's Arc, and the thread sanitizer watches it";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "load: data loaded Relaxed",
        &[(
            FILE,
            "words.data.load(Ordering::Acquire)",
            "words.data.load(Ordering::Relaxed)",
        )],
        "single::",
    ),
    Mutant::of_the_engine(
        "load: locks ignored",
        &[(FILE, LOOK, "    spin.wait();\n")],
        "single::",
    ),
    Mutant::of_the_engine(
        "load: data loaded before the look at the lock",
        &[
            (
                FILE,
                LOOK,
                "    let word = words.data.load(Ordering::Acquire);\n    while words.version.load().is_locked() {\n        spin.wait_on();\n    }\n",
            ),
            (
                FILE,
                "    let word = words.data.load(Ordering::Acquire);\n    // SAFETY: a word",
                "    // SAFETY: a word",
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
            COUNT,
            "self.0.fetch_sub(1, Ordering::Release)",
            "self.0.fetch_sub(1, Ordering::Relaxed)",
        )],
        "reclamation:: dropped",
    )
    .but(Beyond(HANDLES)),
    Mutant::of_the_engine(
        "handles: no Acquire after the last",
        &[(COUNT, "        self.0.load(Ordering::Acquire);\n", "")],
        "reclamation:: dropped",
    )
    .but(Beyond(HANDLES)),
];
