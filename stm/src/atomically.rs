//! stub
#![allow(missing_docs)]
use crate::{Abort, StmResult, Transaction};
use std::time::Duration;
pub fn atomically<R>(_f: impl FnMut(&mut Transaction<'_>) -> StmResult<R>) -> R {
    unreachable!()
}
pub fn atomically_or<R, E>(
    _f: impl FnMut(&mut Transaction<'_>) -> Result<R, Abort<E>>,
) -> Result<R, E> {
    unreachable!()
}
pub fn try_atomically<R>(_f: impl FnMut(&mut Transaction<'_>) -> StmResult<R>) -> Option<R> {
    unreachable!()
}
pub fn atomically_timeout<R>(
    _limit: Duration,
    _f: impl FnMut(&mut Transaction<'_>) -> StmResult<R>,
) -> Option<R> {
    unreachable!()
}
/// is a transaction running on this thread?
pub fn in_transaction() -> bool {
    unreachable!()
}
/// drops displaced values whose time has come
pub fn flush() {}
