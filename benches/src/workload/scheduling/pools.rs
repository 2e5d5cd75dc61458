//! The pools that are compared, each with two workers, behind one trait.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};
use hivework::Scheduler;
use rayon::ThreadPool as Rayon;
use threadpool::ThreadPool;
use tokio::runtime::Runtime as Tokio;

/// How many workers each pool has, unless its name says otherwise.
pub(crate) const WORKERS: usize = 2;

/// What the reports call two threads that take boxed closures out of a channel.
pub const CROSSBEAM_POOL: &str = "crossbeam-channel pool";

/// Something that runs closures on two workers. A clone is another handle.
pub(crate) trait Pool: Clone + Send + 'static {
    /// What the reports call it.
    const NAME: &'static str;
    fn make() -> Self;
    /// Puts from outside; what the pool answers is dropped.
    fn put(&self, work: impl FnOnce() + Send + 'static);
    /// Puts, called by a worker.
    fn put_from_worker(&self, work: impl FnOnce() + Send + 'static) {
        self.put(work);
    }
}

impl Pool for Scheduler {
    const NAME: &'static str = "hivework";

    fn make() -> Self {
        hivework(WORKERS)
    }

    #[inline]
    fn put(&self, work: impl FnOnce() + Send + 'static) {
        drop(self.put_work(work));
    }
}

/// Ours with so many workers.
pub(crate) fn hivework(workers: usize) -> Scheduler {
    Scheduler::builder()
        .workers(workers)
        .start()
        .expect("workers can be started")
}

impl Pool for Arc<Rayon> {
    const NAME: &'static str = "rayon";

    fn make() -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build();
        Arc::new(pool.expect("workers can be started"))
    }

    #[inline]
    fn put(&self, work: impl FnOnce() + Send + 'static) {
        self.spawn(work);
    }

    #[inline]
    fn put_from_worker(&self, work: impl FnOnce() + Send + 'static) {
        rayon::spawn(work);
    }
}

impl Pool for Arc<Tokio> {
    const NAME: &'static str = "tokio";

    fn make() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .build();
        Arc::new(runtime.expect("workers can be started"))
    }

    #[inline]
    fn put(&self, work: impl FnOnce() + Send + 'static) {
        drop(self.spawn(async { work() }));
    }

    #[inline]
    fn put_from_worker(&self, work: impl FnOnce() + Send + 'static) {
        drop(tokio::spawn(async { work() }));
    }
}

impl Pool for ThreadPool {
    const NAME: &'static str = "threadpool";

    fn make() -> Self {
        ThreadPool::new(WORKERS)
    }

    #[inline]
    fn put(&self, work: impl FnOnce() + Send + 'static) {
        self.execute(work);
    }
}

type Boxed = Box<dyn FnOnce() + Send>;

/// Two threads that take boxed closures out of a channel: what one writes in ten lines
/// when no pool is at hand.
#[derive(Clone)]
pub(crate) struct CrossbeamPool {
    puts: Sender<Boxed>,
}

impl CrossbeamPool {
    /// A queue that nobody takes from as yet, and what is to take from it.
    pub(crate) fn stopped() -> (Self, Receiver<Boxed>) {
        let (puts, takes) = unbounded();
        (CrossbeamPool { puts }, takes)
    }

    /// The threads. They end when the last handle has been dropped and all has run.
    pub(crate) fn workers(takes: &Receiver<Boxed>) -> Vec<JoinHandle<()>> {
        let worker = |_| {
            let takes = takes.clone();
            thread::spawn(move || takes.iter().for_each(|work| work()))
        };
        (0..WORKERS).map(worker).collect()
    }
}

impl Pool for CrossbeamPool {
    const NAME: &'static str = CROSSBEAM_POOL;

    fn make() -> Self {
        let (pool, takes) = CrossbeamPool::stopped();
        CrossbeamPool::workers(&takes);
        pool
    }

    #[inline]
    fn put(&self, work: impl FnOnce() + Send + 'static) {
        let sent = self.puts.send(Box::new(work));
        sent.expect("the threads end after the last sender");
    }
}

/// chili with so many workers beside the thread that starts a section, which it counts
/// as one of its own.
pub(crate) fn chili(workers: usize) -> chili::ThreadPool {
    chili::ThreadPool::with_config(chili::Config {
        thread_count: std::num::NonZero::new(workers + 1),
        ..chili::Config::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::Tally;
    use super::*;

    fn runs_what_is_put<P: Pool>() {
        let (pool, tally) = (P::make(), Tally::for_good());
        let inside = pool.clone();
        pool.put(move || {
            inside.put_from_worker(|| tally.count());
            tally.count();
        });
        tally.wait_for(2);
    }

    #[test]
    fn every_pool_runs_what_is_put() {
        runs_what_is_put::<Scheduler>();
        runs_what_is_put::<Arc<Rayon>>();
        runs_what_is_put::<Arc<Tokio>>();
        runs_what_is_put::<ThreadPool>();
        runs_what_is_put::<CrossbeamPool>();
    }
}
