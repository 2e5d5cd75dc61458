//! The version word.

use super::Expected::Equivalent;
use super::Mutant;

const FILE: &str = "stm/src/version.rs";

const LOCKED: &str = "                Ordering::SeqCst,\n                Ordering::Relaxed,";
const FLAGGED: &str = "                Ordering::AcqRel,\n                Ordering::Relaxed,";

const FLAG: &str = "whoever flags has been through the bucket's lock before, and the commit that \
                    reads the flag goes through it afterwards: that orders the two";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "version: loaded Relaxed",
        &[(
            FILE,
            "Version(self.0.load(Ordering::SeqCst))",
            "Version(self.0.load(Ordering::Relaxed))",
        )],
        "the_shared_clock_vouches",
    ),
    Mutant::of_the_engine(
        "version: lock taken Release",
        &[(
            FILE,
            LOCKED,
            "                Ordering::Release,\n                Ordering::Relaxed,",
        )],
        "given_back",
    ),
    Mutant::of_the_engine(
        "version: lock taken Acquire",
        &[(
            FILE,
            LOCKED,
            "                Ordering::Acquire,\n                Ordering::Relaxed,",
        )],
        "isolation clocks",
    )
    .but(Equivalent(
        "nobody learns from a locked word what came before the lock: a reader that has to find the \
         lock comes from the data or from the fence, both after it",
    )),
    Mutant::of_the_engine(
        "version: lock taken Relaxed",
        &[(
            FILE,
            LOCKED,
            "                Ordering::Relaxed,\n                Ordering::Relaxed,",
        )],
        "given_back",
    ),
    Mutant::of_the_engine(
        "version: a lock that is held is taken all the same",
        &[
            (FILE, "while !found.is_locked() {", "loop {"),
            (
                FILE,
                "                Err(now) => found = now,\n            }\n        }\n        Lock::Held\n",
                "                Err(now) => found = now,\n            }\n        }\n",
            ),
        ],
        "lost_update against_a_transaction",
    ),
    Mutant::of_the_engine(
        "version: a changed version is locked as if it were the expected one",
        &[(
            FILE,
            "Err(now) if now.is(read) => found = now,",
            "Err(now) if !now.is_locked() => found = now,",
        )],
        "lost_update",
    ),
    Mutant::of_the_engine(
        "version: published Relaxed",
        &[(
            FILE,
            "self.0.store(version.0, Ordering::Release)",
            "self.0.store(version.0, Ordering::Relaxed)",
        )],
        "lost_update_on_the_shared",
    ),
    Mutant::of_the_engine(
        "version: restored Relaxed",
        &[(
            FILE,
            "self.0.store(before.0, Ordering::Release)",
            "self.0.store(before.0, Ordering::Relaxed)",
        )],
        "given_back",
    ),
    Mutant::of_the_engine(
        "version: restored without its waiter",
        &[(
            FILE,
            "self.0.store(before.0, Ordering::Release)",
            "self.0.store(before.0 & !WAIT, Ordering::Release)",
        )],
        "gives_up",
    ),
    Mutant::of_the_engine(
        "version: not restored",
        &[(
            FILE,
            "self.0.store(before.0, Ordering::Release)",
            "let _ = before",
        )],
        "gives_up",
    ),
    Mutant::of_the_engine(
        "version: waiter flagged Acquire",
        &[(
            FILE,
            FLAGGED,
            "                Ordering::Acquire,\n                Ordering::Relaxed,",
        )],
        "waiting::",
    )
    .but(Equivalent(FLAG)),
    Mutant::of_the_engine(
        "version: waiter flagged Relaxed",
        &[(
            FILE,
            FLAGGED,
            "                Ordering::Relaxed,\n                Ordering::Relaxed,",
        )],
        "waiting::",
    )
    .but(Equivalent(FLAG)),
    Mutant::of_the_engine(
        "version: waiter flagged on a locked word",
        &[(
            FILE,
            "while found.is(read) {",
            "while found.locked().is(read.locked()) {",
        )],
        "one_variable_one",
    ),
    Mutant::of_the_engine(
        "version: waiter flagged on whatever version there is",
        &[(
            FILE,
            "while found.is(read) {",
            "while found.0 | LOCK | read.0 != 0 {",
        )],
        "one_variable_one",
    ),
];
