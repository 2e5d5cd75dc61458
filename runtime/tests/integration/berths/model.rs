//! Whatever is done in whatever order: berths do as a plain model of them does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hivework::{BackendCall, Berths, MemoryStore, OnFailure, Store};
use proptest::prelude::*;

use super::probe::{Probe, Wrong, Yard, berth};

#[derive(Clone, Debug)]
enum Step {
    Offer {
        backend: usize,
        task: u8,
    },
    Schedule,
    Keepalive(u8),
    Stop(u8),
    Pass {
        millis: u64,
    },
    Break {
        backend: usize,
        call: BackendCall,
        broken: bool,
    },
    GivesUp {
        backend: usize,
    },
    Restart,
}

const BERTHS: usize = 3;
const BACKENDS: usize = 2;
const TIMEOUT: Duration = Duration::from_secs(1);

fn step() -> impl Strategy<Value = Step> {
    let call = prop_oneof![
        Just(BackendCall::Poll),
        Just(BackendCall::Start),
        Just(BackendCall::KeptAlive),
        Just(BackendCall::Stop),
        Just(BackendCall::TimedOut),
    ];
    prop_oneof![
        4 => (0..BACKENDS, 0..6u8).prop_map(|(backend, task)| Step::Offer { backend, task }),
        4 => Just(Step::Schedule),
        3 => (0..6u8).prop_map(Step::Keepalive),
        2 => (0..6u8).prop_map(Step::Stop),
        3 => prop_oneof![Just(1u64), Just(400), Just(1000)].prop_map(|millis| Step::Pass { millis }),
        2 => (0..BACKENDS, call, any::<bool>())
            .prop_map(|(backend, call, broken)| Step::Break { backend, call, broken }),
        1 => (0..BACKENDS).prop_map(|backend| Step::GivesUp { backend }),
        1 => Just(Step::Restart),
    ]
}

#[derive(Clone, PartialEq, Debug)]
struct Task {
    id: u8,
    backend: usize,
    started: Duration,
    kept: Duration,
}

#[derive(Clone)]
struct Side {
    offers: VecDeque<u8>,
    broken: Vec<BackendCall>,
    on_failure: OnFailure,
    calls: Vec<String>,
}

struct Model {
    now: Duration,
    berths: [Option<Task>; BERTHS],
    backends: [Side; BACKENDS],
}

impl Model {
    fn new() -> Model {
        let side = Side {
            offers: VecDeque::new(),
            broken: Vec::new(),
            on_failure: OnFailure::Keep,
            calls: Vec::new(),
        };
        Model {
            now: Duration::ZERO,
            berths: [const { None }; BERTHS],
            backends: [side.clone(), side],
        }
    }

    /// Did it work?
    fn call(&mut self, backend: usize, call: BackendCall, task: Option<u8>) -> bool {
        let side = &mut self.backends[backend];
        side.calls.extend(task.map(|task| format!("{call} {task}")));
        let works = !side.broken.contains(&call);
        if !works {
            side.calls.push(format!("failed {call}"));
        }
        works
    }

    fn schedule(&mut self) {
        for berth in 0..BERTHS {
            if let Some(task) = self.berths[berth].clone() {
                if self.now <= task.kept + TIMEOUT {
                    continue;
                }
                self.call(task.backend, BackendCall::TimedOut, Some(task.id));
                self.call(task.backend, BackendCall::Stop, Some(task.id));
                self.berths[berth] = None;
            }
            for backend in 0..BACKENDS {
                if !self.call(backend, BackendCall::Poll, None) {
                    continue;
                }
                let Some(id) = self.backends[backend].offers.pop_front() else {
                    continue;
                };
                if self.find(id).is_some() {
                    self.backends[backend].calls.push("failed poll".to_owned());
                    continue;
                }
                if self.call(backend, BackendCall::Start, Some(id)) {
                    let (started, kept) = (self.now, self.now);
                    self.berths[berth] = Some(Task {
                        id,
                        backend,
                        started,
                        kept,
                    });
                    break;
                }
            }
        }
    }

    fn find(&self, id: u8) -> Option<usize> {
        let at = |task: &Option<Task>| task.as_ref().is_some_and(|task| task.id == id);
        self.berths.iter().position(at)
    }

    fn keepalive(&mut self, id: u8) -> bool {
        let Some(at) = self.find(id) else {
            return false;
        };
        let now = self.now;
        let task = self.berths[at].as_mut().unwrap();
        task.kept = now;
        let backend = task.backend;
        let works = self.call(backend, BackendCall::KeptAlive, Some(id));
        if !works && self.backends[backend].on_failure == OnFailure::Free {
            self.berths[at] = None;
        }
        true
    }

    fn stop(&mut self, id: u8) -> bool {
        let Some(at) = self.find(id) else {
            return false;
        };
        let backend = self.berths[at].as_ref().unwrap().backend;
        self.call(backend, BackendCall::Stop, Some(id));
        self.berths[at] = None;
        true
    }
}

struct Real {
    yard: Yard,
    store: MemoryStore,
    probes: [Arc<Probe>; BACKENDS],
    berths: Berths,
}

impl Real {
    fn new() -> Real {
        let yard = Yard::new();
        let store = MemoryStore::new();
        let probes = [Probe::new("first"), Probe::new("second")];
        let berths = build(&yard, &store, &probes);
        Real {
            yard,
            store,
            probes,
            berths,
        }
    }

    /// The tasks, as they are at the berths and as they are written down.
    fn check(&mut self, model: &Model) {
        let seen = self.berths.inspect();
        let names = ["first", "second"];
        for (view, expected) in seen.berths.iter().zip(&model.berths) {
            let record = self.store.load(&view.name).unwrap();
            let written = record.and_then(|record| record.task);
            assert_eq!(written, view.task, "what is there is written down");
            assert!(view.saved);
            let Some(expected) = expected else {
                assert_eq!(view.task, None);
                continue;
            };
            let task = view.task.as_ref().expect("there is a task");
            assert_eq!(task.id.as_str(), expected.id.to_string());
            assert_eq!(&*task.backend, names[expected.backend]);
            let lasted = task.kept_alive_at.duration_since(task.started_at).unwrap();
            assert_eq!(lasted, expected.kept - expected.started);
        }
    }
}

fn build(yard: &Yard, store: &MemoryStore, probes: &[Arc<Probe>; BACKENDS]) -> Berths {
    let builder = (0..BERTHS).fold(yard.builder().store(store.clone()), |builder, at| {
        builder.berth(berth(&format!("berth {at}"), probes.each_ref()).timeout(TIMEOUT))
    });
    builder.build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 96 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn they_do_as_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut model, mut real) = (Model::new(), Real::new());
        for step in steps {
            match step {
                Step::Offer { backend, task } => {
                    model.backends[backend].offers.push_back(task);
                    real.probes[backend].offer(&task.to_string());
                }
                Step::Schedule => {
                    model.schedule();
                    real.berths.schedule();
                }
                Step::Keepalive(task) => {
                    let known = real.berths.keepalive(u64::from(task)).is_ok();
                    prop_assert_eq!(known, model.keepalive(task));
                }
                Step::Stop(task) => {
                    let known = real.berths.stop(u64::from(task)).is_ok();
                    prop_assert_eq!(known, model.stop(task));
                }
                Step::Pass { millis } => {
                    model.now += Duration::from_millis(millis);
                    real.yard.clock.advance(Duration::from_millis(millis));
                }
                Step::Break { backend, call, broken } => {
                    let side = &mut model.backends[backend];
                    side.broken.retain(|other| *other != call);
                    real.probes[backend].works_again(call);
                    if broken {
                        side.broken.push(call);
                        real.probes[backend].fails(call, Wrong::Error);
                    }
                }
                Step::GivesUp { backend } => {
                    model.backends[backend].on_failure = OnFailure::Free;
                    real.probes[backend].gives_up();
                }
                Step::Restart => {
                    real.berths = build(&real.yard, &real.store, &real.probes);
                }
            }
            real.check(&model);
            for (side, probe) in model.backends.iter_mut().zip(&real.probes) {
                prop_assert_eq!(std::mem::take(&mut side.calls), probe.calls());
            }
        }
    }
}
