//! A store in memory, of transactional variables.

use std::fmt;
use std::sync::Arc;

use hivework_stm::{StmResult, Transaction, atomically};
use stm_ports::TOrderedMap;

use super::{Record, Store, StoreError};

/// A store in memory: outlasts the berths that write to it, and no more. What berths have if they
/// are given no other.
///
/// A handle: clones share the store. What is written down can be read, and waited for, in transactions.
///
/// ```
/// use hivework::{atomically, MemoryStore, Record, Store};
///
/// let store = MemoryStore::new();
/// store.save("north", 0, &Record::new(1, None, vec!["mail".into()]))?;
/// let record = atomically(|tx| store.get_in(tx, "north"));
/// assert_eq!(record.unwrap().revision, 1);
/// # Ok::<(), hivework::StoreError>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore(TOrderedMap<Arc<str>, Record>);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// The record of a berth, if it has one, as the transaction sees it.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn get_in(&self, tx: &mut Transaction<'_>, berth: &str) -> StmResult<Option<Record>> {
        self.0.get(tx, berth)
    }
}

impl Store for MemoryStore {
    fn load(&self, berth: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.0.get_now(berth))
    }

    fn save(&self, berth: &str, after: u64, record: &Record) -> Result<(), StoreError> {
        atomically(|tx| {
            let found = self.0.get_with(tx, berth, |record| record.revision)?;
            let found = found.unwrap_or(0);
            if found != after {
                return Ok(Err(StoreError::Newer { found }));
            }
            self.0.insert(tx, Arc::from(berth), record.clone())?;
            Ok(Ok(()))
        })
    }

    fn berths(&self) -> Result<Vec<String>, StoreError> {
        let names = atomically(|tx| self.0.keys(tx));
        Ok(names.iter().map(ToString::to_string).collect())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryStore").field(&self.0).finish()
    }
}
