//! Berths and the backends that fill them.
//!
//! A *task* is something that goes on somewhere else, in a process or on another machine. Here it is
//! an id, and two times: when it was started and when somebody last said that it is alive. A *backend*
//! is the program's own, and knows what an id means: it offers tasks, starts and stops them. A *berth*
//! is a named place where one task is at a time; it has backends, the most important one first, and a
//! time-out. All berths of a [`Berths`](berths::Berths) are a model of task_semaphore's scheduler.
//!
//! A berth is no slot. A slot (`slots.rs`) is one of a number and has no name; whoever holds one
//! is at work. A berth has a name and a history, is filled by asking around, and is at work as long as
//! somebody says so. Berths can draw on a budget of slots: then each task holds one of them as well.
//!
//! * [`berths`]: what one does with them. [`builder`]: how they are set up.
//! * [`tend`]: the protocol: how a berth is filled, kept and emptied, and why no callback of a backend is
//!   ever called under a lock or in a transaction. [`sheet`]: the state behind it.
//! * [`call`]: how a backend is called, and what happens if that fails.
//! * [`store`]: where it is written down what is at the berths.

pub(crate) mod berths;
pub(crate) mod builder;
pub(crate) mod call;
mod core;
pub(crate) mod error;
pub(crate) mod inspect;
pub(crate) mod pass;
mod saving;
mod sheet;
pub(crate) mod store;
pub(crate) mod task;
mod tend;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use call::{CallFailed, OnFailure};
use task::TaskId;

/// What a backend answers when a call fails.
pub type BackendError = Box<dyn Error + Send + Sync>;

/// What fills a [berth](crate::Berths): offers tasks, starts them, stops them, and hears of them.
///
/// Every call is made outside of transactions and locks, on the thread that happens to tend the berth:
/// one that calls [`schedule`](crate::Berths::schedule), [`keepalive`](crate::Berths::keepalive) or
/// [`stop`](crate::Berths::stop), or a worker. So a backend can call these itself, from inside any of
/// its own, and can wait (in [`blocking`](crate::blocking()), if that may take long). The calls about one
/// berth come one after the other, never two at a time; only [`inspect`](Backend::inspect) comes whenever
/// somebody asks. A backend that serves several berths is called about each of them by itself.
///
/// A call fails by an error or by a panic. Each failure is told to [`failed`](Backend::failed), and is in
/// what the [`Pass`](crate::Pass) tells; none ends a pass, or keeps another berth from its turn.
///
/// ```
/// use std::collections::BTreeMap;
/// use hivework::{make_scheduler, Backend, BackendError, Berth, Berths, TQueue, TaskId};
///
/// struct Mail(TQueue<TaskId>);
///
/// impl Backend for Mail {
///     fn name(&self) -> &str {
///         "mail"
///     }
///     fn poll(&self) -> Result<Option<TaskId>, BackendError> {
///         Ok(self.0.take_now())
///     }
///     fn start(&self, task: &TaskId) -> Result<(), BackendError> {
///         println!("sending {task}");
///         Ok(())
///     }
/// }
///
/// let mail = TQueue::new();
/// let berths = Berths::builder(&make_scheduler())
///     .berth(Berth::new("north").backend(Mail(mail.clone())))
///     .build()?;
/// mail.put_now(TaskId::from("letter 1"));
/// assert_eq!(berths.schedule().started().count(), 1);
/// assert_eq!(berths.inspect().berths[0].task.as_ref().unwrap().id, "letter 1".into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Backend: Send + Sync + 'static {
    /// What it is called: by this the store remembers whose a task is. Asked once, when the berths are
    /// built.
    fn name(&self) -> &str;

    /// The task that is to be started next, if there is one. It is asked again by the next pass
    /// as long as the berth is empty. Nobody else starts what it has offered; whether it is started is told by
    /// [`start`](Backend::start). So it is best to strike a task off one's own list there, and not here: a
    /// process that ends between the two would lose it.
    ///
    /// # Errors
    ///
    /// The backend's own: the next backend of the berth is asked.
    fn poll(&self) -> Result<Option<TaskId>, BackendError>;

    /// Starts a task. Its berth counts as taken from before this call.
    ///
    /// # Errors
    ///
    /// The backend's own: the berth is free again, and its next backend is asked.
    fn start(&self, task: &TaskId) -> Result<(), BackendError>;

    /// Stops a task: somebody has asked for that, or it has timed out. The berth is freed when this
    /// returns, whatever it answers. After a crash it may come a second time for the same task.
    ///
    /// # Errors
    ///
    /// The backend's own; told, and otherwise without effect.
    fn stop(&self, task: &TaskId) -> Result<(), BackendError> {
        let _ = task;
        Ok(())
    }

    /// Somebody has said that the task is alive, and its time-out counts from there. Several who say so
    /// while another call about the berth goes on are one call.
    ///
    /// # Errors
    ///
    /// The backend's own: [`failed`](Backend::failed) says whether the task is given up then.
    fn kept_alive(&self, task: &TaskId) -> Result<(), BackendError> {
        let _ = task;
        Ok(())
    }

    /// The task has timed out. [`stop`](Backend::stop) comes next, in any case.
    ///
    /// # Errors
    ///
    /// The backend's own; told, and otherwise without effect.
    fn timed_out(&self, task: &TaskId) -> Result<(), BackendError> {
        let _ = task;
        Ok(())
    }

    /// One of the other calls has failed. What it answers decides about a task whose
    /// [`kept_alive`](Backend::kept_alive) has failed: with [`OnFailure::Free`], or a panic, its berth is freed,
    /// without a `stop`. After a failed `start` or `stop` a berth is freed anyway.
    fn failed(&self, failure: &CallFailed) -> OnFailure {
        let _ = failure;
        OnFailure::Keep
    }

    /// Whatever the backend has to say of itself, for [`Berths::inspect`](crate::Berths::inspect). Comes at
    /// any time, beside other calls.
    fn inspect(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

/// One backend, in several berths.
impl<B: Backend + ?Sized> Backend for Arc<B> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn poll(&self) -> Result<Option<TaskId>, BackendError> {
        (**self).poll()
    }

    fn start(&self, task: &TaskId) -> Result<(), BackendError> {
        (**self).start(task)
    }

    fn stop(&self, task: &TaskId) -> Result<(), BackendError> {
        (**self).stop(task)
    }

    fn kept_alive(&self, task: &TaskId) -> Result<(), BackendError> {
        (**self).kept_alive(task)
    }

    fn timed_out(&self, task: &TaskId) -> Result<(), BackendError> {
        (**self).timed_out(task)
    }

    fn failed(&self, failure: &CallFailed) -> OnFailure {
        (**self).failed(failure)
    }

    fn inspect(&self) -> BTreeMap<String, String> {
        (**self).inspect()
    }
}
