//! Scopes, and calls to one worker.

use super::Mutant;

const JOBS: &str = "runtime/src/scope/jobs.rs";
const BOARD: &str = "runtime/src/scope/board.rs";
const IDLE: &str = "runtime/src/idle.rs";
const PARKER: &str = "runtime/src/idle/parker.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "runtime",
        "jobs: the owner goes on while a job runs",
        &[(
            JOBS,
            "self.running == 0 && self.queue.is_empty()",
            "self.queue.is_empty()",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "jobs: the owner says that it waits after it has looked",
        &[(
            JOBS,
            "            state.waits = true;\n            drop(state);\n",
            "            drop(state);\n            self.state.lock().waits = true;\n",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "jobs: the owner sleeps though it was rung",
        &[(
            JOBS,
            "        if asleep.is_ok() {",
            "        if asleep.is_ok() || true {",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "jobs: a ring leaves no permit",
        &[(
            JOBS,
            "== ASLEEP {\n            self.parker.unpark();",
            "== ASLEEP && false {\n            self.parker.unpark();",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "jobs: the ring's swap is a load and a store",
        &[(
            JOBS,
            "        if self.latch.swap(RUNG, Ordering::Relaxed) == ASLEEP {",
            "        let was = self.latch.load(Ordering::Relaxed);\n        self.latch.store(RUNG, Ordering::Relaxed);\n        if was == ASLEEP {",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "jobs: the end of the last job rings nobody",
        &[(
            JOBS,
            "        let ring = state.is_over() && std::mem::take(&mut state.waits);",
            "        let ring = false;",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "jobs: the end of a helper's last job rings nobody",
        &[(
            JOBS,
            "        let ring = next.is_none() && state.is_over() && std::mem::take(&mut state.waits);",
            "        let ring = false;",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "jobs: a spawn rings nobody",
        &[(
            JOBS,
            "        state.queue.push_back(job);\n        let waits = std::mem::take(&mut state.waits);",
            "        state.queue.push_back(job);\n        let waits = false;",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "jobs: a call rings nobody",
        &[(
            JOBS,
            "        state.called = true;\n        let waits = std::mem::take(&mut state.waits);",
            "        state.called = true;\n        let waits = false;",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "board: lowered after the look",
        &[(
            BOARD,
            "        self.lower();\n        look()\n",
            "        let found = look();\n        self.lower();\n        found\n",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "board: raised by everybody",
        &[(
            BOARD,
            "!self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::Relaxed)",
            "!self.0.swap(true, Ordering::Relaxed) || true",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "board: never lowered",
        &[(BOARD, "self.0.store(false, Ordering::Relaxed);", "")],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "idle: a called worker sleeps while another searches",
        &[(
            IDLE,
            "        if me.is_called() || (!others && !nothing()) {",
            "        if !others && !nothing() {",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "idle: a call wakes nobody",
        &[(
            IDLE,
            "        let Some(place) = place else { return };\n",
            "        let Some(place) = place.filter(|_| false) else {\n            return;\n        };\n",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "idle: who is called out of its sleep does not count as searching",
        &[(
            IDLE,
            "        // Ordering: as in `notify`.\n        self.word\n            .fetch_add(SEARCHING.wrapping_sub(SLEEPING), Ordering::Relaxed);\n        drop(sleepers);",
            "        self.word\n            .fetch_add(0_u32.wrapping_sub(SLEEPING), Ordering::Relaxed);\n        drop(sleepers);",
        )],
        "idle::a_worker_that_retires",
    ),
    Mutant::of(
        "runtime",
        "idle: a call is left after the look at the sleepers",
        &[
            (IDLE, "        worker.call();\n", ""),
            (
                IDLE,
                "        let Some(place) = place else { return };\n",
                "        let Some(place) = place else {\n            drop(sleepers);\n            worker.call();\n            return;\n        };\n",
            ),
        ],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "idle: a call is left without Release",
        &[(
            PARKER,
            "self.called.store(true, Ordering::Release);",
            "self.called.store(true, Ordering::Relaxed);",
        )],
        "scope::",
    ),
    Mutant::of(
        "runtime",
        "idle: a call is taken without Acquire",
        &[(
            PARKER,
            "self.called.swap(false, Ordering::Acquire)",
            "self.called.swap(false, Ordering::Relaxed)",
        )],
        "scope::",
    ),
];
