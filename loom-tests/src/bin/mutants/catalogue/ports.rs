//! The containers and the ports.

use super::Mutant;

const LINE: &str = "stm-ports/src/containers/line.rs";
const SEMAPHORE: &str = "stm-ports/src/containers/semaphore.rs";
const BOUNDED: &str = "stm-ports/src/containers/bounded.rs";
const PERMITS: &str = "stm-ports/src/containers/semaphore/permits.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "ports",
        "line: who brings something looks at nobody",
        &[(
            LINE,
            "        if self.waiting.read(tx)? == 0 {\n            return Ok(Err(served));",
            "        if self.waiting.read(tx)? < usize::MAX {\n            return Ok(Err(served));",
        )],
        "retrying bounded::",
    ),
    Mutant::of(
        "ports",
        "line: the place is taken in another transaction than the asking",
        &[(
            LINE,
            "    let entered = atomically(|tx| match server.ask(tx, &want)? {\n        Some(served) => Ok(Ok(served)),\n        None => server.line().join(tx, want.clone()).map(Err),\n    });\n",
            "    let entered = match atomically(|tx| server.ask(tx, &want)) {\n        Some(served) => Ok(served),\n        None => Err(atomically(|tx| server.line().join(tx, want.clone()))),\n    };\n",
        )],
        "a_release_serves a_blocked_putter",
    ),
    Mutant::of(
        "ports",
        "line: who leaves does not look whether it was served",
        &[(
            LINE,
            "        let served = place.served.read(tx)?;\n        if served.is_none() {\n            self.take_out",
            "        let served: Option<V> = None;\n        if served.is_none() {\n            self.take_out",
        )],
        "time_runs_out",
    ),
    Mutant::of(
        "ports",
        "line: who leaves drops what it was served",
        &[(
            LINE,
            "                self.server.left(tx)?;\n            }\n            Ok(served)",
            "                self.server.left(tx)?;\n            }\n            Ok(served.filter(|_| false))",
        )],
        "time_runs_out",
    ),
    Mutant::of(
        "ports",
        "line: who leaves keeps its place",
        &[(
            LINE,
            "        if served.is_none() {\n            self.take_out(tx, place)?;\n        }",
            "        if served.is_none() {\n            self.waiting.read(tx)?;\n        }",
        )],
        "time_runs_out who_leaves",
    ),
    Mutant::of(
        "ports",
        "line: who leaves tells nobody",
        &[(
            LINE,
            "            if served.is_none() {\n                self.server.left(tx)?;\n            }\n",
            "",
        )],
        "who_leaves",
    ),
    Mutant::of(
        "ports",
        "line: who is served keeps its place",
        &[(
            LINE,
            "        self.take_out(tx, &place)?;\n        place.served",
            "        place.served",
        )],
        "semaphore:: bounded::",
    ),
    Mutant::of(
        "ports",
        "line: who is served is not told",
        &[(
            LINE,
            "        place.served.write(tx, Some(served))?;\n",
            "        place.served.read(tx)?;\n        drop(served);\n",
        )],
        "a_release_serves",
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
        "bounded: a take lets nobody in",
        &[(BOUNDED, "            self.let_in(tx, 1)?;\n", "")],
        "a_blocked_putter",
    ),
    Mutant::of(
        "ports",
        "bounded: one let in is not told",
        &[(
            BOUNDED,
            "            let _served = self.0.putters.serve(tx, ())?;\n",
            "            break;\n",
        )],
        "a_blocked_putter",
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
