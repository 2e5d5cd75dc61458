//! What is promised where the store fails, and of what it has that there is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hivework::{
    Berths, BerthsError, Kept, MemoryStore, Record, RunningTask, Store, StoreError, TaskError,
};

use super::probe::{Probe, Yard, berth, tasks};

/// A store that can be made to fail: before it has written, or after.
#[derive(Clone, Default)]
struct Shaky {
    memory: MemoryStore,
    fails: Arc<AtomicBool>,
    lies: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
}

impl Shaky {
    fn trouble(&self) -> Result<(), StoreError> {
        if self.panics.load(Ordering::Relaxed) {
            std::panic::resume_unwind(Box::new("the disk is on fire"));
        }
        match self.fails.load(Ordering::Relaxed) {
            true => Err(StoreError::failed("the disk is full")),
            false => Ok(()),
        }
    }
}

impl Store for Shaky {
    fn load(&self, berth: &str) -> Result<Option<Record>, StoreError> {
        self.memory.load(berth)
    }

    fn save(&self, berth: &str, after: u64, record: &Record) -> Result<(), StoreError> {
        self.trouble()?;
        self.memory.save(berth, after, record)?;
        match self.lies.load(Ordering::Relaxed) {
            true => Err(StoreError::failed("no answer")),
            false => Ok(()),
        }
    }

    fn berths(&self) -> Result<Vec<String>, StoreError> {
        self.trouble()?;
        self.memory.berths()
    }
}

fn shaky(yard: &Yard, probe: &Arc<Probe>) -> (Shaky, Berths) {
    let store = Shaky::default();
    let builder = yard.builder().store(store.clone());
    let berths = builder.berth(berth("one", [probe])).build().unwrap();
    (store, berths)
}

#[test]
fn a_start_that_cannot_be_saved_does_not_happen() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let (store, berths) = shaky(&yard, &probe);
    for flag in [&store.fails, &store.panics] {
        probe.calls();
        flag.store(true, Ordering::Relaxed);
        let pass = berths.schedule();
        assert!(pass.store_errors().count() > 0);
        let failure = pass.failures().next().unwrap().to_string();
        assert!(failure.contains("was not started"), "{failure}");
        assert!(failure.contains("the disk is"), "{failure}");
        assert_eq!(probe.calls(), ["failed start"]);
        assert_eq!(tasks(&berths), [""]);
        flag.store(false, Ordering::Relaxed);
        probe.offer("a");
    }
    berths.schedule();
    assert_eq!(tasks(&berths), ["a"]);
    assert_eq!(
        store.load("one").unwrap().unwrap().task.unwrap().id,
        "a".into()
    );
}

#[test]
fn what_was_done_and_not_saved_is_told_and_saved_later() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let (store, berths) = shaky(&yard, &probe);
    berths.schedule();
    store.fails.store(true, Ordering::Relaxed);
    let kept = berths.keepalive("a");
    assert!(matches!(kept, Err(TaskError::NotSaved { .. })), "{kept:?}");
    let stopped = berths.stop("a").unwrap_err();
    let says = stopped.to_string();
    assert!(
        says.contains("the disk is full") && says.contains("the next pass"),
        "{says}"
    );
    // It holds all the same.
    let seen = berths.inspect();
    assert_eq!(
        (seen.berths[0].task.clone(), seen.berths[0].saved),
        (None, false)
    );
    assert!(seen.elsewhere.is_err());
    assert!(store.load("one").unwrap().unwrap().task.is_some());
    store.fails.store(false, Ordering::Relaxed);
    berths.schedule();
    assert!(berths.inspect().berths[0].saved);
    assert_eq!(store.load("one").unwrap().unwrap().task, None);
}

#[test]
fn a_save_that_has_failed_and_was_written_all_the_same_is_not_anothers() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let (store, berths) = shaky(&yard, &probe);
    store.lies.store(true, Ordering::Relaxed);
    berths.schedule();
    assert_eq!(
        (probe.calls(), tasks(&berths)),
        (vec!["failed start".into()], vec!["".into()])
    );
    store.lies.store(false, Ordering::Relaxed);
    // The task that was never started is not taken for somebody's who did.
    let pass = berths.schedule();
    assert!(pass.events.is_empty(), "{:?}", pass.events);
    assert_eq!(tasks(&berths), [""]);
    assert_eq!(store.load("one").unwrap().unwrap().task, None);
}

#[test]
fn a_store_that_has_lost_a_record_gets_it_again() {
    struct Forgetful(MemoryStore, AtomicBool);

    impl Store for Forgetful {
        fn load(&self, berth: &str) -> Result<Option<Record>, StoreError> {
            match self.1.load(Ordering::Relaxed) {
                true => Ok(None),
                false => self.0.load(berth),
            }
        }

        fn save(&self, berth: &str, after: u64, record: &Record) -> Result<(), StoreError> {
            if self.1.swap(false, Ordering::Relaxed) {
                assert_eq!(after, 0);
                let found = self.0.load(berth)?.map_or(0, |record| record.revision);
                return self.0.save(berth, found, record);
            }
            self.0.save(berth, after, record)
        }

        fn berths(&self) -> Result<Vec<String>, StoreError> {
            self.0.berths()
        }
    }

    let yard = Yard::new();
    let store = Arc::new(Forgetful(MemoryStore::new(), AtomicBool::new(false)));
    let probe = Probe::offering("probe", ["a"]);
    let builder = yard.builder().store(Arc::clone(&store));
    let berths = builder.berth(berth("one", [&probe])).build().unwrap();
    berths.schedule();
    store.1.store(true, Ordering::Relaxed);
    assert_eq!(berths.keepalive("a").unwrap(), Kept::Alive);
    assert!(berths.inspect().berths[0].saved);
    assert!(!store.1.load(Ordering::Relaxed));
}

#[test]
fn a_store_that_cannot_be_read_is_said_when_berths_are_built() {
    struct Unreadable;

    impl Store for Unreadable {
        fn load(&self, _: &str) -> Result<Option<Record>, StoreError> {
            Err(StoreError::NewerFormat { found: 9, known: 1 })
        }

        fn save(&self, _: &str, _: u64, _: &Record) -> Result<(), StoreError> {
            panic!("what cannot be read is not overwritten");
        }

        fn berths(&self) -> Result<Vec<String>, StoreError> {
            Ok(Vec::new())
        }
    }

    let yard = Yard::new();
    let builder = yard.builder().store(Unreadable);
    let error = builder
        .berth(berth("one", [&Probe::new("probe")]))
        .build()
        .unwrap_err();
    assert!(matches!(&error, BerthsError::Store { berth: Some(berth), .. } if &**berth == "one"));
    let says = error.to_string();
    assert!(says.contains("newer version of this program"), "{says}");
    assert!(says.contains("use that version, or another file"), "{says}");
}

#[test]
fn tasks_at_berths_that_there_are_not_any_more_are_shown() {
    let yard = Yard::new();
    let store = MemoryStore::new();
    let probe = Probe::offering("probe", ["a"]);
    let builder = yard.builder().store(store.clone());
    builder
        .berth(berth("old", [&probe]))
        .build()
        .unwrap()
        .schedule();
    let builder = yard.builder().store(store);
    let berths = builder.berth(berth("new", [&probe])).build().unwrap();
    let elsewhere = berths.inspect().elsewhere.unwrap();
    assert_eq!(elsewhere.len(), 1);
    assert_eq!((&*elsewhere[0].0, elsewhere[0].1.id.as_str()), ("old", "a"));
}

#[test]
fn a_record_from_a_calendar_that_goes_ahead_counts_from_now() {
    let yard = Yard::new();
    let store = MemoryStore::new();
    let ahead = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    let task = RunningTask::new("a".into(), "probe", ahead, ahead);
    store
        .save("one", 0, &Record::new(1, Some(task), vec!["probe".into()]))
        .unwrap();
    let builder = yard.builder().store(store);
    let berths = builder
        .berth(berth("one", [&Probe::new("probe")]))
        .build()
        .unwrap();
    berths.schedule();
    assert_eq!(tasks(&berths), ["a"]);
    yard.pass_seconds(1.001);
    assert_eq!(berths.schedule().timed_out().count(), 1);
}
