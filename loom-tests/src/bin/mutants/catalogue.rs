//! The mutants.

/// One way to make the code wrong.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// What to replace by what; each must stand in the file exactly once.
    pub(crate) edits: &'static [(&'static str, &'static str)],
    /// The test binary whose models must notice.
    pub(crate) models: &'static str,
    /// What the names of the models contain that are expected to notice; they
    /// are run first, and the others only if they should have noticed and did not.
    pub(crate) by: &'static str,
    pub(crate) expected: Expected,
}

/// What the models should say to it.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    Caught,
    /// Nothing, for this reason.
    Equivalent(&'static str),
    /// Nothing so far, although it is wrong: a hole that is known.
    Open(&'static str),
}

use Expected::{Caught, Equivalent, Open};

/// All of them.
pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "version: lock taken Relaxed",
        file: "stm/src/version.rs",
        edits: &[(
            "Ordering::SeqCst,\n                Ordering::Relaxed,",
            "Ordering::Relaxed,\n                Ordering::Relaxed,",
        )],
        models: "stm",
        by: "skew",
        expected: Equivalent(
            "in the modelled form the fence after the locks orders them; the shipped form has SeqCst, by the proof and under Miri",
        ),
    },
    Mutant {
        name: "version: loaded Relaxed",
        file: "stm/src/version.rs",
        edits: &[(
            "Version(self.0.load(Ordering::SeqCst))",
            "Version(self.0.load(Ordering::Relaxed))",
        )],
        models: "stm",
        by: "the_shared_clock_vouches",
        expected: Caught,
    },
    Mutant {
        name: "version: published Relaxed",
        file: "stm/src/version.rs",
        edits: &[(
            "self.0.store(version.0, Ordering::Release)",
            "self.0.store(version.0, Ordering::Relaxed)",
        )],
        models: "stm",
        by: "lost_update_on_the_shared",
        expected: Caught,
    },
    Mutant {
        name: "version: restored Relaxed",
        file: "stm/src/version.rs",
        edits: &[(
            "self.0.store(before.0, Ordering::Release)",
            "self.0.store(before.0, Ordering::Relaxed)",
        )],
        models: "stm",
        by: "given_back",
        expected: Caught,
    },
    Mutant {
        name: "version: waiter flagged Relaxed",
        file: "stm/src/version.rs",
        edits: &[(
            "Ordering::AcqRel,\n                Ordering::Relaxed,",
            "Ordering::Relaxed,\n                Ordering::Relaxed,",
        )],
        models: "stm",
        by: "waiting::",
        expected: Equivalent(
            "the entry is queued under the bucket's lock before, and the commit enters the same lock after it has read the flag",
        ),
    },
    Mutant {
        name: "version: restored without its waiter",
        file: "stm/src/transaction/commit.rs",
        edits: &[(
            "version.restore(write.before)",
            "version.restore(write.before.without_waiter())",
        )],
        models: "stm",
        by: "gives_up",
        expected: Caught,
    },
    Mutant {
        name: "clock: ticked Relaxed",
        file: "stm/src/clock.rs",
        edits: &[(
            "CLOCKS[self.index].store(self.count, Ordering::Release)",
            "CLOCKS[self.index].store(self.count, Ordering::Relaxed)",
        )],
        models: "stm",
        by: "covers_all",
        expected: Caught,
    },
    Mutant {
        name: "clock: read Relaxed",
        file: "stm/src/clock.rs",
        edits: &[(
            "CLOCKS[shard].load(Ordering::Acquire)",
            "CLOCKS[shard].load(Ordering::Relaxed)",
        )],
        models: "stm",
        by: "covers_all",
        expected: Caught,
    },
    Mutant {
        name: "clock: shared clock ticked Release",
        file: "stm/src/clock.rs",
        edits: &[(
            "CLOCKS[SHARED].fetch_add(1, Ordering::AcqRel)",
            "CLOCKS[SHARED].fetch_add(1, Ordering::Release)",
        )],
        models: "stm",
        by: "vouches",
        expected: Open(
            "the model that should notice explores it and passes; the argument is at the head of `clock.rs`",
        ),
    },
    Mutant {
        name: "clock: shared clock ticked Relaxed",
        file: "stm/src/clock.rs",
        edits: &[(
            "CLOCKS[SHARED].fetch_add(1, Ordering::AcqRel)",
            "CLOCKS[SHARED].fetch_add(1, Ordering::Relaxed)",
        )],
        models: "stm",
        by: "vouches",
        expected: Open("as the row above"),
    },
    Mutant {
        name: "commit: fence dropped",
        file: "stm/src/transaction/commit.rs",
        edits: &[("        commit_fence();\n", "")],
        models: "stm",
        by: "write_skew",
        expected: Caught,
    },
    Mutant {
        name: "commit: reads not checked",
        file: "stm/src/transaction/commit.rs",
        edits: &[(
            "if !self.reads_unchanged() {",
            "if false && !self.reads_unchanged() {",
        )],
        models: "stm",
        by: "lost_update",
        expected: Caught,
    },
    Mutant {
        name: "commit: reads checked before the locks",
        file: "stm/src/transaction/commit.rs",
        edits: &[(
            "        if !self.lock_writes() {\n            return Commit::Conflict;\n        }\n        commit_fence();\n        if !self.reads_unchanged() {\n            self.unlock(self.effects.writes.len());\n            return Commit::Conflict;\n        }\n",
            "        commit_fence();\n        if !self.reads_unchanged() || !self.lock_writes() {\n            return Commit::Conflict;\n        }\n",
        )],
        models: "stm",
        by: "write_skew",
        expected: Caught,
    },
    Mutant {
        name: "commit: an own lock passes for unchanged",
        file: "stm/src/transaction/commit.rs",
        edits: &[(
            ".is_some_and(|write| write.before.without_waiter() == read.version)",
            ".is_some()",
        )],
        models: "stm",
        by: "lost_update",
        expected: Caught,
    },
    Mutant {
        name: "commit: data stored Relaxed",
        file: "stm/src/transaction/commit.rs",
        edits: &[(
            "data.store(write.word, Ordering::Release)",
            "data.store(write.word, Ordering::Relaxed)",
        )],
        models: "stm",
        by: "isolation::what",
        expected: Equivalent(
            "in the modelled form the fence after the locks releases it; the shipped form has Release",
        ),
    },
    Mutant {
        name: "commit: ticks before the data is stored",
        file: "stm/src/transaction/commit.rs",
        edits: &[
            (
                "        for write in self.effects.writes.entries_mut() {\n            let data",
                "        let version = self.shard.tick();\n        for write in self.effects.writes.entries_mut() {\n            let data",
            ),
            (
                "            write.word = displaced;\n        }\n        let version = self.shard.tick();\n",
                "            write.word = displaced;\n        }\n",
            ),
        ],
        models: "stm",
        by: "covers_all",
        expected: Caught,
    },
    Mutant {
        name: "commit: versions published before the data is stored",
        file: "stm/src/transaction/commit.rs",
        edits: &[
            (
                "        for write in self.effects.writes.entries_mut() {\n            let data",
                "        let version = self.shard.tick();\n        for write in self.effects.writes.iter() {\n            write.core().version.publish(version);\n        }\n        for write in self.effects.writes.entries_mut() {\n            let data",
            ),
            (
                "            write.word = displaced;\n        }\n        let version = self.shard.tick();\n        probe::ticked(version.bits());\n        probe::point(Point::Ticked);\n        for write in self.effects.writes.iter() {\n            write.core().version.publish(version);\n            probe::point(Point::Published);\n        }\n",
                "            write.word = displaced;\n        }\n",
            ),
        ],
        models: "stm",
        by: "lost_update",
        expected: Caught,
    },
    Mutant {
        name: "commit: each version published with its own data",
        file: "stm/src/transaction/commit.rs",
        edits: &[
            (
                "        for write in self.effects.writes.entries_mut() {\n            let data",
                "        let version = self.shard.tick();\n        for write in self.effects.writes.entries_mut() {\n            let data",
            ),
            (
                "            write.word = displaced;\n        }\n        let version = self.shard.tick();\n        probe::ticked(version.bits());\n        probe::point(Point::Ticked);\n        for write in self.effects.writes.iter() {\n            write.core().version.publish(version);\n            probe::point(Point::Published);\n        }\n",
                "            write.word = displaced;\n            write.core().version.publish(version);\n        }\n",
            ),
        ],
        models: "stm",
        by: "",
        expected: Caught,
    },
    Mutant {
        name: "commit: waiters looked for after publishing",
        file: "stm/src/transaction/commit.rs",
        edits: &[(
            "if write.before.has_waiter() {",
            "if write.core().version.load().has_waiter() {",
        )],
        models: "stm",
        by: "waiting::",
        expected: Caught,
    },
    Mutant {
        name: "commit: wakes nobody",
        file: "stm/src/transaction/commit.rs",
        edits: &[(
            "if write.before.has_waiter() {",
            "if false && write.before.has_waiter() {",
        )],
        models: "stm",
        by: "waiting::",
        expected: Caught,
    },
    Mutant {
        name: "snapshot: data loaded Relaxed",
        file: "stm/src/transaction/snapshot.rs",
        edits: &[(
            "        let data = shared.data.load(Ordering::Acquire);\n        probe::point(Point::Loaded);\n        let version = shared.version.load().without_waiter();\n        if",
            "        let data = shared.data.load(Ordering::Relaxed);\n        let version = shared.version.load().without_waiter();\n        if",
        )],
        models: "stm",
        by: "",
        expected: Caught,
    },
    Mutant {
        name: "snapshot: data loaded after the version",
        file: "stm/src/transaction/snapshot.rs",
        edits: &[(
            "        let data = shared.data.load(Ordering::Acquire);\n        probe::point(Point::Loaded);\n        let version = shared.version.load().without_waiter();\n        if",
            "        let version = shared.version.load().without_waiter();\n        let data = shared.data.load(Ordering::Acquire);\n        if",
        )],
        models: "stm",
        by: "load",
        expected: Caught,
    },
    Mutant {
        name: "snapshot: locks ignored",
        file: "stm/src/transaction/snapshot.rs",
        edits: &[(
            "if !version.is_locked() && version.count()",
            "if version.count()",
        )],
        models: "stm",
        by: "together",
        expected: Caught,
    },
    Mutant {
        name: "snapshot: every version accepted",
        file: "stm/src/transaction/snapshot.rs",
        edits: &[(
            "version.count() <= self.seen(version.shard()) {\n            // SAFETY: passed on from the caller.\n            unsafe { self.reads.push(core, version) };\n            probe::read(core.as_ptr().addr(), version.bits(), data.addr());\n            return Ok(data);\n        }\n        // SAFETY",
            "true {\n            // SAFETY: passed on from the caller.\n            unsafe { self.reads.push(core, version) };\n            return Ok(data);\n        }\n        // SAFETY",
        )],
        models: "stm",
        by: "together",
        expected: Caught,
    },
    Mutant {
        name: "snapshot: extended without a check",
        file: "stm/src/transaction/snapshot.rs",
        edits: &[(
            "            if !self.reads_hold() {\n                return false;\n            }\n",
            "",
        )],
        models: "stm",
        by: "together",
        expected: Caught,
    },
    Mutant {
        name: "snapshot: all clocks taken over without a check",
        file: "stm/src/transaction/snapshot.rs",
        edits: &[("let hold = self.reads_hold();", "let hold = true;")],
        models: "stm",
        by: "isolation::",
        expected: Caught,
    },
    Mutant {
        name: "snapshot: clocks read after the check",
        file: "stm/src/transaction/snapshot.rs",
        edits: &[(
            "            clocks.clear();\n            clocks.extend((0..shards).map(clock::published));\n            let hold = self.reads_hold();\n",
            "            let hold = self.reads_hold();\n            clocks.clear();\n            clocks.extend((0..shards).map(clock::published));\n",
        )],
        models: "stm",
        by: "extension_covers",
        expected: Caught,
    },
    Mutant {
        name: "wait: flagged before the entry is queued",
        file: "stm/src/wait.rs",
        edits: &[
            (
                "            registration.addresses.push(read.address());\n            bucket(read.address()).lock().push(Entry {",
                "            let flagged = read.core().version.flag_waiter(read.version);\n            registration.addresses.push(read.address());\n            bucket(read.address()).lock().push(Entry {",
            ),
            (
                "if read.core().version.flag_waiter(read.version) == Flag::Changed {",
                "if flagged == Flag::Changed {",
            ),
        ],
        models: "stm",
        by: "waiting::",
        expected: Caught,
    },
    Mutant {
        name: "wait: waits though the variable has changed",
        file: "stm/src/wait.rs",
        edits: &[(
            "                return Err(Changed(registration));\n",
            "                let _ = Changed;\n",
        )],
        models: "stm",
        by: "waiting::",
        expected: Caught,
    },
    Mutant {
        name: "wait: only the first variable is waited for",
        file: "stm/src/wait.rs",
        edits: &[(
            "            if read.core().version.flag_waiter(read.version) == Flag::Changed {\n                return Err(Changed(registration));\n            }\n",
            "            if read.core().version.flag_waiter(read.version) == Flag::Changed {\n                return Err(Changed(registration));\n            }\n            break;\n",
        )],
        models: "stm",
        by: "waiting::",
        expected: Caught,
    },
    Mutant {
        name: "or_else: the left side is not undone",
        file: "stm/src/transaction.rs",
        edits: &[(
            "                self.context.effects.roll_back_to(&savepoint);\n                drop(outcome);",
            "                self.context.effects.keep(&savepoint);\n                drop(outcome);",
        )],
        models: "stm",
        by: "left",
        expected: Caught,
    },
    Mutant {
        name: "port: the commit hook forgets a port that was dropped before",
        file: "stm-ports/src/transport/local/port.rs",
        edits: &[(
            "if life.fetch_or(CONNECTED, Ordering::AcqRel) & DROPPED != 0 {",
            "if false && life.fetch_or(CONNECTED, Ordering::AcqRel) & DROPPED != 0 {",
        )],
        models: "ports",
        by: "",
        expected: Caught,
    },
    Mutant {
        name: "port: dropped in two steps",
        file: "stm-ports/src/transport/local/port.rs",
        edits: &[(
            "let before = self.life.fetch_or(DROPPED, Ordering::AcqRel);",
            "let before = self.life.load(Ordering::Acquire);\n        self.life.store(DROPPED, Ordering::Release);",
        )],
        models: "ports",
        by: "",
        expected: Caught,
    },
    Mutant {
        name: "idle: no fence between publishing and looking for sleepers",
        file: "runtime/src/idle.rs",
        edits: &[(
            "        fence(Ordering::SeqCst);\n        // Ordering: ordered by the fence above.\n        if let",
            "        if let",
        )],
        models: "runtime",
        by: "idle::",
        expected: Caught,
    },
    Mutant {
        name: "idle: no fence between going to sleep and the last look",
        file: "runtime/src/idle.rs",
        edits: &[(
            "        fence(Ordering::SeqCst);\n        // Ordering: ordered by the fence above.\n        let others",
            "        let others",
        )],
        models: "runtime",
        by: "idle::",
        expected: Caught,
    },
    Mutant {
        name: "idle: no fence at the end of a search",
        file: "runtime/src/idle.rs",
        edits: &[(
            "        fence(Ordering::SeqCst);\n        if more() {",
            "        if more() {",
        )],
        models: "runtime",
        by: "idle::",
        expected: Caught,
    },
    Mutant {
        name: "idle: a search ends without a last look",
        file: "runtime/src/idle.rs",
        edits: &[("        if more() {\n", "        if false && more() {\n")],
        models: "runtime",
        by: "idle::",
        expected: Caught,
    },
    Mutant {
        name: "idle: a sleeper takes no last look",
        file: "runtime/src/idle.rs",
        edits: &[(
            "if !others && !nothing() {",
            "if false && !others && !nothing() {",
        )],
        models: "runtime",
        by: "idle::",
        expected: Caught,
    },
    Mutant {
        name: "idle: who gets up for work gives its searching credit away",
        file: "runtime/src/idle.rs",
        edits: &[(
            "self.get_up(me, SEARCHING, Parked::Woken)",
            "self.get_up(me, 0, Parked::TimedOut)",
        )],
        models: "runtime",
        by: "idle::",
        expected: Caught,
    },
    Mutant {
        name: "bell: no fence between dozing and the last look",
        file: "runtime/src/supervisor/bell.rs",
        edits: &[(
            "        fence(Ordering::SeqCst);\n        if !busy() {",
            "        if !busy() {",
        )],
        models: "runtime",
        by: "bell::",
        expected: Caught,
    },
    Mutant {
        name: "quiet: no fence between waiting and the look at the books",
        file: "runtime/src/stop/quiet.rs",
        edits: &[(
            "        fence(Ordering::SeqCst);\n        while live()",
            "        while live()",
        )],
        models: "runtime",
        by: "quiet::",
        expected: Caught,
    },
    Mutant {
        name: "away: no fence between going away and the look at the queues",
        file: "runtime/src/worker/away.rs",
        edits: &[(
            "        fence(Ordering::SeqCst);\n        if around.has_work() {\n            self.call(around);",
            "        if around.has_work() {\n            self.call(around);",
        )],
        models: "runtime",
        by: "away::",
        expected: Caught,
    },
    Mutant {
        name: "state: transitions Relaxed",
        file: "runtime/src/work/state.rs",
        edits: &[(
            ".compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)",
            ".compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        models: "runtime",
        by: "state::",
        expected: Caught,
    },
    Mutant {
        name: "completion: transactions are not told",
        file: "runtime/src/work/completion.rs",
        edits: &[(
            "            watch.store(true);\n",
            "            drop(watch);\n",
        )],
        models: "runtime",
        by: "completion::",
        expected: Caught,
    },
    Mutant {
        name: "completion: parked threads are not told",
        file: "runtime/src/work/completion.rs",
        edits: &[(
            "        if parked {\n            self.arrived",
            "        if false && parked {\n            self.arrived",
        )],
        models: "runtime",
        by: "completion::",
        expected: Caught,
    },
];
