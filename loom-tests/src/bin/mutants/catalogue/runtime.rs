//! The runtime.

use super::Mutant;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "runtime",
        "idle: no light barrier between publishing and looking for sleepers",
        &[(
            "runtime/src/idle.rs",
            "        barrier::light(self.asymmetric);\n",
            "",
        )],
        "idle::a_put_reaches",
    ),
    Mutant::of(
        "runtime",
        "idle: no heavy barrier between going to sleep and the last look",
        &[(
            "runtime/src/idle.rs",
            "        let ordered = barrier::heavy();\n",
            "        let ordered = true;\n",
        )],
        "idle::a_put_reaches",
    ),
    Mutant::of(
        "runtime",
        "idle: a mere fence between going to sleep and the last look",
        &[(
            "runtime/src/idle.rs",
            "        let ordered = barrier::heavy();\n",
            "        fence(Ordering::SeqCst);\n        let ordered = true;\n",
        )],
        "idle::a_put_reaches",
    ),
    Mutant::of(
        "runtime",
        "idle: a put relies on a searcher without a fence",
        &[(
            "runtime/src/idle.rs",
            "        fence(Ordering::SeqCst);\n        // Ordering: ordered by the fence above.\n        let word",
            "        let word",
        )],
        "idle::a_put_that_relies",
    ),
    Mutant::of(
        "runtime",
        "idle: one searcher is enough for any number of items",
        &[(
            "runtime/src/idle.rs",
            "searching > 0 && searching as usize >= queued",
            "searching > 0 || queued == usize::MAX",
        )],
        "idle::a_put_beyond",
    ),
    Mutant::of(
        "runtime",
        "bands: a put gives up the reference that is the queue's",
        &[(
            "runtime/src/injector/bands.rs",
            "items.into_iter().for_each(mem::forget);",
            "drop(items);",
        )],
        "bands::",
    ),
    Mutant::of(
        "runtime",
        "idle: no fence at the end of a search",
        &[(
            "runtime/src/idle.rs",
            "        fence(Ordering::SeqCst);\n        if more() {",
            "        if more() {",
        )],
        "idle::a_put_that_relies",
    ),
    Mutant::of(
        "runtime",
        "idle: a search ends without a last look",
        &[(
            "runtime/src/idle.rs",
            "        if more() {\n",
            "        if false && more() {\n",
        )],
        "idle::",
    ),
    Mutant::of(
        "runtime",
        "idle: a sleeper takes no last look",
        &[(
            "runtime/src/idle.rs",
            "(!others && !nothing())",
            "(false && !others && !nothing())",
        )],
        "idle::",
    ),
    Mutant::of(
        "runtime",
        "idle: who gets up for work gives its searching credit away",
        &[(
            "runtime/src/idle.rs",
            "self.get_up(me, SEARCHING, Parked::Woken)",
            "self.get_up(me, 0, Parked::TimedOut)",
        )],
        "idle::",
    ),
    Mutant::of(
        "runtime",
        "bell: no barrier between dozing and the last look",
        &[(
            "runtime/src/supervisor/bell.rs",
            "        let ordered = barrier::heavy();\n",
            "        let ordered = true;\n",
        )],
        "bell::a_put",
    ),
    Mutant::of(
        "runtime",
        "numbers: taken Relaxed",
        &[(
            "runtime/src/event/numbers.rs",
            "self.0.fetch_add(1, Ordering::Release) + 1",
            "self.0.fetch_add(1, Ordering::Relaxed) + 1",
        )],
        "numbers::",
    ),
    Mutant::of(
        "runtime",
        "numbers: cut Relaxed",
        &[(
            "runtime/src/event/numbers.rs",
            "self.0.load(Ordering::Acquire)",
            "self.0.load(Ordering::Relaxed)",
        )],
        "numbers::",
    ),
    Mutant::of(
        "runtime",
        "idle: who leaves a permit looks for the sleeper first",
        &[
            (
                "runtime/src/idle/parker.rs",
                "        if self.permit.swap(true, Ordering::Release) {",
                "        let early = self.sleeper.lock().clone();\n        if self.permit.swap(true, Ordering::Release) {",
            ),
            (
                "runtime/src/idle/parker.rs",
                "        let sleeper = self.sleeper.lock().clone();\n",
                "        let sleeper = early;\n",
            ),
        ],
        "parker::",
    ),
    Mutant::of(
        "runtime",
        "idle: no look for the permit between the name and the sleep",
        &[(
            "runtime/src/idle/parker.rs",
            "            if self.take() {\n                return true;\n            }\n            let Some(deadline) = deadline else {\n                thread::park();\n                continue;\n            };",
            "            let Some(deadline) = deadline else {\n                thread::park();\n                if self.take() {\n                    return true;\n                }\n                continue;\n            };",
        )],
        "parker::",
    ),
    Mutant::of(
        "runtime",
        "deep: the end of a run tells nobody",
        &[(
            "runtime/src/handle/deep.rs",
            "            wanted.nudge();\n",
            "            let _ = wanted;\n",
        )],
        "deep::",
    ),
    Mutant::of(
        "runtime",
        "deep: a join waits before it is on the list",
        &[(
            "runtime/src/handle/deep.rs",
            "        self.0.lock().push(wanted);\n        let answer = wait();\n",
            "        let answer = wait();\n        self.0.lock().push(wanted);\n",
        )],
        "deep::",
    ),
    Mutant::of(
        "runtime",
        "deep: a nudge wakes nobody who sleeps for the outcome",
        &[(
            "runtime/src/work/completion.rs",
            "lock().parked {\n            parker.unpark();",
            "lock().parked {\n            let _ = parker;",
        )],
        "deep::",
    ),
    Mutant::of(
        "runtime",
        "quiet: no fence between waiting and the look at the books",
        &[(
            "runtime/src/stop/quiet.rs",
            "        fence(Ordering::SeqCst);\n        while live()",
            "        while live()",
        )],
        "quiet::",
    ),
    Mutant::of(
        "runtime",
        "away: no barrier between going away and the look at the queues",
        &[(
            "runtime/src/worker/away.rs",
            "        let ordered = barrier::heavy();\n        if !ordered ||",
            "        let ordered = true;\n        if !ordered ||",
        )],
        "away::a_put",
    ),
    Mutant::of(
        "runtime",
        "away: who goes away does not look at what it leaves behind",
        &[(
            "runtime/src/worker/away.rs",
            "        if !ordered || around.has_work() {\n            around.notify();",
            "        if false && (!ordered || around.has_work()) {\n            around.notify();",
        )],
        "hand_over::",
    ),
    Mutant::of(
        "runtime",
        "state: transitions Relaxed",
        &[(
            "runtime/src/work/state.rs",
            ".compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)",
            ".compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        "state::",
    ),
    Mutant::of(
        "runtime",
        "state: a claim that does not look whether it is alone",
        &[(
            "runtime/src/work/state.rs",
            "if is_sole(word) && word & PHASE <= QUEUED {",
            "if word & PHASE <= QUEUED {",
        )],
        "state::",
    ),
    Mutant::of(
        "runtime",
        "state: a sole owner that acquires nothing",
        &[
            (
                "runtime/src/work/state.rs",
                "            let word = self.0.load(Ordering::Acquire);\n            if is_sole(word) && word & PHASE",
                "            let word = self.0.load(Ordering::Relaxed);\n            if is_sole(word) && word & PHASE",
            ),
            (
                "runtime/src/work/state.rs",
                "        let word = self.0.load(Ordering::Acquire);\n        if is_sole(word) && word & (CALLS | LEFT) == 0 {",
                "        let word = self.0.load(Ordering::Relaxed);\n        if is_sole(word) && word & (CALLS | LEFT) == 0 {",
            ),
        ],
        "state::",
    ),
    Mutant::of(
        "runtime",
        "completion: who publishes does not look whether anybody waits",
        &[(
            "runtime/src/work/settle.rs",
            "    if published.watched {\n        item.completion().wake(free);",
            "    if false && published.watched {\n        item.completion().wake(free);",
        )],
        "completion::",
    ),
    Mutant::of(
        "runtime",
        "completion: who waits does not say so",
        &[(
            "runtime/src/work/completion.rs",
            "            self.state.watch()\n        };",
            "            self.state.is_published()\n        };",
        )],
        "completion::",
    ),
    Mutant::of(
        "runtime",
        "completion: an outcome beside what was read before it",
        &[(
            "runtime/src/work/completion.rs",
            "            return revalidate(tx);",
            "            return Ok(());",
        )],
        "completion::",
    ),
    Mutant::of(
        "runtime",
        "completion: the word answers where there is a watch",
        &[(
            "runtime/src/work/completion.rs",
            "        if watch.read(tx)? {",
            "        if watch.read(tx)? || self.state.is_published() {",
        )],
        "completion::",
    ),
    Mutant::of(
        "runtime",
        "completion: a callback is published past",
        &[(
            "runtime/src/work/state.rs",
            "self.advance(|word| (word & CALLS == 0).then_some(word | PUBLISHED));",
            "self.advance(|word| Some(word | PUBLISHED));",
        )],
        "completion::",
    ),
    Mutant::of(
        "runtime",
        "completion: a callback goes past those that a deadline left over",
        &[(
            "runtime/src/work/completion.rs",
            "if is_published && inner.callbacks.is_empty() && !inner.calling {",
            "if is_published && !inner.calling {",
        )],
        "completion::a_callback_added_after_a_deadline",
    ),
    Mutant::of(
        "runtime",
        "completion: a callback goes past those that are being called",
        &[(
            "runtime/src/work/completion.rs",
            "if is_published && inner.callbacks.is_empty() && !inner.calling {",
            "if is_published && inner.callbacks.is_empty() {",
        )],
        "completion::a_callback_added_after_a_deadline",
    ),
    Mutant::of(
        "runtime",
        "completion: the late caller does not look again",
        &[(
            "runtime/src/work/completion.rs",
            "while let Some(callbacks) = self.take_late_callbacks() {",
            "if let Some(callbacks) = self.take_late_callbacks() {",
        )],
        "completion::a_callback_added_after_a_deadline",
    ),
    Mutant::of(
        "runtime",
        "completion: transactions are not told",
        &[(
            "runtime/src/work/completion.rs",
            "            watch.store(true);\n",
            "            drop(watch);\n",
        )],
        "completion::",
    ),
    Mutant::of(
        "runtime",
        "completion: parked threads are not told",
        &[(
            "runtime/src/work/completion.rs",
            "        for parker in parked {\n            parker.unpark();",
            "        for parker in parked {\n            drop(parker);",
        )],
        "completion::",
    ),
];
