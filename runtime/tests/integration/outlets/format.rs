//! Reads a trace, and fails the test where it is not one: every event has the keys of its phase,
//! every process and thread is named, times are not negative, bars of a thread lie within each other
//! or apart, and arrows lead from a put to the run of the work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// A trace that is one.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) bars: Vec<Bar>,
    pub(super) steals: usize,
    pub(super) arrows: usize,
    pub(super) dropped: u64,
    pub(super) threads: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) category: String,
    pub(super) thread: u64,
    /// In nanoseconds.
    pub(super) from: u64,
    pub(super) to: u64,
    /// Of the work.
    pub(super) id: Option<u64>,
}

impl Trace {
    pub(super) fn read(path: &Path) -> Trace {
        Trace::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// What is no trace fails; what is no JSON is an error.
    pub(super) fn parse(text: &str) -> serde_json::Result<Trace> {
        let events: Vec<Value> = serde_json::from_str(text)?;
        let mut trace = Trace {
            bars: Vec::new(),
            steals: 0,
            arrows: 0,
            dropped: 0,
            threads: BTreeSet::new(),
        };
        let (mut named, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let (mut starts, mut ends) = (BTreeMap::new(), BTreeMap::new());
        let mut processes = BTreeSet::new();
        for event in &events {
            let name = event["name"].as_str().expect("a name");
            let process = event["pid"].as_u64().expect("a process");
            let thread = event["tid"].as_u64().expect("a thread");
            let phase = event["ph"].as_str().expect("a phase");
            if phase != "M" {
                seen.insert((process, thread));
                event["cat"].as_str().expect("a category");
            }
            match phase {
                "M" => match name {
                    "process_name" => _ = processes.insert(process),
                    "thread_name" => {
                        named.insert((process, thread));
                        let name = event["args"]["name"].as_str().expect("its name");
                        trace.threads.insert(name.to_owned());
                    }
                    "process_labels" => trace.dropped = event["args"]["dropped"].as_u64().unwrap(),
                    "thread_sort_index" => assert!(event["args"]["sort_index"].is_u64()),
                    other => panic!("what is {other}?"),
                },
                "X" => {
                    let from = nanos(&event["ts"]);
                    trace.bars.push(Bar {
                        name: name.to_owned(),
                        category: event["cat"].as_str().unwrap().to_owned(),
                        thread,
                        from,
                        to: from + nanos(&event["dur"]),
                        id: event["args"]["id"].as_u64(),
                    });
                }
                "i" => {
                    assert_eq!(event["s"], "t", "{event}");
                    nanos(&event["ts"]);
                    trace.steals += 1;
                }
                "s" | "f" => {
                    let id = event["id"].as_u64().expect("an id");
                    let side = if phase == "s" { &mut starts } else { &mut ends };
                    let other = side.insert(id, (thread, nanos(&event["ts"])));
                    assert!(other.is_none(), "two ends of one arrow: {event}");
                }
                other => panic!("what is {other}?"),
            }
        }
        assert!(named.is_superset(&seen), "nameless: {named:?} of {seen:?}");
        assert!(seen.iter().all(|(process, _)| processes.contains(process)));
        nests(&trace.bars);
        if trace.dropped == 0 {
            leads(&trace.bars, &starts, &ends);
        }
        trace.arrows = ends.len();
        Ok(trace)
    }

    pub(super) fn named(&self, name: &str) -> Vec<&Bar> {
        self.bars.iter().filter(|bar| bar.name == name).collect()
    }

    /// The turns of works.
    pub(super) fn works(&self) -> Vec<&Bar> {
        let bars = self.bars.iter();
        bars.filter(|bar| bar.category == "work").collect()
    }
}

/// From microseconds with a fraction.
fn nanos(time: &Value) -> u64 {
    let micros = time.as_f64().expect("a time");
    assert!(micros >= 0.0, "{micros}");
    (micros * 1000.0).round() as u64
}

fn nests(bars: &[Bar]) {
    let mut bars: Vec<_> = bars.iter().collect();
    bars.sort_by_key(|bar| (bar.thread, bar.from, std::cmp::Reverse(bar.to)));
    let mut around: Vec<&Bar> = Vec::new();
    for bar in bars {
        around.retain(|outer| outer.thread == bar.thread && outer.to > bar.from);
        if let Some(outer) = around.last() {
            assert!(bar.to <= outer.to, "{bar:?} sticks out of {outer:?}");
        }
        around.push(bar);
    }
}

type Ends = BTreeMap<u64, (u64, u64)>;

fn leads(bars: &[Bar], starts: &Ends, ends: &Ends) {
    let lies_in = |bar: &Bar, (thread, at): (u64, u64)| {
        bar.thread == thread && bar.from <= at && at <= bar.to
    };
    for (id, end) in ends {
        let start = starts.get(id).expect("an arrow from nowhere");
        assert!(start.1 <= end.1, "an arrow back in time");
        let mut runs = bars.iter().filter(|bar| bar.id == Some(*id));
        assert!(runs.any(|bar| lies_in(bar, *end)));
        let mut puts = bars.iter().filter(|bar| bar.name == "put");
        assert!(puts.any(|bar| lies_in(bar, *start)));
    }
}
