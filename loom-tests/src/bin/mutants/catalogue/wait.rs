//! Waiting and waking.

use super::Expected::Equivalent;
use super::Mutant;

const FILE: &str = "stm/src/wait.rs";
const PARKER: &str = "stm/src/parker.rs";

const FLAG: &str = "            if read.words().version.flag_waiter(read.version) == Flag::Changed {\n                return Err(Changed(registration));\n            }\n";
const SWAP: &str = "self.state.swap(NOTIFIED, Ordering::AcqRel)";
const FALL_ASLEEP: &str = "compare_exchange(AWAKE, ASLEEP, Ordering::Relaxed, Ordering::Acquire)";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::of_the_engine(
        "wait: flagged before the entry is queued",
        &[
            (
                FILE,
                "            let key = bucket(read.address()).lock()",
                "            let flagged = read.words().version.flag_waiter(read.version);\n            let key = bucket(read.address()).lock()",
            ),
            (
                FILE,
                "if read.words().version.flag_waiter(read.version) == Flag::Changed {",
                "if flagged == Flag::Changed {",
            ),
        ],
        "waiting::",
    ),
    Mutant::of_the_engine(
        "wait: not flagged",
        &[(
            FILE,
            FLAG,
            "            if read.words().version.load().is(read.version) != (Flag::Set == Flag::Set) {\n                return Err(Changed(registration));\n            }\n",
        )],
        "one_variable_one",
    ),
    Mutant::of_the_engine(
        "wait: waits though the variable has changed",
        &[(
            FILE,
            "                return Err(Changed(registration));\n",
            "                let _ = Changed;\n",
        )],
        "waiting::",
    ),
    Mutant::of_the_engine(
        "wait: only the first variable is waited for",
        &[(
            FILE,
            FLAG,
            "            if read.words().version.flag_waiter(read.version) == Flag::Changed {\n                return Err(Changed(registration));\n            }\n            break;\n",
        )],
        "two_variables",
    ),
    Mutant::of_the_engine(
        "wait: entries not taken back",
        &[(
            FILE,
            "bucket(key.0).lock().entries.remove(key);",
            "bucket(key.0).lock().entries.get(key);",
        )],
        "dropped",
    ),
    Mutant::of_the_engine(
        "wait: the entries of others taken back, too",
        &[(
            FILE,
            "bucket(key.0).lock().entries.remove(key);",
            "bucket(key.0).lock().entries.clear();",
        )],
        "dropped",
    ),
    Mutant::of_the_engine(
        "wait: one waiter woken, not all",
        &[(
            FILE,
            "            from = key.1 + 1;\n",
            "            from = u64::MAX;\n",
        )],
        "two_waiters",
    ),
    Mutant::of_the_engine(
        "wait: notified under the lock, in the commit",
        &[(
            FILE,
            "            woken.extend(entry.map(|entry| entry.waiter));\n",
            "            woken.extend(entry.map(|entry| entry.waiter).filter(|waiter| {\n                waiter.notify();\n                false\n            }));\n",
        )],
        "waker",
    ),
    Mutant::of_the_engine(
        "parker: notified Acquire",
        &[(PARKER, SWAP, "self.state.swap(NOTIFIED, Ordering::Acquire)")],
        "waiting::",
    )
    .but(Equivalent(
        "a woken waiter runs its transaction again, which orders itself by the versions that it \
         reads; the Release is for whoever reads more into having been woken",
    )),
    Mutant::of_the_engine(
        "parker: notified Release",
        &[(PARKER, SWAP, "self.state.swap(NOTIFIED, Ordering::Release)")],
        "waiting::",
    )
    .but(Equivalent(
        "who finds ASLEEP passes through the lock under which that was set",
    )),
    Mutant::of_the_engine(
        "parker: the notification read Relaxed",
        &[
            (
                PARKER,
                "self.state.load(Ordering::Acquire) == NOTIFIED",
                "self.state.load(Ordering::Relaxed) == NOTIFIED",
            ),
            (
                PARKER,
                FALL_ASLEEP,
                "compare_exchange(AWAKE, ASLEEP, Ordering::Relaxed, Ordering::Relaxed)",
            ),
        ],
        "waiting::",
    )
    .but(Equivalent("as where it is notified Acquire")),
    Mutant::of_the_engine(
        "parker: a sleeper not woken",
        &[(
            PARKER,
            "                woken.notify_one();\n",
            "                let _ = woken;\n",
        )],
        "one_variable_one",
    ),
    Mutant::of_the_engine(
        "parker: woken without passing through the lock",
        &[(
            PARKER,
            "                drop(lock.lock());\n",
            "                let _ = lock;\n",
        )],
        "one_variable_one",
    ),
    Mutant::of_the_engine(
        "parker: falls asleep though notified",
        &[(
            PARKER,
            "        if asleep.is_err() {\n            return true;\n        }\n        while !self.is_notified() {\n",
            "        let _ = asleep;\n        while self.state.load(Ordering::Relaxed) <= NOTIFIED {\n",
        )],
        "one_variable_one",
    ),
    Mutant::of_the_engine(
        "parker: falls asleep without saying so",
        &[(
            PARKER,
            FALL_ASLEEP,
            "compare_exchange(AWAKE, AWAKE, Ordering::Relaxed, Ordering::Acquire)",
        )],
        "one_variable_one",
    ),
];
