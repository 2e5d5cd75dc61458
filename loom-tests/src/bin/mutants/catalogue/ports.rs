//! The ports.

use super::Mutant;

pub(super) const MUTANTS: &[Mutant] = &[
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
        "port: a sender renews its room without looking",
        &[(
            "stm-ports/src/transport/ends/inbox.rs",
            "left = most.get().saturating_sub(here);",
            "left = most.get() + 0 * here;",
        )],
        "bound",
    ),
    Mutant::of(
        "ports",
        "pump: the line ends before what is on it was taken",
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
