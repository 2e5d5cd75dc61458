//! The ports.

use super::Mutant;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "ports",
        "port: the commit hook forgets a port that was dropped before",
        &[(
            "stm-ports/src/transport/local/port.rs",
            "if life.fetch_or(CONNECTED, Ordering::AcqRel) & DROPPED != 0 {",
            "if false && life.fetch_or(CONNECTED, Ordering::AcqRel) & DROPPED != 0 {",
        )],
        "",
    ),
    Mutant::of(
        "ports",
        "port: dropped in two steps",
        &[(
            "stm-ports/src/transport/local/port.rs",
            "let before = self.life.fetch_or(DROPPED, Ordering::AcqRel);",
            "let before = self.life.load(Ordering::Acquire);\n        self.life.store(DROPPED, Ordering::Release);",
        )],
        "",
    ),
];
