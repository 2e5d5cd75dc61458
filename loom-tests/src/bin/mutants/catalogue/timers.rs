//! The supervisor's timers.

use super::Mutant;

const FILE: &str = "runtime/src/supervisor/timers.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "runtime",
        "timers: who delays an item does not look whether it is over",
        &[(
            FILE,
            "            return Added::Over(item);",
            "            let _ = Added::Over;",
        )],
        "timers::",
    ),
    Mutant::of(
        "runtime",
        "timers: who delays an item does not look whether they are closed",
        &[(
            FILE,
            "        if entries.closed {",
            "        if false && entries.closed {",
        )],
        "timers::",
    ),
    Mutant::of(
        "runtime",
        "timers: who has ended an item leaves its entry there",
        &[(
            FILE,
            "timed.take_sleep().and_then(|key| entries.wake(key))",
            "None::<Item>",
        )],
        "timers::",
    ),
];
