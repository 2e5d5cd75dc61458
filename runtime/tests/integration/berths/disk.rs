//! The store on disk: a restart sees what was running, and what cannot be read is said, and left as it is.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use hivework::{BerthsError, DiskStore, Record, RunningTask, Store, StoreError, TaskEnd};

use super::probe::{Probe, Yard, berth, tasks};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hivework-berths-{}-{number}", std::process::id());
        // In memory, where there is such a place: a disk would be waited for at each save.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => memory.join(name),
            false => std::env::temp_dir().join(name),
        };
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn store(&self) -> PathBuf {
        self.join("tasks.berths")
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn record(revision: u64, id: &str) -> Record {
    let at = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_700);
    let task = RunningTask::new(id.into(), "mail", at, at + Duration::from_secs(1));
    Record::new(revision, Some(task), vec!["mail".into()])
}

/// A store of two berths, closed.
fn written(folder: &Folder) -> PathBuf {
    let store = DiskStore::open(folder.store()).unwrap();
    store.save("north", 0, &record(1, "a")).unwrap();
    store.save("south", 0, &record(1, "b")).unwrap();
    store.save("north", 1, &record(2, "c")).unwrap();
    folder.store()
}

/// It cannot be opened, and is what it was before.
fn refused(path: &Path) -> StoreError {
    let before = fs::read(path).unwrap();
    let error = DiskStore::open(path).expect_err("it is no store");
    assert!(fs::read(path).unwrap() == before, "it has been changed");
    error
}

#[test]
fn a_restart_sees_what_was_running() {
    let (yard, folder) = (Yard::new(), Folder::new());
    let probe = Probe::offering("probe", ["a", "b"]);
    let build = |probe: &Arc<Probe>| {
        let builder = yard
            .builder()
            .store(DiskStore::open(folder.store()).unwrap());
        let builder = builder.berth(berth("one", [probe]));
        builder.berth(berth("two", [probe])).build().unwrap()
    };
    let berths = build(&probe);
    berths.schedule();
    yard.pass_seconds(0.5);
    berths.keepalive("b").unwrap();
    let before: Vec<_> = berths
        .inspect()
        .berths
        .into_iter()
        .map(|berth| berth.task)
        .collect();
    drop(berths);
    let again = Probe::new("probe");
    let berths = build(&again);
    let after: Vec<_> = berths
        .inspect()
        .berths
        .into_iter()
        .map(|berth| berth.task)
        .collect();
    assert_eq!(before, after);
    // The one that nobody has kept alive is late.
    yard.pass_seconds(0.9);
    assert_eq!(berths.schedule().timed_out().count(), 1);
    assert_eq!(berths.stop("b").unwrap(), TaskEnd::Stopped);
    assert_eq!(again.calls(), ["timed_out a", "stop a", "stop b"]);
    drop(berths);
    assert_eq!(tasks(&build(&again)), ["", ""]);
}

#[test]
fn what_is_on_disk_is_what_was_saved() {
    let folder = Folder::new();
    let path = written(&folder);
    let store = DiskStore::open(&path).unwrap();
    assert_eq!(store.berths().unwrap(), ["north", "south"]);
    assert_eq!(store.load("north").unwrap(), Some(record(2, "c")));
    assert_eq!(store.load("south").unwrap(), Some(record(1, "b")));
    assert_eq!(store.load("west").unwrap(), None);
    for after in [0, 1, 3] {
        let refused = store.save("north", after, &record(9, "d"));
        assert!(matches!(refused, Err(StoreError::Newer { found: 2 })));
    }
    let names: Vec<_> = fs::read_dir(&*folder).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn one_store_at_a_time_has_the_file() {
    let folder = Folder::new();
    let store = DiskStore::open(folder.store()).unwrap();
    let error = DiskStore::open(folder.store()).unwrap_err();
    assert!(
        matches!(&error, StoreError::InUse { path } if *path == folder.store()),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("end that one, or use another file")
    );
    let other = store.clone();
    drop(store);
    assert!(DiskStore::open(folder.store()).is_err());
    drop(other);
    assert!(DiskStore::open(folder.store()).is_ok());
}

#[test]
fn who_is_killed_leaves_a_store_that_can_be_opened() {
    let folder = Folder::new();
    let store = DiskStore::open(folder.store()).unwrap();
    store.save("north", 0, &record(1, "a")).unwrap();
    store.save("north", 1, &record(2, "b")).unwrap();
    // As it is at this moment, not closed.
    let copy = folder.join("copy.berths");
    fs::copy(folder.store(), &copy).unwrap();
    let copy = DiskStore::open(copy).unwrap();
    assert_eq!(copy.load("north").unwrap(), Some(record(2, "b")));
}

#[test]
fn a_store_that_was_cut_is_refused_wherever_it_was() {
    let folder = Folder::new();
    let whole = fs::read(written(&folder)).unwrap();
    let cut = folder.join("cut.berths");
    let pages = (0..whole.len()).step_by(whole.len().div_ceil(4));
    for length in pages.chain([1, 64, 4096, 4097, whole.len() - 1]) {
        fs::write(&cut, &whole[..length]).unwrap();
        let error = refused(&cut);
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{length}: {error}"
        );
        let says = error.to_string();
        assert!(
            says.contains("cut.berths") && says.contains("bring back a copy"),
            "{says}"
        );
    }
}

#[test]
fn whatever_is_changed_is_refused_or_does_not_matter() {
    let folder = Folder::new();
    let whole = fs::read(written(&folder)).unwrap();
    let changed = folder.join("changed.berths");
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let tries = if cfg!(debug_assertions) { 6 } else { 400 };
    let mut damaged = 0;
    for at in used.iter().step_by(used.len().div_ceil(tries)) {
        let mut bytes = whole.clone();
        bytes[*at] ^= 0x10;
        fs::write(&changed, &bytes).unwrap();
        match DiskStore::open(&changed) {
            Err(StoreError::Damaged { .. }) => damaged += 1,
            Err(other) => panic!("{at}: {other}"),
            // What the store keeps of what has been: nothing that was saved is lost or changed.
            Ok(store) => {
                assert_eq!(store.load("north").unwrap(), Some(record(2, "c")), "{at}");
                assert_eq!(store.load("south").unwrap(), Some(record(1, "b")), "{at}");
            }
        }
    }
    assert!(damaged > 0);
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = Folder::new();
    let path = folder.store();
    for bytes in [&b""[..], b"Dear diary", &[0; 8192], &[0xFF; 8192]] {
        fs::write(&path, bytes).unwrap();
        let error = refused(&path);
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
    // Another program's, of the same kind.
    fs::remove_file(&path).unwrap();
    let table: redb::TableDefinition<'_, u64, u64> = redb::TableDefinition::new("accounts");
    let foreign = redb::Database::create(&path).unwrap();
    let write = foreign.begin_write().unwrap();
    write.open_table(table).unwrap().insert(1, 2).unwrap();
    write.commit().unwrap();
    drop(foreign);
    let error = refused(&path);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = Folder::new();
    let path = written(&folder);
    let change = |format: u32, sealed: Option<&[u8]>| {
        let about: redb::TableDefinition<'_, &str, u32> = redb::TableDefinition::new("about");
        let berths: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("berths");
        let database = redb::Database::open(&path).unwrap();
        let write = database.begin_write().unwrap();
        write
            .open_table(about)
            .unwrap()
            .insert("format", format)
            .unwrap();
        if let Some(sealed) = sealed {
            write
                .open_table(berths)
                .unwrap()
                .insert("north", sealed)
                .unwrap();
        }
        write.commit().unwrap();
    };
    change(2, None);
    let error = refused(&path);
    assert!(
        matches!(error, StoreError::NewerFormat { found: 2, known: 1 }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("use that version, or another file")
    );
    // Or only one record of it.
    change(1, Some(&[2, 0, 0, 0, 9, 9, 9, 9, 9]));
    let error = refused(&path);
    assert!(
        matches!(error, StoreError::NewerFormat { found: 2, known: 1 }),
        "{error}"
    );
    // Or one that is less than it was.
    change(1, Some(&[1, 0, 0, 0, 9]));
    let error = refused(&path);
    assert!(
        error
            .to_string()
            .contains("the record of the berth \"north\" is cut"),
        "{error}"
    );
}

#[test]
fn berths_are_not_built_over_what_cannot_be_read() {
    let (yard, folder) = (Yard::new(), Folder::new());
    let store = DiskStore::open(folder.store()).unwrap();
    store.save("one", 0, &record(1, "a")).unwrap();
    let builder = yard.builder().store(store.clone());
    let berths = builder
        .berth(berth("one", [&Probe::new("mail")]))
        .build()
        .unwrap();
    assert_eq!(tasks(&berths), ["a"]);
    let elsewhere = folder.join("nowhere").join("tasks.berths");
    let error = DiskStore::open(&elsewhere).unwrap_err();
    assert!(matches!(error, StoreError::Failed(_)));
    assert!(error.to_string().contains("nowhere"), "{error}");
    let error = BerthsError::Store { berth: None, error };
    assert!(
        error.to_string().starts_with("the store of the berths: "),
        "{error}"
    );
}

#[test]
fn many_who_make_one_store_at_once_have_one() {
    let folder = Folder::new();
    let path = folder.store();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..4 {
                    match DiskStore::open(&path) {
                        Ok(store) => {
                            let found = store
                                .load("count")
                                .unwrap()
                                .map_or(0, |record| record.revision);
                            store.save("count", found, &record(found + 1, "a")).unwrap();
                        }
                        Err(StoreError::InUse { .. }) => std::thread::yield_now(),
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    let store = DiskStore::open(&path).unwrap();
    assert!(store.load("count").unwrap().unwrap().revision >= 1);
}
