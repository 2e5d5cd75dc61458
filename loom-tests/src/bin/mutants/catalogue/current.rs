//! What a worker runs, as others may see it, and whether the supervisor is there to see it.

use super::Mutant;

const BELL: &str = "runtime/src/supervisor/bell.rs";
const CURRENT: &str = "runtime/src/worker/current.rs";
const WAITS: &str = "runtime/src/worker/current/waits.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "runtime",
        "current: no light barrier between the end and the look for who looks",
        &[(CURRENT, "        barrier::light(self.asymmetric);\n", "")],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: no heavy barrier between the hold and the look at the stamp",
        &[(
            CURRENT,
            "        let ordered = barrier::heavy();\n",
            "        let ordered = true;\n",
        )],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: an item ends though somebody looks",
        &[(
            CURRENT,
            "        if self.hold.load(Ordering::Acquire) {\n",
            "        if false && self.hold.load(Ordering::Acquire) {\n",
        )],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: who ends an item does not wait for who looks",
        &[(CURRENT, "        drop(self.gate.lock());\n", "")],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: that nobody looks any more is read Relaxed",
        &[(
            CURRENT,
            "self.hold.load(Ordering::Acquire)",
            "self.hold.load(Ordering::Relaxed)",
        )],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: the hold cleared Relaxed",
        &[(
            CURRENT,
            "self.mark.hold.store(false, Ordering::Release)",
            "self.mark.hold.store(false, Ordering::Relaxed)",
        )],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: the stamp of an item stored Relaxed",
        &[(
            CURRENT,
            "self.stamp.store(stamp + 1, Ordering::Release)",
            "self.stamp.store(stamp + 1, Ordering::Relaxed)",
        )],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: the stamp read Relaxed",
        &[(
            CURRENT,
            "self.stamp.load(Ordering::Acquire)",
            "self.stamp.load(Ordering::Relaxed)",
        )],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: the stamp is read before the barrier",
        &[(
            CURRENT,
            "        let ordered = barrier::heavy();\n        if !ordered || !runs(stamp) || self.stamp() != stamp {",
            "        let seen = self.stamp();\n        let ordered = barrier::heavy();\n        if !ordered || !runs(stamp) || seen != stamp {",
        )],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: any item is looked at, not that of the stamp",
        &[(
            CURRENT,
            "!runs(stamp) || self.stamp() != stamp",
            "!runs(self.stamp())",
        )],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "current: the stamp comes before the item",
        &[
            (
                CURRENT,
                "        self.item.store(item, Ordering::Relaxed);\n",
                "",
            ),
            (
                CURRENT,
                "        self.stamp.store(stamp + 1, Ordering::Release);\n        true",
                "        self.stamp.store(stamp + 1, Ordering::Release);\n        self.item.store(item, Ordering::Relaxed);\n        true",
            ),
        ],
        "current::",
    ),
    Mutant::of(
        "runtime",
        "waits: the count is looked at but once",
        &[(
            WAITS,
            "            if self.count.load(Ordering::Relaxed) == count {\n",
            "            if self.count.load(Ordering::Relaxed) >= count {\n",
        )],
        "current::no_wait",
    ),
    Mutant::of(
        "runtime",
        "waits: an end in the middle of the reading is counted twice",
        &[(
            WAITS,
            "                waited.max(now.saturating_sub(self.base.load(Ordering::Acquire)))",
            "                waited + now.saturating_sub(self.base.load(Ordering::Acquire) + waited)",
        )],
        "current::no_wait",
    ),
    Mutant::of(
        "runtime",
        "waits: the base stored Relaxed",
        &[(
            WAITS,
            ".store(now.saturating_sub(waited), Ordering::Release)",
            ".store(now.saturating_sub(waited), Ordering::Relaxed)",
        )],
        "current::no_wait",
    ),
    Mutant::of(
        "runtime",
        "waits: the base read Relaxed",
        &[(
            WAITS,
            "self.base.load(Ordering::Acquire)",
            "self.base.load(Ordering::Relaxed)",
        )],
        "current::no_wait",
    ),
    Mutant::of(
        "runtime",
        "waits: what was waited stored Relaxed",
        &[(
            WAITS,
            ".store(now.saturating_sub(base), Ordering::Release)",
            ".store(now.saturating_sub(base), Ordering::Relaxed)",
        )],
        "current::no_wait",
    ),
    Mutant::of(
        "runtime",
        "waits: what was waited read Relaxed",
        &[(
            WAITS,
            "self.waited.load(Ordering::Acquire)",
            "self.waited.load(Ordering::Relaxed)",
        )],
        "current::no_wait",
    ),
    Mutant::of(
        "runtime",
        "waits: counted Relaxed",
        &[(
            WAITS,
            "self.count.store(count + 1, Ordering::Release)",
            "self.count.store(count + 1, Ordering::Relaxed)",
        )],
        "current::no_wait",
    ),
    Mutant::of(
        "runtime",
        "waits: the count read Relaxed",
        &[(
            WAITS,
            "let count = self.count.load(Ordering::Acquire)",
            "let count = self.count.load(Ordering::Relaxed)",
        )],
        "current::no_wait",
    ),
    Mutant::of(
        "runtime",
        "bell: a ring is counted after its permit",
        &[(
            BELL,
            "        self.rings.fetch_add(1, Ordering::Release);\n        self.parker.unpark();",
            "        self.parker.unpark();\n        self.rings.fetch_add(1, Ordering::Release);",
        )],
        "bell::a_ring",
    ),
    Mutant::of(
        "runtime",
        "bell: rings read Relaxed",
        &[(
            BELL,
            "self.rings.load(Ordering::Acquire)",
            "self.rings.load(Ordering::Relaxed)",
        )],
        "bell::a_ring",
    ),
    Mutant::of(
        "runtime",
        "bell: rings counted Relaxed",
        &[(
            BELL,
            "self.rings.fetch_add(1, Ordering::Release)",
            "self.rings.fetch_add(1, Ordering::Relaxed)",
        )],
        "bell::a_ring",
    ),
    Mutant::of(
        "runtime",
        "bell: who rises passes no fence",
        &[(
            BELL,
            "        fence(Ordering::SeqCst);\n        self.stir();",
            "        self.stir();",
        )],
        "bell::a_worker",
    ),
];
