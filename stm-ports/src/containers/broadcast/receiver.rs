//! What a receiver does with its inbox.

use std::time::Duration;

use hivework_stm::{StmResult, Transaction, atomically, atomically_timeout, retry, try_atomically};

use super::TBroadcastReceiver;
use crate::containers::{Container, wholly};
use crate::error::Closed;

impl<T: Clone + Send + Sync + 'static> TBroadcastReceiver<T> {
    /// The next value; waits until it is sent.
    ///
    /// # Errors
    ///
    /// A conflict, or a retry while everything sent has been received. The inner
    /// error says that nothing more will be sent.
    pub fn receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<T, Closed>> {
        match self.try_receive(tx)? {
            Ok(Some(value)) => Ok(Ok(value)),
            Ok(None) => retry(),
            Err(Closed) => Ok(Err(Closed)),
        }
    }

    /// The next value, if it has been sent.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error says that there is none and will be none.
    pub fn try_receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<Option<T>, Closed>> {
        let taken = wholly(tx, |tx| {
            let value = self.0.unread.try_take(tx)?;
            Ok(value.map(|value| T::clone(&value)))
        })?;
        match taken {
            Some(value) => Ok(Ok(Some(value))),
            None if self.0.closed.read(tx)? => Ok(Err(Closed)),
            None => Ok(Ok(None)),
        }
    }

    /// The next values, up to `max`; as many as have been sent, if they are fewer,
    /// and so perhaps none.
    ///
    /// # Errors
    ///
    /// A conflict. The inner error says that there is none and will be none.
    pub fn receive_batch(
        &self,
        tx: &mut Transaction<'_>,
        max: usize,
    ) -> StmResult<Result<Vec<T>, Closed>> {
        let values: Vec<_> = wholly(tx, |tx| {
            let values = self.0.unread.take_batch(tx, max)?;
            Ok(values.iter().map(|value| T::clone(value)).collect())
        })?;
        if values.is_empty() && self.0.unread.is_empty(tx)? && self.0.closed.read(tx)? {
            return Ok(Err(Closed));
        }
        Ok(Ok(values))
    }

    /// How many values this receiver has lost, since it joined, because it lagged
    /// by more than the bound. They lie before the value that is received next.
    ///
    /// Always 0 without a bound.
    ///
    /// # Errors
    ///
    /// A conflict.
    pub fn missed(&self, tx: &mut Transaction<'_>) -> StmResult<u64> {
        self.0.missed.read(tx)
    }

    /// [`TBroadcastReceiver::try_receive`] in a transaction of its own.
    ///
    /// # Errors
    ///
    /// When there is no value and will be none.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn receive_now(&self) -> Result<Option<T>, Closed> {
        try_atomically(|tx| self.receive(tx)).transpose()
    }

    /// [`TBroadcastReceiver::receive`] in a transaction of its own: blocks the
    /// thread until a value is sent.
    ///
    /// # Errors
    ///
    /// When there will be none.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn receive_blocking(&self) -> Result<T, Closed> {
        atomically(|tx| self.receive(tx))
    }

    /// As [`TBroadcastReceiver::receive_blocking`], but blocks no longer than
    /// `limit` and then answers `None`.
    ///
    /// # Errors
    ///
    /// When there will be no value.
    ///
    /// # Panics
    ///
    /// Inside a transaction of the same thread.
    pub fn receive_timeout(&self, limit: Duration) -> Result<Option<T>, Closed> {
        atomically_timeout(limit, |tx| self.receive(tx)).transpose()
    }
}

impl<T: Clone + Send + Sync + 'static> Container for TBroadcastReceiver<T> {
    fn is_empty(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.unread.is_empty(tx)
    }

    /// Will the next value that is sent displace one?
    fn is_full(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.is_full(tx)
    }

    fn len(&self, tx: &mut Transaction<'_>) -> StmResult<usize> {
        self.0.unread.len(tx)
    }

    /// Skips what has been sent. That does not count as missed.
    fn clear(&self, tx: &mut Transaction<'_>) -> StmResult<()> {
        self.0.unread.clear(tx)
    }
}
