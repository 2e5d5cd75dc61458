//! A store on disk: one file of the embedded store `redb`, for one process at a time.
//!
//! # What is in the file
//!
//! A table `berths`, of [sealed](super::envelope) records by name, and a table `about`, which says that
//! this is a store of berths, and in which format. A save is one transaction of the store's own, and has
//! reached the disk when it returns. A crash in the middle of one leaves what was before it.
//!
//! # Opening
//!
//! 1. Lock the file, so that no other process has it.
//! 2. Read all of it into memory, open *that*, check it and read all records. If the store means to
//!    bring it in order, because it was not closed, it does so there. What panics does so there.
//! 3. Only then open the file itself. So what is damaged, cut, or of a newer version is refused, and is
//!    after that what it was before.
//!
//! A file that was closed in order, and would be brought in order all the same, is damaged: that would lose
//! what was saved last. One that was not closed may have been left in the middle of a save, which nobody was
//! told had been done.
//!
//! A new store is made under another name, locked, and linked to its own when it is complete: no
//! file of that name is ever less than a store. So an empty one is damaged, too.
//!
//! # After an error
//!
//! The store refuses everything after an error of the system's, a full disk say, until it is opened again. So it is let
//! go of then, and the next call opens it. Who finds it so takes it out of its place and puts it there in
//! two short steps; nothing is read or written under the lock of that place.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::sync::{Arc, Mutex};
use redb::backends::{FileBackend, InMemoryBackend};
use redb::{
    Builder, Database, ReadableTable, ReadableTableMetadata, StorageBackend, TableDefinition,
};

use super::envelope::{FORMAT, seal, unseal};
use super::{Record, Store, StoreError};
use crate::work::unwind::{contain, drop_contained, message};

const BERTHS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("berths");
const ABOUT: TableDefinition<'_, &str, u32> = TableDefinition::new("about");
const KEY: &str = "format";
/// Bytes that the store may keep in memory: a store has a few pages.
const CACHE: usize = 1 << 20;

/// A store in a file, so that a restart sees what was running at the berths.
///
/// A handle: clones share the open file, which is one process's at a time. Each save is on the disk
/// when it returns.
///
/// ```
/// use hivework::{DiskStore, Record, Store};
///
/// # let path = std::env::temp_dir().join(format!("hivework-doc-{}.berths", std::process::id()));
/// # let _ = std::fs::remove_file(&path);
/// let store = DiskStore::open(&path)?;
/// store.save("north", 0, &Record::new(1, None, vec!["mail".into()]))?;
/// drop(store);
/// assert_eq!(DiskStore::open(&path)?.load("north")?.unwrap().revision, 1);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), hivework::StoreError>(())
/// ```
#[derive(Clone)]
pub struct DiskStore(Arc<Disk>);

struct Disk {
    path: PathBuf,
    /// None after an error of the system's.
    open: Mutex<Option<Arc<Database>>>,
}

impl DiskStore {
    /// Opens the store in this file; makes it if there is none.
    ///
    /// Reads the whole file, which is small, to see whether it is whole.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] when another process, or another store of this one, has it open;
    /// [`StoreError::NewerFormat`] and [`StoreError::Damaged`] for what cannot be read, which is then as it was; and
    /// what the system says.
    pub fn open(path: impl AsRef<Path>) -> Result<DiskStore, StoreError> {
        let path = path.as_ref().to_owned();
        let database = open(&path)?;
        Ok(DiskStore(Arc::new(Disk {
            path,
            open: Mutex::new(Some(Arc::new(database))),
        })))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl Disk {
    /// Does something with the open store.
    fn with<R>(&self, run: impl FnOnce(&Database) -> Result<R, Trouble>) -> Result<R, StoreError> {
        let database = self.database()?;
        let answer = contain(|| run(&database)).unwrap_or_else(|payload| {
            let what = message(&*payload);
            drop_contained(payload);
            Err(Trouble::Panicked(what))
        });
        answer.map_err(|trouble| {
            if !matches!(trouble, Trouble::Ours(_)) {
                let mut open = self.open.lock();
                let same = |open: &Arc<Database>| Arc::ptr_eq(open, &database);
                let gone = open.take_if(|open| same(open));
                drop(open);
                drop_contained(gone);
            }
            trouble.told(&self.path)
        })
    }

    fn database(&self) -> Result<Arc<Database>, StoreError> {
        if let Some(open) = &*self.open.lock() {
            return Ok(Arc::clone(open));
        }
        let again = Arc::new(open(&self.path)?);
        *self.open.lock() = Some(Arc::clone(&again));
        Ok(again)
    }
}

impl Store for DiskStore {
    fn load(&self, berth: &str) -> Result<Option<Record>, StoreError> {
        self.0.with(|database| {
            let table = database.begin_read()?.open_table(BERTHS)?;
            let sealed = table.get(berth)?;
            let record = sealed.map(|sealed| unseal(berth, sealed.value()));
            Ok(record.transpose()?)
        })
    }

    fn save(&self, berth: &str, after: u64, record: &Record) -> Result<(), StoreError> {
        let sealed = seal(record)?;
        self.0.with(|database| {
            let write = database.begin_write()?;
            let mut table = write.open_table(BERTHS)?;
            let found = match table.get(berth)? {
                Some(sealed) => unseal(berth, sealed.value())?.revision,
                None => 0,
            };
            if found != after {
                return Err(Trouble::Ours(StoreError::Newer { found }));
            }
            table.insert(berth, &*sealed)?;
            drop(table);
            write.commit()?;
            Ok(())
        })
    }

    fn berths(&self) -> Result<Vec<String>, StoreError> {
        self.0.with(|database| {
            let table = database.begin_read()?.open_table(BERTHS)?;
            let mut names = Vec::new();
            for entry in table.iter()? {
                names.push(entry?.0.value().to_owned());
            }
            Ok(names)
        })
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskStore")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

/// Why something did not work.
enum Trouble {
    /// Something that the store has nothing to do with.
    Ours(StoreError),
    Store(Box<redb::Error>),
    System(io::Error),
    Panicked(String),
}

impl Trouble {
    fn told(self, path: &Path) -> StoreError {
        let at = path.display();
        match self {
            Trouble::Ours(StoreError::Damaged { what }) => StoreError::Damaged {
                what: format!("{at}: {what}"),
            },
            Trouble::Ours(error) => error,
            Trouble::System(error) => StoreError::failed(format!("{at}: {error}")),
            Trouble::Panicked(what) => {
                StoreError::failed(format!("{at}: the store panicked: {what}"))
            }
            Trouble::Store(error) => match *error {
                redb::Error::DatabaseAlreadyOpen => StoreError::InUse {
                    path: path.to_owned(),
                },
                error @ (redb::Error::Corrupted(_)
                | redb::Error::TableDoesNotExist(_)
                | redb::Error::TableTypeMismatch { .. }
                | redb::Error::UpgradeRequired(_)) => StoreError::Damaged {
                    what: format!("{at}: {error}"),
                },
                error => StoreError::failed(format!("{at}: {error}")),
            },
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Ours(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::System(error)
    }
}

/// The errors of the steps, as the store has them.
macro_rules! troubles {
    ($($error:ident)*) => { $(
        impl From<redb::$error> for Trouble {
            fn from(error: redb::$error) -> Trouble {
                Trouble::Store(Box::new(error.into()))
            }
        }
    )* };
}

troubles!(DatabaseError TransactionError TableError StorageError CommitError);

/// Opens the file or makes it.
fn open(path: &Path) -> Result<Database, StoreError> {
    let opened = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => open_file(file),
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error.into()),
    };
    opened.map_err(|trouble| trouble.told(path))
}

fn open_file(file: File) -> Result<Database, Trouble> {
    let backend = FileBackend::new(file)?;
    let length = backend.len()?;
    if length == 0 {
        return Err(damaged("the file is empty"));
    }
    let copy = InMemoryBackend::new();
    copy.set_len(length)?;
    let size = usize::try_from(length).map_err(|_| damaged("the file is larger than memory"))?;
    copy.write(0, &backend.read(0, size)?)?;
    let checked = contain(|| check(copy)).unwrap_or_else(|payload| {
        let what = message(&*payload);
        drop_contained(payload);
        Err(damaged(&what))
    });
    // In memory nothing else can go wrong.
    checked.map_err(|trouble| match trouble {
        Trouble::Store(error) => damaged(&error.to_string()),
        Trouble::System(error) => damaged(&error.to_string()),
        other => other,
    })?;
    Ok(builder().create_with_backend(backend)?)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    // The format that later versions of the store read.
    builder.create_with_file_format_v3(true);
    builder.set_cache_size(CACHE);
    builder
}

fn damaged(what: &str) -> Trouble {
    Trouble::Ours(StoreError::Damaged {
        what: what.to_owned(),
    })
}

/// Step 2.
fn check(copy: InMemoryBackend) -> Result<(), Trouble> {
    let repaired = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&repaired);
    let mut builder = builder();
    // Ordering: Relaxed, here and below: one thread.
    builder.set_repair_callback(move |_| flag.store(true, Ordering::Relaxed));
    let mut database = builder.create_with_backend(copy)?;
    if !database.check_integrity()? && !repaired.load(Ordering::Relaxed) {
        return Err(damaged("a part of it is not what was written"));
    }
    let read = database.begin_read()?;
    let about = read.open_table(ABOUT)?;
    let Some(format) = about.get(KEY)?.map(|format| format.value()) else {
        return Err(damaged("it does not say in which format it is"));
    };
    if format > FORMAT {
        let newer = StoreError::NewerFormat {
            found: format,
            known: FORMAT,
        };
        return Err(newer.into());
    }
    let berths = read.open_table(BERTHS)?;
    let mut count = 0;
    for entry in berths.iter()? {
        let (berth, sealed) = entry?;
        unseal(berth.value(), sealed.value())?;
        count += 1;
    }
    if berths.len()? != count {
        return Err(damaged("some records are missing"));
    }
    Ok(())
}

/// A new store.
fn make(path: &Path) -> Result<Database, Trouble> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&new)?;
    let backend = FileBackend::new(file)?;
    // From here on it is locked. Under its lock it is linked, too: so if there is a store by now, this
    // may be that one, and if not, it is what is left of an earlier try.
    if path.try_exists()? {
        drop(backend);
        return open_file(OpenOptions::new().read(true).write(true).open(path)?);
    }
    backend.set_len(0)?;
    let database = builder().create_with_backend(backend)?;
    let write = database.begin_write()?;
    write.open_table(ABOUT)?.insert(KEY, FORMAT)?;
    write.open_table(BERTHS)?;
    write.commit()?;
    match fs::hard_link(&new, path) {
        Ok(()) => fs::remove_file(&new)?,
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            drop(database);
            fs::remove_file(&new)?;
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            return open_file(file);
        }
        // A file system without links.
        Err(_) => fs::rename(&new, path)?,
    }
    // So that its name is there after a crash. Where a directory cannot be opened the system sees to it.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")));
    drop(folder.and_then(|folder| folder.sync_all()));
    Ok(database)
}
