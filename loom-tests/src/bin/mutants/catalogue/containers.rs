//! What the containers are built of: segments, and the table of the hash map.

use super::Expected::{Beyond, Equivalent};
use super::Mutant;

const SEGMENTS: &str = "stm-ports/src/containers/segments.rs";
const TABLE: &str = "stm-ports/src/containers/hash_map/table.rs";
const MAP: &str = "stm-ports/src/containers/hash_map.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of(
        "ports",
        "segments: appended without telling the putters",
        &[(
            SEGMENTS,
            "        self.last.write(tx, segment)\n    }",
            "        drop(segment);\n        Ok(())\n    }",
        )],
        "segments::",
    ),
    Mutant::of(
        "ports",
        "segments: appended without telling the takers",
        &[(
            SEGMENTS,
            "        last.next.set(tx, 0, segment.clone())?;\n",
            "        let _ = last;\n",
        )],
        "segments::",
    ),
    Mutant::of(
        "ports",
        "segments: a put looks at the last segment first",
        &[
            (SEGMENTS, "        let mut number = 0;\n        self.added.modify", "        let last = peek_ref(&self.last, tx).into_ref();\n        let mut number = 0;\n        self.added.modify"),
            (SEGMENTS, "        let last = peek_ref(&self.last, tx).into_ref();\n        match last", "        match last"),
        ],
        "segments::of_two_puts",
    ),
    Mutant::of(
        "ports",
        "segments: a take goes by its guess",
        &[(
            SEGMENTS,
            "            if taken != number {\n",
            "            if taken != number && false {\n",
        )],
        "segments:: queue::",
    ),
    Mutant::of(
        "ports",
        "segments: a take does not look at how many were taken",
        &[(
            SEGMENTS,
            "            let taken = self.taken.read(tx)?;\n            if",
            "            let taken = *peek_ref(&self.taken, tx);\n            if",
        )],
        "segments:: queue::",
    ),
    Mutant::of(
        "ports",
        "segments: what was passed is not left",
        &[(
            SEGMENTS,
            "        self.first.write(tx, next.clone())?;\n        segment.next.unset",
            "        let _ = next;\n        segment.next.unset",
        )],
        "segments::",
    ),
    Mutant::of(
        "ports",
        "segments: the way is not cut",
        &[(
            SEGMENTS,
            "        segment.next.unset(tx, 0)\n    }",
            "        let _ = segment;\n        Ok(())\n    }",
        )],
        "segments::a_batch segments::two_takers",
    )
    .but(Beyond(
        "what was passed is freed all the same, one segment a grace period: it costs memory, and answers nothing else",
    )),
    Mutant::of(
        "ports",
        "segments: a clearing leaves the putters where they are",
        &[(
            SEGMENTS,
            "        self.last.write(tx, segment)?;\n        self.added.write",
            "        drop(segment);\n        self.added.write",
        )],
        "clear",
    ),
    Mutant::of(
        "ports",
        "segments: a clearing does not meet the putters",
        &[(
            SEGMENTS,
            "        self.added.write(tx, added)?;\n        tx.on_commit",
            "        tx.on_commit",
        )],
        "clear",
    ),
    Mutant::of(
        "ports",
        "segments: a batch moves nothing on",
        &[(
            SEGMENTS,
            "        self.added.write(tx, number + values.len() as u64)?;\n",
            "",
        )],
        "segments::a_batch",
    ),
    Mutant::of(
        "ports",
        "hash map: entries of another bucket's way stay behind",
        &[(
            TABLE,
            "        if ours.len() + theirs.len() < bucket.entries().len() || !ours.is_empty() {\n            self.put(tx, place, Bucket::of(theirs))?;\n        }\n",
            "        drop(theirs);\n",
        )],
        "hash_map::",
    ),
    Mutant::of(
        "ports",
        "hash map: a bucket that comes to be takes over nothing",
        &[(
            TABLE,
            "        self.insert_among(tx, own, ours, entry, before)\n    }",
            "        drop(ours);\n        self.insert_among(tx, own, Vec::new(), entry, before)\n    }",
        )],
        "hash_map::",
    ),
    Mutant::of(
        "ports",
        "hash map: too few bits tell what lies on the way",
        &[(TABLE, "(2 << self.0.ilog2()) - 1", "(1 << self.0.ilog2()) - 1")],
        "hash_map::",
    ),
    Mutant::of(
        "ports",
        "hash map: a look-up ends at the first bucket, though it is unset",
        &[(
            TABLE,
            "            place = at.parent();\n        }\n        Ok(None)",
            "            place = at.parent().filter(|_| false);\n        }\n        Ok(None)",
        )],
        "hash_map::",
    ),
    Mutant::of(
        "ports",
        "hash map: entries are handed on to their own bucket, past those between",
        &[(
            TABLE,
            "            let to = self.below(own, next.hash);\n",
            "            let to = self.own(next.hash);\n",
        )],
        "hash_map::",
    )
    .but(Equivalent(
        "what else lies on the way of that bucket goes along; the buckets between stay unset, and what is in \
         none of them is no obstacle: it is a bucket more for each such entry, not a wrong one",
    )),
    Mutant::of(
        "ports",
        "hash map: what is handed on is not taken along by others",
        &[(
            TABLE,
            "                if to.is_on_the_way(other.hash) {",
            "                if to.is_on_the_way(other.hash) && false {",
        )],
        "hash_map::",
    ),
    Mutant::of(
        "ports",
        "hash map: a growth forgets the buckets there were",
        &[(
            TABLE,
            "        let mut rows = self.rows.clone();\n        rows.push(Slots::new(self.size));",
            "        let mut rows = vec![Slots::new(SMALLEST)];\n        rows.extend((1..self.rows.len()).map(|row| Slots::new(self.rows[row].len())));\n        rows.push(Slots::new(self.size));",
        )],
        "hash_map::",
    ),
    Mutant::of(
        "ports",
        "hash map: a clearing does not count from zero",
        &[(
            MAP,
            "        self.0.count.reset(tx)\n",
            "        Ok(())\n",
        )],
        "hash_map::an_insertion_is",
    ),
    Mutant::of(
        "ports",
        "hash map: a removal counts a key that was not there",
        &[(
            MAP,
            "        if removed.is_some() {\n            self.0.count.add",
            "        if removed.is_some() || true {\n            self.0.count.add",
        )],
        "hash_map::two_removals",
    ),
];
