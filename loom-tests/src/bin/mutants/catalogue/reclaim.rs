//! Grace periods.

use super::Expected::Equivalent;
use super::Mutant;

const FILE: &str = "stm/src/reclaim/grace.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "reclaim: no barrier after entering",
        &[(
            FILE,
            "        barrier::light(asymmetric);\n",
            "        let _ = asymmetric;\n",
        )],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: barrier before entering",
        &[
            (FILE, "        barrier::light(asymmetric);\n", ""),
            (
                FILE,
                "        debug_assert!(section % 2 == 1);\n",
                "        barrier::light(asymmetric);\n",
            ),
        ],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: entered Relaxed",
        &[(
            FILE,
            "        self.0.store(section, Ordering::Release);\n        barrier",
            "        self.0.store(section, Ordering::Relaxed);\n        barrier",
        )],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: left Relaxed",
        &[(
            FILE,
            "        debug_assert!(section % 2 == 0);\n        self.0.store(section, Ordering::Release);",
            "        debug_assert!(section % 2 == 0);\n        self.0.store(section, Ordering::Relaxed);",
        )],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: the end of a section read Relaxed",
        &[(
            FILE,
            "self.participant.0.load(Ordering::Acquire) != self.section",
            "self.participant.0.load(Ordering::Relaxed) != self.section",
        )],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: who is inside read Relaxed",
        &[(
            FILE,
            "section: participant.0.load(Ordering::Acquire),",
            "section: participant.0.load(Ordering::Relaxed),",
        )],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: no fence before the ticket",
        &[(
            FILE,
            "        fence(Ordering::SeqCst);\n",
            "        let _ = fence;\n",
        )],
        "grace::",
    ),
    Mutant::of_the_engine(
        "reclaim: fence after the ticket",
        &[(
            FILE,
            "        fence(Ordering::SeqCst);\n        // Ordering: Relaxed; the fences order it.\n        self.started.load(Ordering::Relaxed) + 1\n",
            "        let ticket = self.started.load(Ordering::Relaxed) + 1;\n        fence(Ordering::SeqCst);\n        ticket\n",
        )],
        "grace::",
    ),
    Mutant::of_the_engine(
        "reclaim: ticket for a barrier that has started",
        &[(
            FILE,
            "        self.started.load(Ordering::Relaxed) + 1\n    }",
            "        self.started.load(Ordering::Relaxed)\n    }",
        )],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: no heavy barrier",
        &[(FILE, "if barrier::heavy() {", "if number > 0 {")],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: start told after the barrier",
        &[
            (
                FILE,
                "        self.started.store(number, Ordering::Relaxed);\n",
                "",
            ),
            (
                FILE,
                "            self.passed.store(number, Ordering::Release);\n",
                "            self.started.store(number, Ordering::Relaxed);\n            self.passed.store(number, Ordering::Release);\n",
            ),
        ],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: barrier told of before it is passed",
        &[
            (
                FILE,
                "        if barrier::heavy() {\n",
                "        self.passed.store(number, Ordering::Release);\n        if barrier::heavy() {\n",
            ),
            (
                FILE,
                "            self.passed.store(number, Ordering::Release);\n",
                "            let _ = &self.passed;\n",
            ),
        ],
        "grace::",
    ),
    Mutant::of_the_engine(
        "reclaim: barrier told of Relaxed",
        &[(
            FILE,
            "self.passed.store(number, Ordering::Release)",
            "self.passed.store(number, Ordering::Relaxed)",
        )],
        "grace::a_section",
    )
    .but(Equivalent(
        "the heavy barrier ends in a fence, which makes the store release as well; the ordering is \
         for whoever takes that fence away",
    )),
    Mutant::of_the_engine(
        "reclaim: barrier heard of Relaxed",
        &[(
            FILE,
            "self.passed.load(Ordering::Acquire) >= ticket",
            "self.passed.load(Ordering::Relaxed) >= ticket",
        )],
        "grace::",
    ),
    Mutant::of_the_engine(
        "reclaim: who is inside noted before the barrier",
        &[
            (
                FILE,
                "            if !BARRIERS.passed(ticket) {\n                BARRIERS.pass(ticket, patience);\n            }\n",
                "            let watches = inside();\n            if !BARRIERS.passed(ticket) {\n                BARRIERS.pass(ticket, patience);\n            }\n",
            ),
            (
                FILE,
                "self.stage = Stage::Watching(inside());",
                "self.stage = Stage::Watching(watches);",
            ),
        ],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: goes on without the barrier",
        &[(
            FILE,
            "            if !BARRIERS.passed(ticket) {\n                return false;\n            }\n",
            "",
        )],
        "grace::",
    ),
    Mutant::of_the_engine(
        "reclaim: everyone counts as alone",
        &[
            (
                FILE,
                "        if REGISTERED.load(Ordering::Relaxed) != 1 {\n            return false;\n        }\n",
                "",
            ),
            (
                FILE,
                "std::ptr::eq(other, self));\n        only",
                "std::ptr::eq(other, self) || true);\n        only",
            ),
        ],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: sections that are open not waited for",
        &[(
            FILE,
            "        watches.is_empty()\n",
            "        watches.is_empty() || true\n",
        )],
        "reclamation::a_",
    ),
    Mutant::of_the_engine(
        "reclaim: threads outside waited for",
        &[(
            FILE,
            "watches.filter(|watch| watch.section % 2 == 1).collect()",
            "watches.collect()",
        )],
        "is_dropped_once",
    ),
    Mutant::of_the_engine(
        "reclaim: load not pinned",
        &[
            (
                "stm/src/tvar.rs",
                "    let pin = Pin::new();\n    let mut spin",
                "    let mut spin",
            ),
            ("stm/src/tvar.rs", "    drop(pin);\n    value", "    value"),
        ],
        "reclamation::a_",
    ),
];
