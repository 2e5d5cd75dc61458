//! Slots: who gives one back, and who is told.

use super::Mutant;

const LEVEL: &str = "runtime/src/slots/level.rs";
const SLOT: &str = "runtime/src/slots/slot.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "runtime",
        "slots: who leaves word is in the list alone",
        &[(
            LEVEL,
            "        self.count.modify(tx, |count| count | WORD)",
            "        let _ = WORD;\n        Ok(())",
        )],
        "slots::who_leaves_word",
    ),
    Mutant::of(
        "runtime",
        "slots: who gives tells nobody",
        &[(
            LEVEL,
            "        if count & WORD != 0 {",
            "        if count == usize::MAX {",
        )],
        "slots::who_leaves_word",
    ),
    Mutant::of(
        "runtime",
        "slots: the taking does not look at the fate",
        &[(
            SLOT,
            "        fate.read(tx)?;\n        fate.write(tx, HELD)?;",
            "        fate.write(tx, HELD)?;",
        )],
        "slots::a_slot_dropped_beside_its_commit",
    ),
    Mutant::of(
        "runtime",
        "slots: what is given is not gone",
        &[(SLOT, "        fate.write(tx, GONE)?;\n", "")],
        "slots::a_slot_given_twice",
    ),
    Mutant::of(
        "runtime",
        "slots: a giving in vain forgets that it came first",
        &[(
            SLOT,
            "        fate.write(tx, GONE)?;\n        if before == NEW {\n            return Ok(());\n        }",
            "        if before == NEW {\n            return Ok(());\n        }\n        fate.write(tx, GONE)?;",
        )],
        "slots::a_slot_dropped_beside_its_commit",
    ),
];
