//! The README's list of features that were planned.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use hivework::{
    Event, Member, Priority, Scheduler, Stall, TVar, Work, WorkContext, WorkError, check,
    make_scheduler, make_work,
};

use crate::see::{Line, PATIENCE, Seen, saw, wait_for};

pub(crate) const LINES: &[Line] = &[
    Line {
        says: "[x] Worker threads",
        shown: worker_threads,
    },
    Line {
        says: "[ ] Better scheduler: dynamic load management",
        shown: load_management,
    },
    Line {
        says: "[ ] Better scheduler: worker thread profiling",
        shown: profiling,
    },
    Line {
        says: "[ ] Better scheduler: work monitoring",
        shown: monitoring,
    },
    Line {
        says: "[ ] Events (workers schedule events instead of putting work)",
        shown: events,
    },
    Line {
        says: "[ ] Cooperative multitasking (many threads may work on one job and exchange data)",
        shown: many_on_one_job,
    },
    Line {
        says: "[x] Automatic scaling (using hardware detection)",
        shown: hardware,
    },
    Line {
        says: "[ ] More multitasking primitives: priorities",
        shown: priorities,
    },
    Line {
        says: "[ ] More multitasking primitives: time",
        shown: time,
    },
    Line {
        says: "[ ] More multitasking primitives: works that wait without a thread",
        shown: waiting,
    },
    Line {
        says: "[ ] More multitasking primitives: forks, for heavy computations",
        shown: forks,
    },
    Line {
        says: "    Time slices (10 of 1 ms, which nobody looked at)",
        shown: time_slices,
    },
];

pub(crate) const ELSEWHERE: &[&str] = &[
    "[ ] Support for non-general-purpose processors (GPUs, FPGAs): needs one",
    "[ ] Running work over network: needs a second machine, and a transport that gets there",
];

fn worker_threads() -> Seen {
    let scheduler = Scheduler::builder().workers(3).name("walk").start()?;
    let names = scheduler.broadcast(|_| std::thread::current().name().map(str::to_owned))?;
    let names: Vec<String> = names.into_iter().flatten().collect();
    saw(
        names == ["walk-0", "walk-1", "walk-2"],
        format!("threads {names:?}"),
    )
}

fn load_management() -> Seen {
    let scheduler = Scheduler::builder().workers(1).max_workers(4).start()?;
    let events = scheduler.events();
    scheduler.set_workers(4)?;
    wait_for(&events, |event| match event {
        Event::Scaled { to: 4, .. } => Some(()),
        _ => None,
    })?;
    // Four at a time, or they wait for each other for ever.
    let meeting = TVar::new(0);
    let works = scheduler.put_all((0..4).map(|_| {
        let meeting = meeting.clone();
        move || {
            meeting.update(|met| met + 1);
            hivework::atomically(|tx| check(meeting.read(tx)? == 4))
        }
    }));
    for work in works {
        work.join()?;
    }
    scheduler.set_workers(1)?;
    let left = scheduler.put_work(|| "still here").join()?;
    saw(
        left == "still here" && scheduler.workers() == 1,
        "from 1 worker to 4 and back while it runs",
    )
}

fn profiling() -> Seen {
    let scheduler = Scheduler::builder().workers(2).start()?;
    for work in scheduler.put_all((0..100).map(|n: u64| move || n)) {
        work.join()?;
    }
    let stats = scheduler.stats();
    let run: u64 = stats.workers.iter().map(|worker| worker.run).sum();
    let lines: Vec<String> = stats.workers.iter().map(ToString::to_string).collect();
    saw(run >= 100, lines.join("; "))
}

fn monitoring() -> Seen {
    let scheduler = Scheduler::builder().workers(2).start()?;
    for n in 0..50_u64 {
        let work = make_work(move || (0..1000 * n).sum::<u64>()).name("sum");
        scheduler.put_work(work).join()?;
    }
    let stats = scheduler.stats();
    let sum = stats.names.iter().find(|work| &*work.name == "sum");
    let sum = sum.ok_or("the books do not know the name")?;
    let expected = scheduler.expected("sum").ok_or("nothing was learned")?;
    saw(
        sum.finished == 50,
        format!("50 works called \"sum\"; the next is expected to take {expected:?}"),
    )
}

fn events() -> Seen {
    struct OrderCame(u32);
    let scheduler = Scheduler::builder().workers(2).start()?;
    let (sender, receiver) = mpsc::channel();
    let is_order = |event: &Event| matches!(event, Event::User(event) if event.downcast_ref::<OrderCame>().is_some());
    let _handling = scheduler.on(is_order, move |event| {
        if let Event::User(event) = event {
            if let Some(OrderCame(number)) = event.downcast_ref() {
                // Nobody listens any more once the line has been shown.
                let _ = sender.send(*number);
            }
        }
    });
    // A worker says what happened, and does not put the work that follows from it.
    scheduler
        .put_work(|work: &WorkContext| {
            if let Some(scheduler) = work.scheduler() {
                scheduler.emit(OrderCame(7));
            }
        })
        .join()?;
    let number = receiver.recv_timeout(PATIENCE)?;
    saw(number == 7, "a worker's event became work for another")
}

fn many_on_one_job() -> Seen {
    let scheduler = Scheduler::builder().workers(2).start()?;
    let job = scheduler.put_team(4, |member: &Member<u64>| {
        let mine = member.index() as u64 + 1;
        member.exchange(mine).map(|all| all.iter().sum::<u64>())
    })?;
    let sums = job.join()?;
    let sums = sums.into_iter().collect::<Result<Vec<_>, _>>()?;
    saw(
        sums == [10; 4],
        "four members exchanged their parts: each has the sum of all",
    )
}

fn hardware() -> Seen {
    let workers = make_scheduler().workers();
    let cores = std::thread::available_parallelism()?.get();
    saw(
        (1..=cores).contains(&workers),
        format!("{workers} workers for {cores} cores"),
    )
}

fn priorities() -> Seen {
    let scheduler = Scheduler::builder().workers(1).build()?;
    let order = TVar::new(Vec::new());
    let put = |name: &'static str, priority| {
        let order = order.clone();
        let work = make_work(move || {
            order.update(|mut names| {
                names.push(name);
                names
            })
        });
        scheduler.put_work(work.priority(priority))
    };
    let works = [
        put("can wait", Priority::Low),
        put("normal", Priority::Normal),
        put("urgent", Priority::High),
    ];
    scheduler.start()?;
    for work in works {
        work.join()?;
    }
    let order = order.load();
    saw(order == ["urgent", "normal", "can wait"], order.join(", "))
}

fn time() -> Seen {
    let scheduler = Scheduler::builder().workers(2).start()?;
    let began = Instant::now();
    let later = make_work(move || began.elapsed()).delay(Duration::from_millis(20));
    let later = scheduler.put_work(later).join()?;
    let mut turn = 0;
    let often = Work::every(Duration::from_millis(2), move || {
        turn += 1;
        match turn {
            5 => ControlFlow::Break(turn),
            _ => ControlFlow::Continue(()),
        }
    });
    let turns = scheduler.put_work(often).join()?;
    let never = Work::every(Duration::from_secs(3600), || {}).delay(Duration::from_secs(3600));
    let limited = scheduler.put_work(never.deadline(Duration::from_millis(10)));
    let limited = limited.join();
    saw(
        later >= Duration::from_millis(20)
            && turns == 5
            && matches!(limited, Err(WorkError::DeadlineExceeded)),
        format!("a work after 20 ms (it was {later:?}), one every 2 ms, one with a deadline"),
    )
}

fn waiting() -> Seen {
    let scheduler = Scheduler::builder().workers(1).start()?;
    let stock = TVar::new(0);
    let orders: Vec<_> = (0..1000)
        .map(|_| {
            let stock = stock.clone();
            scheduler.put_transaction(move |tx| {
                check(stock.read(tx)? > 0)?;
                stock.modify(tx, |left| left - 1)
            })
        })
        .collect();
    stock.store(1000);
    for order in orders {
        order.join()?;
    }
    saw(
        stock.load() == 0,
        "1000 orders waited for stock, on one worker",
    )
}

fn forks() -> Seen {
    fn fib(fork: &mut hivework::Fork<'_>, n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (one, other) = fork.join(|fork| fib(fork, n - 1), |fork| fib(fork, n - 2));
        one + other
    }
    let scheduler = make_scheduler();
    let began = Instant::now();
    let number = scheduler.fork(|fork| fib(fork, 25));
    saw(
        number == 75_025,
        format!("fib(25) forked 121392 times in {:?}", began.elapsed()),
    )
}

fn time_slices() -> Seen {
    let scheduler = Scheduler::builder().workers(2).start()?;
    let events = scheduler.events();
    let work = make_work(|work: &WorkContext| {
        while work.checkpoint().is_ok() {
            std::hint::spin_loop();
        }
    });
    let hog = scheduler.put_work(work.name("hog").time_slices(5).cancel_on_overrun());
    let (name, elapsed, stall) = wait_for(&events, |event| match event {
        Event::WorkOverran {
            work,
            elapsed,
            stall,
            ..
        } => Some((work.name, elapsed, stall)),
        _ => None,
    })?;
    let cancelled = matches!(hog.join(), Err(WorkError::Cancelled));
    saw(
        cancelled && name.as_deref() == Some("hog") && stall != Stall::Blocked,
        format!("\"hog\" overran its 5 slices, was seen after {elapsed:?} and told to stop"),
    )
}
