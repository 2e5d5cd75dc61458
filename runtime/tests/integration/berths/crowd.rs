//! Many threads at once, on the same berths.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use hivework::{
    Backend, BackendError, Berth, Kept, MemoryStore, Slots, Store, TaskEnd, TaskError, TaskId,
};

use super::probe::Yard;

/// Offers each number once, and looks that the calls about a task come in order and one at a time.
struct Watchful {
    next: AtomicU64,
    end: u64,
    tasks: Mutex<BTreeMap<TaskId, Life>>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Life {
    Started,
    Stopped,
}

impl Backend for Watchful {
    fn name(&self) -> &str {
        "watchful"
    }

    fn poll(&self) -> Result<Option<TaskId>, BackendError> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        Ok((next < self.end).then(|| next.into()))
    }

    fn start(&self, task: &TaskId) -> Result<(), BackendError> {
        let before = self
            .tasks
            .lock()
            .unwrap()
            .insert(task.clone(), Life::Started);
        assert_eq!(before, None, "started twice");
        Ok(())
    }

    fn stop(&self, task: &TaskId) -> Result<(), BackendError> {
        let before = self
            .tasks
            .lock()
            .unwrap()
            .insert(task.clone(), Life::Stopped);
        assert_eq!(
            before,
            Some(Life::Started),
            "stopped twice, or before it was started"
        );
        Ok(())
    }

    fn kept_alive(&self, task: &TaskId) -> Result<(), BackendError> {
        let now = self.tasks.lock().unwrap().get(task).copied();
        assert_eq!(now, Some(Life::Started), "kept alive outside of its life");
        Ok(())
    }
}

#[test]
fn many_threads_keep_alive_stop_and_schedule_and_no_record_is_lost() {
    let tasks: u64 = match () {
        () if cfg!(miri) => 8,
        () if cfg!(debug_assertions) => 60,
        () => 10_000,
    };
    let yard = Yard::new();
    let slots = Slots::new(2).unwrap();
    let store = MemoryStore::new();
    let watchful = Arc::new(Watchful {
        next: AtomicU64::new(0),
        end: tasks,
        tasks: Mutex::default(),
    });
    let mut builder = yard.builder().store(store.clone()).slots(&slots);
    for name in ["one", "two", "three"] {
        builder = builder.berth(Berth::new(name).backend(Arc::clone(&watchful)));
    }
    let berths = builder.build().unwrap();
    let (begin, over) = (Barrier::new(4), AtomicBool::new(false));
    let stopped = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                begin.wait();
                while stopped.load(Ordering::Relaxed) < tasks {
                    assert_eq!(berths.schedule().failures().count(), 0);
                    thread::yield_now();
                }
                over.store(true, Ordering::Relaxed);
            });
        }
        scope.spawn(|| {
            begin.wait();
            while !over.load(Ordering::Relaxed) {
                for (_, task) in hivework::atomically(|tx| berths.running_in(tx)) {
                    match berths.keepalive(&task.id) {
                        Ok(Kept::Alive)
                        | Err(TaskError::Unknown { .. } | TaskError::Ending { .. }) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
        });
        scope.spawn(|| {
            begin.wait();
            while stopped.load(Ordering::Relaxed) < tasks {
                for (_, task) in hivework::atomically(|tx| berths.running_in(tx)) {
                    match berths.stop(&task.id) {
                        Ok(TaskEnd::Stopped) => {
                            stopped.fetch_add(1, Ordering::Relaxed);
                        }
                        // Somebody else is at it: it is stopped, and counted below.
                        Ok(_) => {
                            let gone = |tx: &mut hivework::Transaction<'_>| {
                                let running = berths.running_in(tx)?;
                                hivework::check(
                                    running.iter().all(|(_, other)| other.id != task.id),
                                )
                            };
                            hivework::atomically_timeout(crate::support::BOUND, gone)
                                .expect("it is stopped");
                            stopped.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    });
    let ends = watchful.tasks.lock().unwrap();
    assert_eq!(ends.len() as u64, tasks);
    assert!(ends.values().all(|life| *life == Life::Stopped));
    assert_eq!(slots.free(), 2);
    for berth in berths.inspect().berths {
        assert_eq!((berth.task, berth.saved), (None, true));
        let record = store.load(&berth.name).unwrap();
        assert_eq!(record.and_then(|record| record.task), None);
    }
}
