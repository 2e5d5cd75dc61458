//! The containers and the ports.

use super::Mutant;

const LINE: &str = "stm-ports/src/containers/line.rs";
const SEMAPHORE: &str = "stm-ports/src/containers/semaphore.rs";
const BOUNDED: &str = "stm-ports/src/containers/bounded.rs";
const PERMITS: &str = "stm-ports/src/containers/semaphore/permits.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "ports",
        "line: who leaves keeps its place",
        &[(
            LINE,
            "            self.line.leave(tx, &self.place)?;\n            Ok(served)",
            "            Ok(served)",
        )],
        "who_leaves",
    ),
    Mutant::of(
        "ports",
        "line: who is served keeps its place",
        &[(
            LINE,
            "Some(served) => self.line.leave(tx, &self.place).map(|()| served),",
            "Some(served) => Ok(served),",
        )],
        "passes_two two_take_turns",
    ),
    Mutant::of(
        "ports",
        "line: who leaves drops what it took",
        &[(
            LINE,
            "            self.line.leave(tx, &self.place)?;\n            Ok(served)",
            "            self.line.leave(tx, &self.place)?;\n            Ok(served.filter(|_| false))",
        )],
        "time_runs_out",
    ),
    Mutant::of(
        "ports",
        "line: who leaves does not make the next the first",
        &[(
            LINE,
            "            Some(behind) => behind.ahead.write(tx, ahead)?,",
            "            Some(behind) => drop(behind),",
        )],
        "who_leaves two_take_turns retrying_one",
    ),
    Mutant::of(
        "ports",
        "line: the last who leaves stays the last",
        &[(
            LINE,
            "            None => self.last.write(tx, ahead)?,",
            "            None => drop(ahead),",
        )],
        "passes_two",
    ),
    Mutant::of(
        "ports",
        "line: who has left still counts",
        &[(
            LINE,
            "        self.waiting.modify(tx, |waiting| waiting - 1)",
            "        self.waiting.modify(tx, |waiting| waiting)",
        )],
        "who_leaves",
    ),
    Mutant::of(
        "ports",
        "semaphore: an acquisition goes past the line",
        &[(
            SEMAPHORE,
            "if self.0.line.waiting(tx)? > 0 {",
            "if self.0.line.waiting(tx)? == usize::MAX {",
        )],
        "goes_past",
    ),
    Mutant::of(
        "ports",
        "semaphore: permits held though they were dropped",
        &[(PERMITS, "        state.read(tx)?;\n", "")],
        "permits_dropped",
    ),
    Mutant::of(
        "ports",
        "semaphore: permits released that were not held yet",
        &[(
            PERMITS,
            "                if state.read(tx)? == HELD {",
            "                if state.read(tx)? <= HELD {",
        )],
        "permits_dropped",
    ),
    Mutant::of(
        "ports",
        "bounded: room for one too many",
        &[(
            BOUNDED,
            "self.0.queue.taken(tx)? + self.0.capacity.get() as u64",
            "self.0.queue.taken(tx)? + self.0.capacity.get() as u64 + 1",
        )],
        "two_putters",
    ),
    Mutant::of(
        "ports",
        "bounded: the takers' end not looked at",
        &[(
            BOUNDED,
            "        let limit = self.limit_by_takers(tx)?;\n        if added",
            "        let limit = self.0.limit.read(tx)?;\n        if added",
        )],
        "bounded::",
    ),
    Mutant::of(
        "ports",
        "port: the commit hook forgets a port that was dropped before",
        &[(
            "stm-ports/src/transport/ends/port.rs",
            "if life.fetch_or(CONNECTED, Ordering::AcqRel) & DROPPED != 0 {",
            "if false && life.fetch_or(CONNECTED, Ordering::AcqRel) & DROPPED != 0 {",
        )],
        "",
    ),
    Mutant::of(
        "ports",
        "port: dropped in two steps",
        &[(
            "stm-ports/src/transport/ends/port.rs",
            "let before = self.life.fetch_or(DROPPED, Ordering::AcqRel);",
            "let before = self.life.load(Ordering::Acquire);\n        self.life.store(DROPPED, Ordering::Release);",
        )],
        "",
    ),
    Mutant::of(
        "ports",
        "port: the other end hears of a disconnection while messages are under way",
        &[(
            "stm-ports/src/transport/ends/inbox.rs",
            "Ok(self.queue.is_empty(tx)? && self.on_their_way(tx)? == 0)",
            "self.queue.is_empty(tx)",
        )],
        "pump::",
    ),
    Mutant::of(
        "ports",
        "port: a sender renews its limit without looking",
        &[(
            "stm-ports/src/transport/ends/inbox.rs",
            "let left = most.get().saturating_sub(here) as u64;",
            "let left = (most.get() + 0 * here) as u64;",
        )],
        "bound",
    ),
    Mutant::of(
        "ports",
        "pump: the outbox is over before what is in it was taken",
        &[(
            "stm-ports/src/transport/pump.rs",
            "let batch = outgoing.take_batch(tx, BATCH)?;",
            "if outgoing.is_over(tx)? {\n                return Ok(Some(Vec::new()));\n            }\n            let batch = outgoing.take_batch(tx, BATCH)?;",
        )],
        "pump::",
    ),
    Mutant::of(
        "ports",
        "pump: a parcel that is dropped answers nobody",
        &[(
            "stm-ports/src/transport/pump/parcel.rs",
            "shielded(|| message.lost(\"its transport did not deliver it\"));",
            "drop(message);",
        )],
        "pump::",
    ),
    Mutant::of(
        "ports",
        "broadcast: a closing takes the list away and tells nobody",
        &[(
            "stm-ports/src/containers/broadcast.rs",
            "        self.0.inboxes.write(tx, None)?;\n        self.0.closed.write(tx, true)",
            "        self.0.inboxes.write(tx, None)",
        )],
        "broadcast::",
    ),
    Mutant::of(
        "ports",
        "broadcast: a closing tells and leaves the list",
        &[(
            "stm-ports/src/containers/broadcast.rs",
            "        self.0.inboxes.write(tx, None)?;\n        self.0.closed.write(tx, true)",
            "        self.0.closed.write(tx, true)",
        )],
        "broadcast::",
    ),
];
