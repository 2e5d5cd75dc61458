#[cfg(target_os = "linux")]
use crate::support::{builder, doing};
use crate::support::{eventually, join, scheduler};

/// How often threads of this process whose name begins so have been put to
/// sleep and taken up again, as far as the system tells.
#[cfg(target_os = "linux")]
fn switches(name: &str) -> Option<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let path = task.ok()?.path();
        let Ok(comm) = std::fs::read_to_string(path.join("comm")) else {
            continue;
        };
        if comm.starts_with(name) {
            let status = std::fs::read_to_string(path.join("status")).ok()?;
            let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
            sum += counts
                .filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok())
                .sum::<u64>();
        }
    }
    Some(sum)
}

#[cfg(target_os = "linux")]
#[test]
fn workers_sleep_when_there_is_nothing_to_do() {
    let scheduler = builder().workers(2).name("sleeper").start().unwrap();
    join(scheduler.put_work(|| ())).unwrap();
    // Two workers and the supervisor.
    eventually("all asleep", || doing("sleeper") == "SSS");
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_scheduler_wakes_nobody() {
    use std::time::Duration;

    let idler = builder().workers(2).name("idler").start().unwrap();
    join(idler.put_work(|| ())).unwrap();
    // Busy means a wake-up every millisecond. Idle means none: two looks, some
    // hundred ticks apart, must see the same count. What precedes (the last
    // searches, the last tick) ends soon, so some pair does.
    eventually("two looks without a wake-up between", || {
        let before = switches("idler");
        std::thread::park_timeout(Duration::from_millis(100));
        before == switches("idler")
    });
}

#[cfg(target_os = "linux")]
#[test]
fn works_that_are_set_aside_wake_nobody() {
    use std::time::Duration;

    let scheduler = builder().workers(2).name("waiter").start().unwrap();
    let future = scheduler.spawn(std::future::pending::<()>());
    let never = hivework::TVar::new(false);
    let transaction = scheduler.put_transaction(move |tx| hivework::check(never.read(tx)?));
    eventually("both wait", || scheduler.stats().waiting == 2);
    // As above.
    eventually("two looks without a wake-up between", || {
        let before = switches("waiter");
        std::thread::park_timeout(Duration::from_millis(100));
        before == switches("waiter")
    });
    assert!(future.cancel() && transaction.cancel());
}

#[test]
fn a_scheduler_that_slept_wakes_for_the_next_work() {
    let scheduler = scheduler(2);
    for n in 0..200 {
        eventually("all asleep", || {
            let stats = scheduler.stats();
            stats.running == 0 && stats.queued == 0
        });
        assert_eq!(join(scheduler.put_work(move || n)).unwrap(), n);
    }
}
