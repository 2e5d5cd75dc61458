//! Items that run in several turns.

use super::Mutant;

const FILE: &str = "runtime/src/polled/turn.rs";
const WAKE: &str = "        match self.0.fetch_or(WOKEN, Ordering::Release) {\n";
const ASIDE: &str = ".compare_exchange(POLLING, ASIDE, Ordering::Release, Ordering::Relaxed)";
const AGAIN: &str = ".compare_exchange(word, WOKEN, Ordering::Release, Ordering::Relaxed)";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "runtime",
        "turn: a wake-up of what is queued writes nothing",
        &[(
            FILE,
            WAKE,
            "        if self.0.load(Ordering::Acquire) & WOKEN != 0 {\n            return Wakeup::Nothing;\n        }\n        match self.0.fetch_or(WOKEN, Ordering::Release) {\n",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: wakes Relaxed",
        &[(
            FILE,
            WAKE,
            "        match self.0.fetch_or(WOKEN, Ordering::Relaxed) {\n",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: begins Relaxed",
        &[(
            FILE,
            ".compare_exchange(WOKEN, POLLING, Ordering::Acquire, Ordering::Relaxed)",
            ".compare_exchange(WOKEN, POLLING, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: set aside Relaxed",
        &[(
            FILE,
            ASIDE,
            ".compare_exchange(POLLING, ASIDE, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: queued again Relaxed",
        &[(
            FILE,
            AGAIN,
            ".compare_exchange(word, WOKEN, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: set aside although it was woken",
        &[(
            FILE,
            "                return SetAside::Queue;\n",
            "                self.0.store(ASIDE, Ordering::Release);\n                return SetAside::Aside;\n",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: whoever wakes it queues it",
        &[(
            FILE,
            "            ASIDE => Wakeup::Queue,\n            _ => Wakeup::Nothing,\n",
            "            CLOSED => Wakeup::Nothing,\n            _ => Wakeup::Queue,\n",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: closed Relaxed",
        &[(
            FILE,
            "                Ordering::Acquire,\n                Ordering::Relaxed,\n            ) {",
            "                Ordering::Relaxed,\n                Ordering::Relaxed,\n            ) {",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: who closes it ends it, though it is polled",
        &[(
            FILE,
            "                Ok(word) if word & POLLING != 0 => return Close::Told,\n",
            "                Ok(word) if word == u32::MAX => return Close::Told,\n",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "turn: the poller does not look whether it was closed",
        &[(
            FILE,
            "        if word & CLOSED == 0 {\n",
            "        if word != u32::MAX {\n",
        )],
        "task::",
    ),
    Mutant::of(
        "runtime",
        "lobby: lets in when it is closed",
        &[(
            "runtime/src/polled/lobby.rs",
            "        if inside.closed {\n",
            "        if inside.closed && number == 0 {\n",
        )],
        "task::",
    ),
];
