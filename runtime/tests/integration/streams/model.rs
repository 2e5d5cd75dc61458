//! Whatever is done to streams, what runs, and in which order, and what is told of it is what a plain model
//! says.
//!
//! One worker and one slot, which a job of a stream of its own holds while things are done; then that ends,
//! and all runs that can.

use std::collections::BTreeMap;

use proptest::prelude::*;

use hivework::{Draw, Next, Stream, WorkHandle, abort, atomically_or, make_job};

use super::{Log, blocker, streams_of};
use crate::support::{eventually, join, scheduler};

#[derive(Clone, Debug)]
enum Op {
    Put(usize, i32, u8),
    PutAndRollBack(usize),
    Cancel(usize),
    CancelAll(usize),
    Pause(usize),
    Activate(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..STREAMS, 0..3, 0..3_u8).prop_map(|(stream, urgency, key)| Op::Put(stream, urgency, key)),
        1 => (0..STREAMS).prop_map(Op::PutAndRollBack),
        2 => any::<usize>().prop_map(Op::Cancel),
        1 => (0..STREAMS).prop_map(Op::CancelAll),
        2 => (0..STREAMS).prop_map(Op::Pause),
        3 => (0..STREAMS).prop_map(Op::Activate),
    ]
}

const STREAMS: usize = 4;
const URGENCIES: [i32; STREAMS] = [0, 7, 0, -3];

/// The order of each stream.
fn orders() -> [Next; STREAMS] {
    [Next::Fifo, Next::Priority, Next::Lifo, Next::RoundRobin]
}

struct Job {
    name: u32,
    urgency: i32,
    key: u8,
}

struct Modelled {
    jobs: Vec<Job>,
    active: bool,
    has_run: bool,
    /// The keys that have jobs, in the order of their turns.
    keys: Vec<u8>,
}

struct Model {
    streams: Vec<Modelled>,
    by_priority: bool,
    /// By urgency: which stream had its turn the last time.
    turns: BTreeMap<i32, usize>,
    log: Vec<String>,
}

impl Model {
    fn put(&mut self, stream: usize, job: Job) {
        let modelled = &mut self.streams[stream];
        if !modelled.keys.contains(&job.key) {
            modelled.keys.push(job.key);
        }
        modelled.jobs.push(job);
    }

    fn take(&mut self, stream: usize, at: usize, drawn: bool) -> Job {
        let modelled = &mut self.streams[stream];
        let job = modelled.jobs.remove(at);
        let is_left = modelled.jobs.iter().any(|other| other.key == job.key);
        if drawn || !is_left {
            modelled.keys.retain(|key| *key != job.key);
            if is_left {
                modelled.keys.push(job.key);
            }
        }
        job
    }

    fn abort(&mut self, stream: usize, at: usize) {
        let job = self.take(stream, at, false);
        self.log.push(format!("{stream}: {} aborted", job.name));
        self.look_if_empty(stream);
    }

    fn look_if_empty(&mut self, stream: usize) {
        let modelled = &mut self.streams[stream];
        if modelled.jobs.is_empty() && modelled.has_run {
            modelled.has_run = false;
            self.log.push(format!("{stream}: emptied"));
        }
    }

    fn turn(&mut self, stream: usize, active: bool) {
        if self.streams[stream].active != active {
            self.streams[stream].active = active;
            let what = if active { "activated" } else { "paused" };
            self.log.push(format!("{stream}: {what}"));
        }
    }

    /// Which job of a stream comes next.
    fn next(&self, stream: usize) -> usize {
        let modelled = &self.streams[stream];
        let jobs = modelled.jobs.iter().enumerate();
        let found = match orders()[stream] {
            Next::Fifo => Some(0),
            Next::Lifo => Some(modelled.jobs.len() - 1),
            Next::Priority => {
                let most = modelled.jobs.iter().map(|job| job.urgency).max();
                jobs.into_iter()
                    .find(|(_, job)| Some(job.urgency) == most)
                    .map(|(at, _)| at)
            }
            _ => jobs
                .into_iter()
                .find(|(_, job)| job.key == modelled.keys[0])
                .map(|(at, _)| at),
        };
        found.unwrap()
    }

    /// All runs that can.
    fn run(&mut self) {
        loop {
            let ready = (0..STREAMS).filter(|stream| {
                let modelled = &self.streams[*stream];
                modelled.active && !modelled.jobs.is_empty()
            });
            let urgency = |stream: usize| {
                if self.by_priority {
                    URGENCIES[stream]
                } else {
                    0
                }
            };
            let rank = |stream: &usize| {
                let urgency = urgency(*stream);
                let last = self.turns.get(&urgency);
                // Those after the last one come before those before it.
                (-urgency, last.is_some_and(|last| stream <= last), *stream)
            };
            let Some(stream) = ready.min_by_key(rank) else {
                return;
            };
            let urgency = urgency(stream);
            self.turns.insert(urgency, stream);
            let at = self.next(stream);
            let job = self.take(stream, at, true);
            self.log.push(format!("{stream}: {} ran", job.name));
            self.streams[stream].has_run = true;
            self.look_if_empty(stream);
        }
    }
}

struct Real {
    streams: Vec<Stream>,
    handles: Vec<Vec<(u32, WorkHandle<()>)>>,
    log: Log,
}

impl Real {
    fn put(&mut self, stream: usize, job: &Job) {
        let name = job.name;
        let made = make_job(self.log.saying(format!("{stream}: {name} ran")))
            .priority(job.urgency)
            .key(job.key.to_string())
            .name(name.to_string());
        self.handles[stream].push((name, self.streams[stream].put(made)));
    }
}

fn open(by_priority: bool, log: &Log, scheduler: &hivework::Scheduler) -> (Stream, Vec<Stream>) {
    let draw = if by_priority {
        Draw::StrictPriority
    } else {
        Draw::RoundRobin
    };
    let streams = streams_of(scheduler, 1, draw);
    let gate = streams.stream("gate").priority(i32::MAX).open().unwrap();
    let opened = orders().into_iter().enumerate().map(|(number, next)| {
        let (a, b, c, d) = (log.clone(), log.clone(), log.clone(), log.clone());
        streams
            .stream(number.to_string())
            .priority(URGENCIES[number])
            .next(next)
            .on_job_aborted(move |job, _| {
                a.say(format!("{number}: {} aborted", job.name().unwrap()));
            })
            .on_activated(move |_| b.say(format!("{number}: activated")))
            .on_paused(move |_| c.say(format!("{number}: paused")))
            .on_emptied(move |_| d.say(format!("{number}: emptied")))
            .open()
            .unwrap()
    });
    let opened = opened.collect();
    (gate, opened)
}

fn check(by_priority: bool, rounds: &[Vec<Op>]) {
    let scheduler = scheduler(1);
    let log = Log::default();
    let (gate, streams) = open(by_priority, &log, &scheduler);
    let mut real = Real {
        handles: streams.iter().map(|_| Vec::new()).collect(),
        streams,
        log: log.clone(),
    };
    let modelled = || Modelled {
        jobs: Vec::new(),
        active: true,
        has_run: false,
        keys: Vec::new(),
    };
    let mut model = Model {
        streams: (0..STREAMS).map(|_| modelled()).collect(),
        by_priority,
        turns: BTreeMap::new(),
        log: Vec::new(),
    };
    let mut name = 0;
    for round in rounds {
        let (first, open) = blocker(&gate);
        if !by_priority {
            // That was the gate's turn, which was opened before all others.
            model.turns.clear();
        }
        for op in round {
            name += 1;
            apply(op, name, &mut model, &mut real);
            for (stream, modelled) in real.streams.iter().zip(&model.streams) {
                assert_eq!(stream.len(), modelled.jobs.len());
                assert_eq!((stream.is_active(), stream.running()), (modelled.active, 0));
            }
        }
        model.run();
        drop(open);
        join(first).unwrap();
        eventually("all is told", || {
            log.0.lock().unwrap().len() >= model.log.len()
        });
        assert_eq!(*log.0.lock().unwrap(), model.log);
        eventually("the slot is home", || gate.slots().free() == 1);
    }
}

fn apply(op: &Op, name: u32, model: &mut Model, real: &mut Real) {
    match *op {
        Op::Put(stream, urgency, key) => {
            let job = Job { name, urgency, key };
            real.put(stream, &job);
            model.put(stream, job);
        }
        Op::PutAndRollBack(stream) => {
            let log = real.log.clone();
            let refused: Result<(), ()> = atomically_or(|tx| {
                let log = log.clone();
                drop(real.streams[stream].put_in(tx, move || log.say("ran after all"))?);
                abort(())
            });
            assert!(refused.is_err());
        }
        Op::Cancel(which) => {
            let all: usize = model.streams.iter().map(|stream| stream.jobs.len()).sum();
            if all == 0 {
                return;
            }
            let mut at = which % all;
            let stream = (0..STREAMS).find(|stream| {
                let len = model.streams[*stream].jobs.len();
                let here = at < len;
                at -= if here { 0 } else { len };
                here
            });
            let stream: usize = stream.unwrap();
            let name = model.streams[stream].jobs[at].name;
            model.abort(stream, at);
            let handles = &real.handles[stream];
            let (_, handle) = handles.iter().find(|(other, _)| *other == name).unwrap();
            assert!(handle.cancel());
        }
        Op::CancelAll(stream) => {
            // In which order is for nobody to know, but for those that come by rank.
            if stream == 3 {
                return;
            }
            let count = model.streams[stream].jobs.len();
            while !model.streams[stream].jobs.is_empty() {
                let next = model.next(stream);
                model.abort(stream, next);
            }
            assert_eq!(real.streams[stream].cancel_all(), count);
        }
        Op::Pause(stream) => {
            model.turn(stream, false);
            real.streams[stream].pause();
        }
        Op::Activate(stream) => {
            model.turn(stream, true);
            real.streams[stream].activate();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 32 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_done_the_order_is_that_of_the_model(
        by_priority in any::<bool>(),
        rounds in prop::collection::vec(prop::collection::vec(op(), 0..24), 1..4),
    ) {
        check(by_priority, &rounds);
    }
}
