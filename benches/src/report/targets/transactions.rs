//! The targets about transactions and containers.

use super::{Target, at_least, at_most, within};
use crate::workload::{CROSSBEAM, HAND_OVER, OURS_IN_BATCHES, PAPAYA, PUT_TAKE, TAKE_GIVE};

const ONE: &str = "increment one variable";
pub(super) const FAR: &str = "increment a variable each, far apart";
const TRANSFER: &str = "transfer among 1000";
pub(super) const OWN_UPDATES: &str = "hash map of 100000: 100 % updates, keys of one's own";

/// The targets about subjects, in the order of the report.
pub(super) const TARGETS: [Target; 17] = [
    at_least(
        9.0,
        "increment one variable, 1 thread: `stm`'s time ÷ ours",
        ONE,
        ("stm", 1),
        ("hivework", 1),
    ),
    at_least(
        10.0,
        "read 1: `stm`'s time ÷ ours",
        "read 1, 1 thread",
        ("stm", 1),
        ("hivework", 1),
    ),
    at_least(
        25.0,
        "read 10: `stm`'s time ÷ ours",
        "read 10, all threads the same",
        ("stm", 1),
        ("hivework", 1),
    ),
    at_least(
        40.0,
        "read 100: `stm`'s time ÷ ours",
        "read 100, 1 thread",
        ("stm", 1),
        ("hivework", 1),
    ),
    at_least(
        6.0,
        "increment one variable, 2 threads: `stm`'s time ÷ ours",
        ONE,
        ("stm", 2),
        ("hivework", 2),
    ),
    at_least(
        9.0,
        "increment far variables, 2 threads: `stm`'s time ÷ ours",
        FAR,
        ("stm", 2),
        ("hivework", 2),
    ),
    at_least(
        1.8,
        "increment far variables: our rate on 2 threads ÷ on 1",
        FAR,
        ("hivework", 1),
        ("hivework", 2),
    ),
    at_least(
        5.0,
        "transfer among 1000, 2 threads: `stm`'s time ÷ ours",
        TRANSFER,
        ("stm", 2),
        ("hivework", 2),
    ),
    at_most(
        2.0,
        "transfer among 1000, 2 threads: our time ÷ that of mutexes ordered by hand",
        TRANSFER,
        ("hivework", 2),
        ("mutexes, ordered by hand", 2),
    ),
    at_most(
        1.0,
        "hop to another OS thread: our time ÷ sync_channel's",
        "hop to another OS thread by waiting",
        ("hivework", 2),
        ("sync_channel", 2),
    ),
    within(
        45.0,
        "`TQueue`, put and take in 2 transactions, 1 thread, ns",
        PUT_TAKE,
        ("hivework, 2 transactions", 1),
    ),
    at_least(
        1.0,
        "`TQueue`, 64 at a time from thread to thread: crossbeam-channel's time ÷ ours",
        HAND_OVER,
        (CROSSBEAM, 2),
        (OURS_IN_BATCHES, 2),
    ),
    at_most(
        2.0,
        "`THashMap` of 1000, read: our time ÷ papaya's",
        "hash map of 1000: read, hit",
        ("hivework", 1),
        (PAPAYA, 1),
    ),
    at_most(
        2.0,
        "`THashMap` of 100000, read: our time ÷ papaya's",
        "hash map of 100000: read, hit",
        ("hivework", 1),
        (PAPAYA, 1),
    ),
    at_least(
        1.7,
        "`THashMap` of 1000, updates of keys of one's own: our rate on 2 threads ÷ on 1",
        "hash map of 1000: 100 % updates, keys of one's own",
        ("hivework", 1),
        ("hivework", 2),
    ),
    at_least(
        1.7,
        "`THashMap` of 100000, updates of keys of one's own: our rate on 2 threads ÷ on 1",
        OWN_UPDATES,
        ("hivework", 1),
        ("hivework", 2),
    ),
    within(60.0, "slots: take and give, ns", TAKE_GIVE, ("hivework", 1)),
];
