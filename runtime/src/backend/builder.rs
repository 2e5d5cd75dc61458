//! How berths are set up.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hivework_stm::facade::sync::{Arc, Mutex};
use hivework_stm::{TVar, atomically};
use stm_ports::THashMap;

use super::Backend;
use super::berths::Berths;
use super::call::panicked;
use super::core::{Core, Named, Site};
use super::error::BerthsError;
use super::saving::guarded;
use super::sheet::Sheet;
use super::store::Store;
use super::store::memory::MemoryStore;
use super::task::Calendar;
use crate::Scheduler;
use crate::shared::Shared;
use crate::slots::Slots;
use crate::work::unwind::contain;

/// As long as task_semaphore gives a task that says nothing of itself.
const TIMEOUT: Duration = Duration::from_secs(480 * 60);

type Made = Arc<dyn Backend>;
type Maker = Arc<dyn Fn() -> Made + Send + Sync>;

/// A berth, before it is built; see [`BerthsBuilder::berth`].
///
/// ```
/// use std::time::Duration;
/// use hivework::Berth;
///
/// let berth = Berth::new("north").timeout(Duration::from_secs(600)).backend_of("mail");
/// # let _ = berth;
/// ```
#[must_use = "a berth is nothing until it is built"]
pub struct Berth {
    name: Arc<str>,
    timeout: Duration,
    backends: Vec<Source>,
}

enum Source {
    Given(Made),
    Kind(Arc<str>),
}

impl Berth {
    /// A berth of this name.
    pub fn new(name: &str) -> Berth {
        Berth {
            name: Arc::from(name),
            timeout: TIMEOUT,
            backends: Vec::new(),
        }
    }

    /// After how long a task is late that nobody has kept alive: 480 minutes, unless it is said here.
    pub fn timeout(mut self, timeout: Duration) -> Berth {
        self.timeout = timeout;
        self
    }

    /// Another backend, less important than those before. An `Arc` of one can be given to several berths.
    pub fn backend(mut self, backend: impl Backend) -> Berth {
        self.backends.push(Source::Given(Arc::new(backend)));
        self
    }

    /// Another backend, made for this berth, of a [kind](BerthsBuilder::kind) with this name.
    pub fn backend_of(mut self, kind: &str) -> Berth {
        self.backends.push(Source::Kind(Arc::from(kind)));
        self
    }
}

impl fmt::Debug for Berth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Berth")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .field("backends", &self.backends.len())
            .finish()
    }
}

/// Sets up [`Berths`].
#[must_use = "a builder does nothing until it builds"]
pub struct BerthsBuilder {
    shared: Arc<Shared>,
    berths: Vec<Berth>,
    kinds: Vec<(Arc<str>, Maker)>,
    slots: Option<Slots>,
    store: Box<dyn Store>,
}

impl BerthsBuilder {
    pub(super) fn new(scheduler: &Scheduler) -> BerthsBuilder {
        BerthsBuilder {
            shared: Arc::clone(scheduler.shared()),
            berths: Vec::new(),
            kinds: Vec::new(),
            slots: None,
            store: Box::new(MemoryStore::new()),
        }
    }

    /// Another berth. Passes go over them in this order.
    pub fn berth(mut self, berth: Berth) -> BerthsBuilder {
        self.berths.push(berth);
        self
    }

    /// Backends that can be named, in a file of configuration say: each berth that
    /// [names](Berth::backend_of) this kind has a fresh one.
    ///
    /// ```
    /// # use hivework::{Backend, BackendError, TaskId};
    /// # struct Mail;
    /// # impl Backend for Mail {
    /// #     fn name(&self) -> &str { "mail" }
    /// #     fn poll(&self) -> Result<Option<TaskId>, BackendError> { Ok(None) }
    /// #     fn start(&self, _: &TaskId) -> Result<(), BackendError> { Ok(()) }
    /// # }
    /// use hivework::{make_scheduler, Berth, Berths, BerthsError};
    ///
    /// let scheduler = make_scheduler();
    /// let berths = |kind: &str| {
    ///     Berths::builder(&scheduler)
    ///         .kind("mail", || Mail)
    ///         .berth(Berth::new("north").backend_of(kind))
    ///         .build()
    /// };
    /// assert!(berths("mail").is_ok());
    /// assert!(matches!(berths("mial"), Err(BerthsError::UnknownKind { .. })));
    /// ```
    pub fn kind<B: Backend>(
        mut self,
        name: &str,
        make: impl Fn() -> B + Send + Sync + 'static,
    ) -> BerthsBuilder {
        let make = move || -> Made { Arc::new(make()) };
        self.kinds.push((Arc::from(name), Arc::new(make)));
        self
    }

    /// Each task takes one of these slots for as long as it is at its berth. Where there is none a berth
    /// stays empty, its backends are not asked, and a pass is made when one is given back. A task that is found
    /// in the store when the berths are built, and for which there is no slot, has one as soon as a pass finds one.
    pub fn slots(mut self, slots: &Slots) -> BerthsBuilder {
        self.slots = Some(slots.clone());
        self
    }

    /// Where it is written down what is at the berths: in memory and nowhere else, unless it is said here.
    pub fn store(mut self, store: impl Store) -> BerthsBuilder {
        self.store = Box::new(store);
        self
    }

    /// The berths, with what the store has at them. Whose backends are others now than those that are
    /// written down has those that are given here: a task whose backend is not among them is kept, and can be
    /// stopped, but nobody is told.
    ///
    /// # Errors
    ///
    /// [`BerthsError`], for what cannot be, and where the store cannot be read.
    ///
    /// # Panics
    ///
    /// Inside a transaction.
    pub fn build(self) -> Result<Berths, BerthsError> {
        assert!(
            !hivework_stm::in_transaction(),
            "build of berths inside a transaction: build them before"
        );
        let kinds = self.known_kinds()?;
        if self.berths.is_empty() {
            return Err(BerthsError::NoBerths);
        }
        let calendar = Calendar::new(self.shared.config.clock.clone());
        let mut sites: Vec<Site> = Vec::new();
        for berth in &self.berths {
            if sites.iter().any(|site| site.name == berth.name) {
                let berth = Arc::clone(&berth.name);
                return Err(BerthsError::DuplicateBerth { berth });
            }
            sites.push(site(berth, &kinds)?);
        }
        let index = THashMap::new();
        for (at, site) in sites.iter().enumerate() {
            restore(site, &*self.store, &calendar)?;
            let Some(task) = site.sheet.load().task else {
                continue;
            };
            // Of two berths that are said to have one task the first has it.
            atomically(|tx| {
                if !index.contains(tx, &task.task.id)? {
                    index.insert(tx, task.task.id.clone(), at)?;
                }
                Ok(())
            });
            *site.slot.lock() = self.slots.as_ref().and_then(Slots::try_take);
        }
        Ok(Berths(Arc::new_cyclic(|word| Core {
            shared: self.shared,
            calendar,
            sites,
            index,
            slots: self.slots,
            store: self.store,
            word: word.clone(),
        })))
    }

    fn known_kinds(&self) -> Result<BTreeMap<Arc<str>, Maker>, BerthsError> {
        let mut kinds = BTreeMap::new();
        for (kind, make) in &self.kinds {
            let kind = Arc::clone(kind);
            if kinds.insert(Arc::clone(&kind), Arc::clone(make)).is_some() {
                return Err(BerthsError::DuplicateKind { kind });
            }
        }
        Ok(kinds)
    }
}

/// What a berth is to be, checked.
fn site(berth: &Berth, kinds: &BTreeMap<Arc<str>, Maker>) -> Result<Site, BerthsError> {
    let name = || Arc::clone(&berth.name);
    if berth.name.is_empty() {
        return Err(BerthsError::NoName);
    }
    if berth.timeout.is_zero() {
        return Err(BerthsError::ZeroTimeout { berth: name() });
    }
    if berth.backends.is_empty() {
        return Err(BerthsError::NoBackends { berth: name() });
    }
    let mut backends: Vec<Named> = Vec::new();
    for source in &berth.backends {
        let made = contain(|| {
            let backend = match source {
                Source::Given(backend) => Arc::clone(backend),
                Source::Kind(kind) => (kinds.get(kind).ok_or(kind)?)(),
            };
            let name = Arc::from(backend.name());
            Ok(Named { name, backend })
        });
        let backend = match made {
            Ok(Ok(backend)) => backend,
            Ok(Err(kind)) => {
                let kind: &Arc<str> = kind;
                return Err(BerthsError::UnknownKind {
                    berth: name(),
                    kind: Arc::clone(kind),
                    known: kinds.keys().cloned().collect(),
                });
            }
            Err(payload) => {
                return Err(BerthsError::BackendPanicked {
                    berth: name(),
                    message: panicked(payload).to_string(),
                });
            }
        };
        if backends.iter().any(|other| other.name == backend.name) {
            return Err(BerthsError::DuplicateBackend {
                berth: name(),
                backend: backend.name,
            });
        }
        backends.push(backend);
    }
    Ok(Site {
        name: name(),
        backends,
        timeout: berth.timeout,
        sheet: TVar::new(Sheet::default()),
        slot: Mutex::new(None),
        tried: Mutex::new(Vec::new()),
    })
}

/// What the store has at a berth.
fn restore(site: &Site, store: &dyn Store, calendar: &Calendar) -> Result<(), BerthsError> {
    let record = guarded(|| store.load(&site.name)).map_err(|error| BerthsError::Store {
        berth: Some(Arc::clone(&site.name)),
        error,
    })?;
    let Some(record) = record else { return Ok(()) };
    let backend = record
        .task
        .as_ref()
        .and_then(|task| site.find(&task.backend));
    let changed = record.backends != site.names();
    atomically(|tx| {
        site.change(tx, |sheet| {
            sheet.adopt(&record, backend, calendar.now());
            // To be written down by who tends it next.
            sheet.revision += u64::from(changed);
        })
    });
    Ok(())
}

impl fmt::Debug for BerthsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.kinds.iter().map(|(kind, _)| kind);
        f.debug_struct("BerthsBuilder")
            .field("berths", &self.berths)
            .field("kinds", &kinds.collect::<Vec<_>>())
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}
