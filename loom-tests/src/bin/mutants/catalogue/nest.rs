//! Branches.

use super::Mutant;

const FILE: &str = "stm/src/transaction/nest.rs";
const API: &str = "stm/src/transaction.rs";

const RETRIED: &str = "                self.context.effects.roll_back_to(&savepoint);\n                drop(outcome);";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "or_else: the left side is not undone",
        &[(
            API,
            RETRIED,
            "                self.context.effects.keep(&savepoint);\n                drop(outcome);",
        )],
        "left",
    ),
    Mutant::of_the_engine(
        "or_else: the left side's reads are forgotten",
        &[(
            API,
            RETRIED,
            "                self.context.effects.roll_back_to(&savepoint);\n                self.context.reads.clear();\n                drop(outcome);",
        )],
        "left alternatives",
    ),
    Mutant::of_the_engine(
        "nest: writes of a branch stay in the log",
        &[(FILE, "        self.discard_writes(savepoint.writes);\n", "")],
        "left",
    ),
    Mutant::of_the_engine(
        "nest: words undone oldest first",
        &[(
            FILE,
            "if let Some(Undo { position, replaced }) = self.undo.pop() {",
            "if let Some(Undo { position, replaced }) = Some(self.undo.remove(savepoint.undo)) {",
        )],
        "nesting::",
    ),
    Mutant::of_the_engine(
        "nest: words not undone",
        &[(
            FILE,
            "while self.undo.len() > savepoint.undo {",
            "while false && self.undo.len() > savepoint.undo {",
        )],
        "nesting::",
    ),
    Mutant::of_the_engine(
        "nest: no barrier",
        &[(FILE, "        self.barrier = savepoint.writes;\n", "")],
        "nesting::",
    ),
    Mutant::of_the_engine(
        "nest: what an inner branch could undo is forgotten when it is kept",
        &[(
            FILE,
            "    pub(crate) fn keep(&mut self, savepoint: &Savepoint) {\n",
            "    pub(crate) fn keep(&mut self, savepoint: &Savepoint) {\n        self.undo.truncate(savepoint.undo);\n",
        )],
        "nesting::",
    ),
    Mutant::of_the_engine(
        "nest: commit hooks of a branch stay",
        &[(
            FILE,
            "        self.hooks\n            .roll_back(savepoint.on_commit, savepoint.on_abort);\n",
            "        let _ = (savepoint.on_commit, savepoint.on_abort);\n",
        )],
        "nesting::",
    ),
];
