#![allow(missing_docs)]
//! stub
use crate::{StmResult, Transaction};
use std::fmt;
pub struct TVar<T: Send + Sync + 'static>(std::sync::Arc<T>);
impl<T: Send + Sync + 'static> TVar<T> {
    pub fn new(value: T) -> Self {
        TVar(std::sync::Arc::new(value))
    }
    pub fn named(_name: &'static str, value: T) -> Self {
        Self::new(value)
    }
    pub fn read(&self, _tx: &mut Transaction<'_>) -> StmResult<T>
    where
        T: Clone,
    {
        unreachable!()
    }
    pub fn read_with<R>(
        &self,
        _tx: &mut Transaction<'_>,
        _f: impl FnOnce(&T) -> R,
    ) -> StmResult<R> {
        unreachable!()
    }
    pub fn write(&self, _tx: &mut Transaction<'_>, _value: T) -> StmResult<()> {
        unreachable!()
    }
    pub fn modify(&self, _tx: &mut Transaction<'_>, _f: impl FnOnce(T) -> T) -> StmResult<()>
    where
        T: Clone,
    {
        unreachable!()
    }
    pub fn replace(&self, _tx: &mut Transaction<'_>, _value: T) -> StmResult<T>
    where
        T: Clone,
    {
        unreachable!()
    }
    pub fn load(&self) -> T
    where
        T: Clone,
    {
        unreachable!()
    }
    pub fn store(&self, _value: T) {
        unreachable!()
    }
    /// returns the value that was replaced by f's result? no: nothing
    pub fn update(&self, _f: impl FnMut(T) -> T)
    where
        T: Clone,
    {
        unreachable!()
    }
    pub fn ptr_eq(&self, _other: &Self) -> bool {
        unreachable!()
    }
}
impl<T: Send + Sync + 'static> Clone for TVar<T> {
    fn clone(&self) -> Self {
        TVar(self.0.clone())
    }
}
impl<T: Send + Sync + 'static + Default> Default for TVar<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
impl<T: Send + Sync + 'static> From<T> for TVar<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
impl<T: Send + Sync + 'static> fmt::Debug for TVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TVar")
    }
}
