//! stub
use crate::{Abort, StmResult};
use std::marker::PhantomData;
#[allow(missing_docs)]
#[derive(Debug)]
pub struct Transaction<'t>(PhantomData<(*mut (), &'t mut &'t ())>);
#[allow(missing_docs)]
impl Transaction<'_> {
    pub fn or_else<R>(
        &mut self,
        _f: impl FnOnce(&mut Self) -> StmResult<R>,
        _g: impl FnOnce(&mut Self) -> StmResult<R>,
    ) -> StmResult<R> {
        unreachable!()
    }
    pub fn nested<R, E>(
        &mut self,
        _f: impl FnOnce(&mut Self) -> Result<R, Abort<E>>,
    ) -> StmResult<Result<R, E>> {
        unreachable!()
    }
    /// runs once, after the commit, when no lock is held and the thread is unpinned; may itself run transactions
    pub fn on_commit(&mut self, _f: impl FnOnce() + 'static) {}
    /// runs once if the attempt (or the branch it was registered in) is rolled back; dropped on commit
    pub fn on_abort(&mut self, _f: impl FnOnce() + 'static) {}
}
