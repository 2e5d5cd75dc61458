//! A scope's end, and how others learn of its jobs. A lost wake-up leaves the owner
//! asleep beside a scope that is over, which loom reports as a deadlock.

use std::sync::Arc;

use hivework::internals::{Deque, End, Flag, Idle, Jobs, Next, Parked, Parker, Steal, Stealer};
use hivework_loom_tests::{model, model_within};
use hivework_stm::facade::atomic::{AtomicBool, AtomicUsize, Ordering};
use hivework_stm::facade::thread;

/// The jobs of a scope, and what they write to the frame that they borrow from.
struct Open {
    jobs: Jobs<u32>,
    frame: AtomicUsize,
}

impl Open {
    fn with(jobs: u32) -> Arc<Open> {
        let open = Open {
            jobs: Jobs::new(),
            frame: AtomicUsize::new(0),
        };
        (0..jobs).for_each(|job| open.jobs.push(job));
        Arc::new(open)
    }

    fn run(&self, _: u32) {
        self.frame.fetch_add(1, Ordering::Relaxed);
    }

    /// The owner, from the end of its closure on; answers how much of the frame had been
    /// written when it was over.
    fn complete(&self) -> usize {
        loop {
            match self.jobs.wait(|| ()) {
                Next::Run(job) => {
                    self.run(job);
                    self.jobs.finish();
                }
                Next::Called => {}
                // Relaxed: that the jobs are over is all that orders it.
                Next::Over => return self.frame.load(Ordering::Relaxed),
            }
        }
    }
}

#[test]
fn the_end_of_the_last_job_reaches_the_owner() {
    model("scope: the last end against the wait", || {
        let open = Open::with(1);
        let theirs = Arc::clone(&open);
        let helper = thread::spawn(move || {
            if let Some((job, _)) = theirs.jobs.take(End::Oldest) {
                theirs.run(job);
                theirs.jobs.finish();
            }
        });
        assert_eq!(open.complete(), 1);
        helper.join().unwrap();
    });
}

#[test]
fn the_owner_waits_for_the_last_of_two() {
    model_within(2, "scope: two helpers against the wait", || {
        let open = Open::with(2);
        let helpers = [(); 2].map(|()| {
            let theirs = Arc::clone(&open);
            thread::spawn(move || {
                let mut next = theirs.jobs.take(End::Oldest);
                while let Some((job, _)) = next {
                    theirs.run(job);
                    next = theirs.jobs.finish_and_take(End::Newest);
                }
            })
        });
        assert_eq!(open.complete(), 2);
        for helper in helpers {
            helper.join().unwrap();
        }
    });
}

#[test]
fn what_a_job_spawns_reaches_the_owner_that_waits() {
    model("scope: a spawn against the wait", || {
        let open = Open::with(1);
        let theirs = Arc::clone(&open);
        let helper = thread::spawn(move || {
            if let Some((job, _)) = theirs.jobs.take(End::Oldest) {
                theirs.jobs.push(1);
                theirs.run(job);
                // And helps no longer: the rest is the owner's.
                theirs.jobs.finish();
            } else {
                theirs.jobs.call();
            }
        });
        assert!(open.complete() >= 1);
        helper.join().unwrap();
        assert!(open.jobs.is_empty());
    });
}

#[test]
fn a_call_reaches_the_owner_that_waits() {
    model("scope: a call against the wait", || {
        let open = Open::with(0);
        // One that was entrusted to somebody who first wants the owner to do something.
        open.jobs.entrust();
        let wish = Arc::new((AtomicBool::new(false), AtomicBool::new(false)));
        let (theirs, wishes) = (Arc::clone(&open), Arc::clone(&wish));
        let other = thread::spawn(move || {
            wishes.0.store(true, Ordering::Relaxed);
            theirs.jobs.call();
            theirs
        });
        let mut finished = false;
        loop {
            match open.jobs.wait(|| ()) {
                Next::Called => {
                    assert!(wish.0.load(Ordering::Relaxed));
                    finished = true;
                    open.jobs.finish();
                }
                Next::Run(_) => unreachable!("nothing was spawned"),
                Next::Over => break,
            }
        }
        assert!(finished);
        other.join().unwrap();
    });
}

/// Takes the ticket if it is there.
fn ticket(queue: &Stealer<()>) -> bool {
    loop {
        match queue.steal() {
            Steal::Taken(()) => return true,
            Steal::Empty => return false,
            Steal::Retry => {}
        }
    }
}

#[test]
fn a_job_is_never_without_a_ticket_or_a_helper() {
    model("scope: spawn against the ticket's look", || {
        let (open, flag) = (Open::with(0), Arc::new(Flag::new()));
        let queue = Deque::new();
        let stealer = queue.stealer();
        let (theirs, flags) = (Arc::clone(&open), Arc::clone(&flag));
        let helper = thread::spawn(move || {
            if !ticket(&stealer) {
                return;
            }
            let mut next = flags.answer(|| theirs.jobs.take(End::Oldest));
            while let Some((job, _)) = next {
                theirs.run(job);
                next = theirs.jobs.finish_and_take(End::Newest);
            }
        });
        for job in 0..2 {
            open.jobs.push(job);
            if flag.raise() {
                queue.push(());
            }
            // The first comes back, if it is still there: a helper may then find nothing
            // between the two.
            if job == 0 {
                if let Some((first, _)) = open.jobs.take(End::Newest) {
                    open.run(first);
                    open.jobs.finish();
                }
            }
        }
        helper.join().unwrap();
        let left = !open.jobs.is_empty();
        let tickets = std::iter::from_fn(|| ticket(&queue.stealer()).then_some(())).count();
        assert!(tickets <= 1, "more than one ticket");
        assert!(!left || tickets == 1, "a job that nobody comes for");
    });
}

#[test]
fn a_call_reaches_the_worker_that_is_about_to_sleep() {
    model("idle: park against call", || {
        let idle = Arc::new((Idle::new(4), AtomicUsize::new(0)));
        let parker = Arc::new(Parker::new());
        // Somebody searches all the time, and so nobody else looks before it sleeps.
        assert!(idle.0.try_search());
        let (theirs, reader) = (Arc::clone(&idle), Arc::clone(&parker));
        let worker = thread::spawn(move || {
            while !reader.take_call() {
                if theirs.0.park(&reader, false, None, || true) == Parked::Woken {
                    let _ = theirs.0.end_search(|| false);
                }
            }
            theirs.1.load(Ordering::Relaxed)
        });
        idle.1.store(7, Ordering::Relaxed);
        idle.0.call(&parker);
        assert_eq!(
            worker.join().unwrap(),
            7,
            "a call ahead of what it is about"
        );
        assert_eq!(idle.0.counts(), (1, 0));
    });
}
