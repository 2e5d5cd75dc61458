//! The commit.

use super::Expected::Equivalent;
use super::Mutant;

const FILE: &str = "stm/src/transaction/commit.rs";
const LOG: &str = "stm/src/transaction/write_log.rs";

const LOCK: &str = "        let Some(covered) = self.lock_writes(writes) else {\n            return Commit::Conflict;\n        };\n";
const CHECK: &str = "        if covered < self.reads.len() {\n            if let Some(read) = self.find_changed_read() {\n                self.unlock(writes);\n                self.tally.conflict(read.name());\n                return Commit::Conflict;\n            }\n        }\n";
const FENCE: &str = "        commit_fence();\n";
const STORE: &str = "        for write in self.effects.writes.first_mut(writes) {\n            probe::stored(write.address(), write.before().bits(), write.word().addr());\n            write.exchange();\n            probe::point(Point::Stored);\n        }\n";
const TICK: &str = "        let version = self.shard.tick();\n        probe::ticked(version.bits());\n        probe::point(Point::Ticked);\n";
const PUBLISH: &str = "        for write in self.effects.writes.first_mut(writes) {\n            write.words().version.publish(version);\n            probe::point(Point::Published);\n        }\n";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "commit: fence dropped",
        &[(FILE, FENCE, "")],
        "write_skew",
    ),
    Mutant::of_the_engine(
        "commit: fence before the locks",
        &[(FILE, FENCE, ""), (FILE, LOCK, "        commit_fence();\n        let Some(covered) = self.lock_writes(writes) else {\n            return Commit::Conflict;\n        };\n")],
        "write_skew",
    ),
    Mutant::of_the_engine(
        "commit: fence after the check",
        &[(FILE, FENCE, ""), (FILE, "        self.publish(writes, member);\n", "        commit_fence();\n        self.publish(writes, member);\n")],
        "write_skew",
    ),
    Mutant::of_the_engine(
        "commit: reads not checked",
        &[(FILE, "if covered < self.reads.len() {", "if covered > self.reads.len() {")],
        "write_skew",
    ),
    Mutant::of_the_engine(
        "commit: reads checked before the locks",
        &[
            (FILE, CHECK, ""),
            (FILE, LOCK, "        if self.find_changed_read().is_some() {\n            return Commit::Conflict;\n        }\n        if self.lock_writes(writes).is_none() {\n            return Commit::Conflict;\n        }\n"),
        ],
        "write_skew",
    ),
    Mutant::of_the_engine(
        "commit: reads not checked where some lock has checked one",
        &[(FILE, "if covered < self.reads.len() {", "if covered == 0 {")],
        "covered",
    ),
    Mutant::of_the_engine(
        "commit: every lock counts as one that has checked a read",
        &[(FILE, "covered += usize::from(write.covers_a_read());", "covered += 1;")],
        "write_skew",
    ),
    Mutant::of_the_engine(
        "commit: a lock of another's passes for unchanged",
        &[(FILE, "now.is_locked() && own())", "now.is_locked() && (own() || true))")],
        "write_skew",
    ),
    Mutant::of_the_engine(
        "commit: an own lock passes for unchanged",
        &[(LOG, ".is_some_and(|position| self.entries[position].before.is(version))", ".is_some_and(|_| version.shard() < usize::MAX)")],
        "lost_update",
    ),
    Mutant::of_the_engine(
        "commit: goes on without a lock that another holds",
        &[(FILE, "Lock::Held => wait_for_lock(write, self.elder && position == 0),", "Lock::Held => self.elder || wait_for_lock as usize != position,")],
        "lost_update",
    ),
    Mutant::of_the_engine(
        "commit: goes on without a lock whose version has changed",
        &[(FILE, "                    Lock::Changed => false,\n", "                    Lock::Changed => true,\n")],
        "lost_update",
    ),
    Mutant::of_the_engine(
        "commit: keeps its locks when one cannot be had",
        &[(FILE, "        self.unlock(position);\n", "")],
        "given_back",
    ),
    Mutant::of_the_engine(
        "commit: gives back a lock that it does not have",
        &[(FILE, "        self.unlock(position);\n", "        self.unlock(position + 1);\n")],
        "lost_update given_back",
    ),
    Mutant::of_the_engine(
        "commit: keeps its locks when a read has changed",
        &[(FILE, "                self.unlock(writes);\n", "")],
        "gives_up",
    ),
    Mutant::of_the_engine(
        "commit: data stored Relaxed",
        &[(LOG, "data.store(self.pending.word, Ordering::Release)", "data.store(self.pending.word, Ordering::Relaxed)")],
        "isolation:: clocks:: single::",
    )
    .but(Equivalent(
        "in the modelled form the fence after the locks releases it; the shipped form has Release",
    )),
    Mutant::of_the_engine(
        "commit: ticks before the data is stored",
        &[(FILE, TICK, ""), (FILE, STORE, "        let version = self.shard.tick();\n        for write in self.effects.writes.first_mut(writes) {\n            write.exchange();\n        }\n")],
        "covers_all",
    ),
    Mutant::of_the_engine(
        "commit: versions published before the data is stored",
        &[
            (FILE, TICK, ""),
            (FILE, PUBLISH, ""),
            (FILE, STORE, "        let version = self.shard.tick();\n        for write in self.effects.writes.first_mut(writes) {\n            write.words().version.publish(version);\n        }\n        for write in self.effects.writes.first_mut(writes) {\n            write.exchange();\n        }\n"),
        ],
        "lost_update",
    ),
    Mutant::of_the_engine(
        "commit: each version published with its own data",
        &[
            (FILE, TICK, ""),
            (FILE, PUBLISH, ""),
            (FILE, STORE, "        let version = self.shard.tick();\n        for write in self.effects.writes.first_mut(writes) {\n            write.exchange();\n            write.words().version.publish(version);\n        }\n"),
        ],
        "vouches together",
    ),
    Mutant::of_the_engine(
        "commit: versions published before the clock ticks",
        &[
            (FILE, PUBLISH, "        for write in self.effects.writes.first_mut(writes) {\n            write.words().version.publish(version);\n        }\n        self.shard.tock();\n"),
            ("stm/src/clock.rs", "        CLOCKS[self.index].store(self.count, Ordering::Release);\n        Version::new(self.index, self.count)\n    }\n", "        Version::new(self.index, self.count)\n    }\n\n    pub(crate) fn tock(&self) {\n        if self.index != SHARED {\n            CLOCKS[self.index].store(self.count, Ordering::Release);\n        }\n    }\n"),
        ],
        "covers_all extension_covers vouches",
    )
    .but(Equivalent(
        "an owned clock that lags behind its versions covers less than it could; the count is the owner's, \
         and the next owner comes after the last tick",
    )),
    Mutant::of_the_engine(
        "commit: waiters looked for after publishing",
        &[(FILE, "if write.before().has_waiter() {", "if write.words().version.load().has_waiter() {")],
        "one_variable_one",
    ),
    Mutant::of_the_engine(
        "commit: wakes nobody",
        &[(FILE, "if write.before().has_waiter() {", "if false && write.before().has_waiter() {")],
        "one_variable_one",
    ),
    Mutant::of_the_engine(
        "commit: one that has swallowed a conflict goes through",
        &[
            (FILE, "        if self.poisoned {\n", "        if false {\n"),
            ("stm/src/atomically.rs", "    if attempt.is_poisoned() {\n", "    if false {\n"),
        ],
        "swallow",
    ),
];
