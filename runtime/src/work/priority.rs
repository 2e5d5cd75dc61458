//! How urgent a work is.

/// How urgent a work is, as [`Work::priority`](crate::Work::priority) sets it.
///
/// Before each work that a worker begins, it looks whether a more urgent one is queued. So
/// that none waits for ever, now and then a less urgent one comes first: one in 61 at the
/// beginning, and more often the longer there are such works, up to one in 8. The order
/// counts works, not time.
///
/// ```
/// use hivework::{Priority, Scheduler, make_work};
/// use std::sync::{Arc, Mutex};
///
/// let scheduler = Scheduler::builder().workers(1).build()?;
/// let order = Arc::new(Mutex::new(Vec::new()));
/// let say = |what: &'static str| {
///     let order = Arc::clone(&order);
///     make_work(move || order.lock().unwrap().push(what))
/// };
/// let last = scheduler.put_work(say("report").priority(Priority::Low));
/// scheduler.put_work(say("order"));
/// scheduler.put_work(say("alarm").priority(Priority::High));
/// scheduler.start().unwrap();
/// last.join().unwrap();
/// assert_eq!(*order.lock().unwrap(), ["alarm", "order", "report"]);
/// # Ok::<(), hivework::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Priority {
    /// Comes when there is nothing else to do, or when its turn has come.
    Low,
    /// What work has unless it says otherwise.
    #[default]
    Normal,
    /// Overtakes all that is queued and not as urgent.
    High,
}

impl From<Priority> for i8 {
    fn from(priority: Priority) -> i8 {
        match priority {
            Priority::Low => -1,
            Priority::Normal => 0,
            Priority::High => 1,
        }
    }
}

impl Priority {
    /// Of what came out of a transport.
    pub(crate) fn of(urgency: i8) -> Priority {
        match urgency {
            ..0 => Priority::Low,
            0 => Priority::Normal,
            1.. => Priority::High,
        }
    }
}
