//! A backend that does as it is told, and says what it was asked for.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hivework::{
    Backend, BackendCall, BackendError, Berth, Berths, BerthsBuilder, CallFailed, ManualClock,
    OnFailure, Scheduler, TaskId,
};

use crate::support::builder;

/// How a call is to go wrong.
#[derive(Clone, Copy)]
pub(super) enum Wrong {
    Error,
    Panic,
}

type Hook = Box<dyn Fn() + Send>;

/// See the [module](self). What it was asked for is in `calls`, polls in `polls`.
#[derive(Default)]
pub(super) struct Probe {
    name: String,
    offers: Mutex<VecDeque<TaskId>>,
    calls: Mutex<Vec<String>>,
    polls: Mutex<u32>,
    wrong: Mutex<HashMap<BackendCall, Wrong>>,
    gives_up: Mutex<bool>,
    hooks: Mutex<HashMap<BackendCall, Hook>>,
}

impl Probe {
    pub(super) fn new(name: &str) -> Arc<Probe> {
        Arc::new(Probe {
            name: name.to_owned(),
            ..Probe::default()
        })
    }

    pub(super) fn offering<const N: usize>(name: &str, tasks: [&str; N]) -> Arc<Probe> {
        let probe = Probe::new(name);
        for task in tasks {
            probe.offer(task);
        }
        probe
    }

    pub(super) fn offer(&self, task: &str) {
        self.offers.lock().unwrap().push_back(task.into());
    }

    /// A call fails from now on.
    pub(super) fn fails(&self, call: BackendCall, how: Wrong) {
        self.wrong.lock().unwrap().insert(call, how);
    }

    pub(super) fn works_again(&self, call: BackendCall) {
        self.wrong.lock().unwrap().remove(&call);
    }

    /// After a failed `kept_alive` the task is given up.
    pub(super) fn gives_up(&self) {
        *self.gives_up.lock().unwrap() = true;
    }

    /// What is done in a call before it answers, the next time.
    pub(super) fn within(&self, call: BackendCall, hook: impl Fn() + Send + 'static) {
        self.hooks.lock().unwrap().insert(call, Box::new(hook));
    }

    /// What it was asked for since the last time, but for polls.
    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    pub(super) fn polls(&self) -> u32 {
        *self.polls.lock().unwrap()
    }

    fn call(&self, call: BackendCall, task: Option<&TaskId>) -> Result<(), BackendError> {
        if let Some(task) = task {
            self.calls.lock().unwrap().push(format!("{call} {task}"));
        }
        let hook = self.hooks.lock().unwrap().remove(&call);
        if let Some(hook) = hook {
            hook();
        }
        let wrong = self.wrong.lock().unwrap().get(&call).copied();
        match wrong {
            None => Ok(()),
            Some(Wrong::Error) => Err(format!("{call} is out of order").into()),
            Some(Wrong::Panic) => std::panic::resume_unwind(Box::new("out of its mind")),
        }
    }
}

impl Backend for Probe {
    fn name(&self) -> &str {
        &self.name
    }

    fn poll(&self) -> Result<Option<TaskId>, BackendError> {
        *self.polls.lock().unwrap() += 1;
        self.call(BackendCall::Poll, None)?;
        Ok(self.offers.lock().unwrap().pop_front())
    }

    fn start(&self, task: &TaskId) -> Result<(), BackendError> {
        self.call(BackendCall::Start, Some(task))
    }

    fn stop(&self, task: &TaskId) -> Result<(), BackendError> {
        self.call(BackendCall::Stop, Some(task))
    }

    fn kept_alive(&self, task: &TaskId) -> Result<(), BackendError> {
        self.call(BackendCall::KeptAlive, Some(task))
    }

    fn timed_out(&self, task: &TaskId) -> Result<(), BackendError> {
        self.call(BackendCall::TimedOut, Some(task))
    }

    fn failed(&self, failure: &CallFailed) -> OnFailure {
        self.calls
            .lock()
            .unwrap()
            .push(format!("failed {}", failure.call));
        let wrong = self
            .wrong
            .lock()
            .unwrap()
            .get(&BackendCall::Failed)
            .copied();
        if let Some(Wrong::Panic) = wrong {
            std::panic::resume_unwind(Box::new("even over that"));
        }
        match *self.gives_up.lock().unwrap() {
            true => OnFailure::Free,
            false => OnFailure::Keep,
        }
    }

    fn inspect(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("polls".to_owned(), self.polls().to_string())])
    }
}

/// Berths by a clock that is turned by hand. The scheduler does not run: whoever needs its workers starts it.
pub(super) struct Yard {
    pub(super) clock: ManualClock,
    pub(super) scheduler: Scheduler,
}

impl Yard {
    pub(super) fn new() -> Yard {
        let clock = ManualClock::new();
        let scheduler = builder().workers(2).clock(&clock).build().unwrap();
        Yard { clock, scheduler }
    }

    pub(super) fn builder(&self) -> BerthsBuilder {
        Berths::builder(&self.scheduler)
    }

    /// One berth, whose tasks time out after a second.
    pub(super) fn one<const N: usize>(&self, backends: [&Arc<Probe>; N]) -> Berths {
        self.builder()
            .berth(berth("one", backends))
            .build()
            .unwrap()
    }

    pub(super) fn pass_seconds(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }
}

pub(super) fn berth<const N: usize>(name: &str, backends: [&Arc<Probe>; N]) -> Berth {
    let berth = Berth::new(name).timeout(Duration::from_secs(1));
    let add = |berth: Berth, backend: &Arc<Probe>| berth.backend(Arc::clone(backend));
    backends.into_iter().fold(berth, add)
}

/// What is at the berths, by name; nothing at those that are free.
pub(super) fn tasks(berths: &Berths) -> Vec<String> {
    let task = |berth: &hivework::BerthView| {
        let task = berth.task.as_ref();
        task.map_or(String::new(), |task| task.id.to_string())
    };
    berths.inspect().berths.iter().map(task).collect()
}
