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

#[test]
fn after_a_work_the_supervisor_stays_awake_for_the_next() {
    let scheduler = scheduler(1);
    // The first puts wake it; what they leave in the way of news may have it look once or twice.
    for _ in 0..2 {
        let before = scheduler.stats().ticks;
        join(scheduler.put_work(|| ())).unwrap();
        eventually("eight rounds", || scheduler.stats().ticks >= before + 8);
    }
}

/// What all threads of this process but the calling one have cost so far: how often
/// the system has taken them up, and for how many nanoseconds.
#[cfg(target_os = "linux")]
fn costs() -> Vec<(String, String)> {
    let own = std::fs::read_link("/proc/thread-self").unwrap();
    let mut costs = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        if path.file_name() == own.file_name() {
            continue;
        }
        let status = std::fs::read_to_string(path.join("status")).unwrap();
        let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
        let time = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        costs.push((counts.collect(), time));
    }
    costs.sort();
    costs
}

/// The clock is what this is about, so it does wait on it. The process must have
/// nothing else to do: it is another one, with this test alone in it.
#[cfg(target_os = "linux")]
#[test]
fn a_process_whose_schedulers_idle_is_silent() {
    use std::time::Duration;

    const ALONE: &str = "HIVEWORK_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "idling::a_process_whose_schedulers_idle_is_silent",
            ])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(
            child.status.success(),
            "{}",
            String::from_utf8_lossy(&child.stdout)
        );
        return;
    }
    // As often as can be asked for, and as it is by default.
    let scheduler = hivework::Scheduler::builder()
        .workers(4)
        .name("silent")
        .run_interval(Duration::from_micros(1))
        .start()
        .unwrap();
    let other = hivework::make_scheduler();
    for scheduler in [&scheduler, &other] {
        let works = (0..10_000).map(|n| hivework::make_work(move || n));
        for (n, work) in scheduler.put_all(works).into_iter().enumerate() {
            assert_eq!(join(work).unwrap(), n);
        }
    }
    eventually("some seconds of silence", || {
        eventually("all asleep", || doing("silent") == "SSSSS");
        let before = costs();
        std::thread::sleep(Duration::from_secs(3));
        before == costs()
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
