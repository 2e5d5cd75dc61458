//! The lines of the README itself.

use std::panic;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hivework::{
    Channel, EventMessage, LocalTransport, Scheduler, TQueue, Transport, WorkMessage, atomically,
    make_scheduler, make_work,
};

use crate::see::{Line, Seen, saw};

pub(crate) const LINES: &[Line] = &[
    Line {
        says: "(make-scheduler)",
        shown: make,
    },
    Line {
        says: "Scheduler will automatically start worker threads and monitor their activity.",
        shown: monitor,
    },
    Line {
        says: "(make-scheduler :run-interval 1/100)",
        shown: run_interval,
    },
    Line {
        says: "(make-scheduler :port-class 'my-port-class :channel-class 'my-channel-class)",
        shown: transport,
    },
    Line {
        says: "You should probably store it somewhere. It's never touched by any code inside.",
        shown: stored,
    },
    Line {
        says: "(start-scheduler *scheduler*) (stop-scheduler *scheduler*)",
        shown: start_and_stop,
    },
    Line {
        says: "(put-work *scheduler* (make-work #'foo))",
        shown: put_work,
    },
    Line {
        says: "(put-work *scheduler* (make-work #'bar \"arg-1\" 'arg-2 3))",
        shown: put_work_with_arguments,
    },
    Line {
        says: "A set of primitives for building multitasking applications using STM.",
        shown: transactional,
    },
];

fn make() -> Seen {
    let scheduler = make_scheduler();
    let running = scheduler.is_running();
    saw(running, format!("{} workers run", scheduler.workers()))
}

fn monitor() -> Seen {
    let scheduler = Scheduler::builder().workers(2).start()?;
    for _ in 0..3 {
        // As a panic does it, but without printing.
        let failed = scheduler.put_work(|| -> u32 { panic::resume_unwind(Box::new("its fault")) });
        // The worker survives; the panic is in the handle.
        if failed.join().is_ok() {
            return Err("a panic went unseen".into());
        }
    }
    let after = scheduler.put_work(|| 6 * 7).join()?;
    let stats = scheduler.stats();
    saw(
        after == 42 && stats.panicked == 3 && stats.crashed_workers == 0,
        format!("{} works panicked, the workers went on", stats.panicked),
    )
}

fn run_interval() -> Seen {
    let scheduler = Scheduler::builder()
        .run_interval(Duration::from_millis(10))
        .start()?;
    // hive-task hands out one work an interval; here the interval holds nothing up.
    let began = Instant::now();
    let works = scheduler.put_all((0..1000).map(|n: u64| move || n));
    let mut sum = 0;
    for work in works {
        sum += work.join()?;
    }
    let took = began.elapsed();
    saw(
        sum == 499_500 && took < Duration::from_secs(5),
        format!("1000 works took {took:?}, where one an interval would take 10 s"),
    )
}

/// Makes the channels that the local transport makes, and counts them.
#[derive(Debug)]
struct Mine(&'static AtomicUsize);

impl Transport for Mine {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        LocalTransport.work_channel()
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        LocalTransport.event_channel()
    }
}

fn transport() -> Seen {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let scheduler = Scheduler::builder()
        .workers(2)
        .transport(Mine(&MADE))
        .start()?;
    let answer = scheduler.put_work(|| "carried").join()?;
    let made = MADE.load(Ordering::Relaxed);
    saw(
        answer == "carried" && made >= 3,
        format!("{made} channels of a transport of our own: one for work, one for each worker"),
    )
}

static SCHEDULER: OnceLock<Scheduler> = OnceLock::new();

fn stored() -> Seen {
    let scheduler = SCHEDULER.get_or_init(make_scheduler);
    let clone = scheduler.clone();
    let through = clone.put_work(|| SCHEDULER.get().map(Scheduler::workers));
    saw(
        through.join()? == Some(scheduler.workers()),
        "a static of the program's own holds it, and works find it there",
    )
}

fn start_and_stop() -> Seen {
    let scheduler = Scheduler::builder().workers(2).build()?;
    // Put before the start, it is queued.
    let early = scheduler.put_work(|| "early");
    let stopped_at_first = !scheduler.is_running();
    scheduler.start()?;
    scheduler.start()?;
    let early = early.join()?;
    scheduler.stop()?;
    scheduler.stop()?;
    let late = scheduler.put_work(|| "late");
    let stopped = !scheduler.is_running();
    // hive-task never gets back to stopped, and cannot start again.
    scheduler.start()?;
    let late = late.join()?;
    saw(
        stopped_at_first && stopped && (early, late) == ("early", "late"),
        "started, stopped and started again; what was put meanwhile ran; twice does no harm",
    )
}

fn foo() -> &'static str {
    "foo"
}

fn bar(text: &str, symbol: char, number: u32) -> String {
    format!("{text} {symbol} {number}")
}

fn put_work() -> Seen {
    let scheduler = make_scheduler();
    let answer = scheduler.put_work(make_work(foo)).join()?;
    saw(answer == "foo", "its result is in the handle, too")
}

fn put_work_with_arguments() -> Seen {
    let scheduler = make_scheduler();
    let work = make_work(|| bar("arg-1", 'x', 3)).name("bar");
    let answer = scheduler.put_work(work).join()?;
    saw(answer == "arg-1 x 3", format!("answers {answer:?}"))
}

fn transactional() -> Seen {
    let scheduler = make_scheduler();
    let (orders, shipped) = (TQueue::new(), TQueue::new());
    orders.put_now("apples");
    let work = atomically(|tx| {
        let order = orders.take(tx)?;
        let shipped = shipped.clone();
        scheduler.put_work_in(tx, move || shipped.put_now(order))
    });
    work.join()?;
    saw(
        orders.is_empty_now() && shipped.take_now() == Some("apples"),
        "the order was taken and its work put in one step",
    )
}
