//! Rows of variables.

use super::Expected::Equivalent;
use super::Mutant;

const ROW: &str = "stm/src/row.rs";
const SLOTS: &str = "stm/src/slots.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "row: a filled row counts as unset",
        &[(
            SLOTS,
            "!version.is(Version::INITIAL) || self.0.is_filled()",
            "!version.is(Version::INITIAL)",
        )],
        "rows::",
    ),
    Mutant::of_the_engine(
        "row: a number counts as set from the start",
        &[(
            SLOTS,
            "!version.is(Version::INITIAL) || self.0.is_filled()",
            "!version.is(Version::INITIAL) || self.0.is_filled() || true",
        )],
        "rows::",
    ),
    Mutant::of_the_engine(
        "row: what the transaction has set counts as unset",
        &[(
            SLOTS,
            "return (word, Version::NONE);",
            "return (word, Version::INITIAL);",
        )],
        "rows::what_a_transaction",
    ),
    Mutant::of_the_engine(
        "row: peeks past what the transaction has set",
        &[(
            SLOTS,
            "    if let Some(word) = tx.written(place) {\n",
            "    if let Some(word) = tx.written(place).filter(|_| false) {\n",
        )],
        "rows::what_a_transaction",
    ),
    Mutant::of_the_engine(
        "row: peeked at data before version",
        &[
            (
                SLOTS,
                "    let version = words.version.load();\n",
                "    let data = words.data.load(Ordering::Acquire);\n    let version = words.version.load();\n",
            ),
            (
                SLOTS,
                "    (words.data.load(Ordering::Acquire), version.unlocked())\n",
                "    (data, version.unlocked())\n",
            ),
        ],
        "rows::a_number",
    ),
    Mutant::of_the_engine(
        "row: peeked at data Relaxed",
        &[(
            SLOTS,
            "words.data.load(Ordering::Acquire)",
            "words.data.load(Ordering::Relaxed)",
        )],
        "rows::what_is_peeked",
    ),
    Mutant::of_the_engine(
        "row: dropped while it may be read",
        &[(
            ROW,
            "        here.member().retire(garbage);\n",
            "        drop(garbage);\n",
        )],
        "rows::a_row_outlives",
    ),
    Mutant::of_the_engine(
        "row: its values are not dropped",
        &[(
            ROW,
            "if drop_word.is_some() || needs_drop::<Words>() {",
            "if drop_word.is_none() && needs_drop::<Words>() {",
        )],
        "rows::the_values",
    ),
    Mutant::of_the_engine(
        "row: neighbours share a variable",
        &[(
            ROW,
            "unsafe { first.add(position) }\n}",
            "unsafe { first.add(position / 2) }\n}",
        )],
        "rows::",
    ),
    Mutant::of_the_engine(
        "place: found among others by the whole word",
        &[(
            "stm/src/place.rs",
            "self.pointer().as_ptr().addr()",
            "self.0.as_ptr().addr()",
        )],
        "rows::who_waits",
    )
    .but(Equivalent(
        "each variable has one place, so the word that tells the kind names it as well as the address",
    )),
];
