//! Software transactional memory (stub being replaced).
mod atomically;
pub mod facade;
mod outcome;
mod transaction;
mod tvar;
pub use atomically::{
    atomically, atomically_or, atomically_timeout, flush, in_transaction, try_atomically,
};
pub use outcome::{Abort, StmError, StmResult, abort, check, retry};
pub use transaction::Transaction;
pub use tvar::TVar;
