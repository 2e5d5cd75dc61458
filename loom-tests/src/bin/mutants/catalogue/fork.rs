//! Forks.

use super::Mutant;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "runtime",
        "fork: latch: the result is not released",
        &[(
            "runtime/src/fork/latch.rs",
            "fetch_or(DONE, Ordering::Release)",
            "fetch_or(DONE, Ordering::Relaxed)",
        )],
        "forking::",
    ),
    Mutant::of(
        "runtime",
        "fork: latch: who sees the result does not acquire it",
        &[(
            "runtime/src/fork/latch.rs",
            "self.0.load(Ordering::Acquire) & DONE",
            "self.0.load(Ordering::Relaxed) & DONE",
        )],
        "forking::",
    ),
    Mutant::of(
        "runtime",
        "fork: latch: who finds the result goes to sleep all the same",
        &[(
            "runtime/src/fork/latch.rs",
            "Ordering::Acquire) & DONE == 0",
            "Ordering::Acquire) & DONE != 4",
        )],
        "forking::",
    ),
    Mutant::of(
        "runtime",
        "fork: latch: who finishes wakes nobody",
        &[(
            "runtime/src/fork/latch.rs",
            "Ordering::Release) & WAITED != 0",
            "Ordering::Release) & WAITED == 4",
        )],
        "forking::",
    ),
    Mutant::of(
        "runtime",
        "fork: frame: a promoted half stays latent",
        &[(
            "runtime/src/fork/frame.rs",
            "let run = head.run.take()?;",
            "let run = head.run.get()?;",
        )],
        "forking::",
    ),
    Mutant::of(
        "runtime",
        "fork: peer: no fence between visiting and the look at the latch",
        &[(
            "runtime/src/fork/peer.rs",
            "        fence(Ordering::SeqCst);\n        let stolen",
            "        let stolen",
        )],
        "forking::",
    ),
    Mutant::of(
        "runtime",
        "fork: peer: no fence between the end of a half and the look for visitors",
        &[(
            "runtime/src/fork/peer.rs",
            "        fence(Ordering::SeqCst);\n        // Ordering: Acquire; partner: the Release in `visit`.",
            "        // Ordering: Acquire; partner: the Release in `visit`.",
        )],
        "forking::",
    ),
    Mutant::of(
        "runtime",
        "fork: peer: a visitor does not look at the latch",
        &[(
            "runtime/src/fork/peer.rs",
            "let stolen = if latch.is_done() {",
            "let stolen = if false && latch.is_done() {",
        )],
        "forking::",
    ),
    Mutant::of(
        "runtime",
        "fork: peer: what is promoted heeds no visitors",
        &[(
            "runtime/src/fork/peer.rs",
            "self.visitors.load(Ordering::Acquire) > 0",
            "self.visitors.load(Ordering::Acquire) > 9",
        )],
        "forking::",
    ),
];
