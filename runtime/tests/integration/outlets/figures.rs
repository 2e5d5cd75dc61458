use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use std::time::Duration;

use hivework::{LocalTransport, Priority, TVar, blocking, make_work};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    Unit, with_local_recorder,
};

use crate::support::{builder, eventually, join, latch, receive};

type Figures = Arc<Mutex<BTreeMap<String, f64>>>;

/// Keeps what it is told, by name and labels.
#[derive(Default)]
struct Ledger(Figures);

struct Entry {
    figures: Figures,
    key: String,
}

impl Entry {
    fn write(&self, value: f64) {
        let mut figures = self.figures.lock().unwrap();
        figures.insert(self.key.clone(), value);
    }
}

impl CounterFn for Entry {
    fn increment(&self, _: u64) {
        panic!("figures are told as they are");
    }

    fn absolute(&self, value: u64) {
        self.write(value as f64);
    }
}

impl GaugeFn for Entry {
    fn increment(&self, _: f64) {
        panic!("figures are told as they are");
    }

    fn decrement(&self, _: f64) {
        panic!("figures are told as they are");
    }

    fn set(&self, value: f64) {
        self.write(value);
    }
}

impl Ledger {
    fn entry(&self, key: &Key) -> Arc<Entry> {
        let labels = key.labels();
        let labels: Vec<_> = labels
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        Arc::new(Entry {
            figures: Arc::clone(&self.0),
            key: format!("{} {}", key.name(), labels.join(" ")),
        })
    }
}

impl Recorder for Ledger {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.entry(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.entry(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn the_books_are_what_the_recorder_is_told() {
    let scheduler = builder().workers(2).name("bakery").start().unwrap();
    for count in 0..10 {
        let work = make_work(move || assert!(count != 3, "burnt"));
        assert_eq!(join(scheduler.put_work(work)).is_err(), count == 3);
    }
    scheduler.stop().unwrap();
    let oven = TVar::new(0);
    oven.store(1);

    let ledger = Ledger::default();
    with_local_recorder(&ledger, || {
        scheduler.record_metrics();
        scheduler.record_metrics();
    });
    let figures = ledger.0.lock().unwrap();
    let figure = |key: &str| figures[key];
    assert_eq!(figure("hivework_works_put_total scheduler=bakery"), 10.0);
    assert_eq!(
        figure("hivework_works_finished_total scheduler=bakery"),
        9.0
    );
    assert_eq!(
        figure("hivework_works_panicked_total scheduler=bakery"),
        1.0
    );
    assert_eq!(figure("hivework_works_queued scheduler=bakery"), 0.0);
    let run = |worker| {
        figure(&format!(
            "hivework_worker_run_total scheduler=bakery worker={worker}"
        ))
    };
    assert_eq!(run(0) + run(1), 10.0);
    assert!(figure("hivework_transactions_committed_total ") > 0.0);
}

#[test]
fn workers_names_and_queues_are_told_apart_by_their_labels() {
    // Of what another transport still carries a queue knows nothing.
    let builder = builder().transport(LocalTransport);
    let builder = builder.workers(1).max_workers(4).name("kiln");
    let scheduler = builder.start().unwrap();
    let odd = "a \"bad\\ \u{1}\nname\u{e9}";
    // A spare runs it, whose number is not that of its place on the list.
    let (open, gate) = latch();
    let waits = scheduler.put_work(move || blocking(|| receive::<()>(&gate)));
    eventually("it is away", || scheduler.stats().blocked_workers == 1);
    join(scheduler.put_work(make_work(|| ()).name(odd))).unwrap();
    open.send(()).unwrap();
    join(waits).unwrap();
    scheduler.stop().unwrap();
    let _later = scheduler.put_work(make_work(|| ()).delay(Duration::from_secs(60)));
    let _urgent = scheduler.put_work(make_work(|| ()).priority(Priority::High));

    let ledger = Ledger::default();
    with_local_recorder(&ledger, || scheduler.record_metrics());
    let figures = ledger.0.lock().unwrap();
    let figure = |name: &str, labels: &str| figures[&format!("{name} scheduler=kiln{labels}")];
    for worker in [0, 4] {
        let label = format!(" worker={worker}");
        assert_eq!(figure("hivework_worker_run_total", &label), 1.0);
        assert!(figure("hivework_worker_busy_seconds", &label) > 0.0);
        figure("hivework_worker_parked_seconds", &label);
    }
    assert!(figure("hivework_worker_away_seconds", " worker=0") > 0.0);
    let name = format!(" name={odd}");
    assert_eq!(figure("hivework_name_put_total", &name), 1.0);
    assert_eq!(figure("hivework_name_finished_total", &name), 1.0);
    assert_eq!(figure("hivework_name_panicked_total", &name), 0.0);
    let expected = scheduler.expected(odd).unwrap().as_secs_f64();
    assert_eq!(figure("hivework_name_expected_seconds", &name), expected);
    assert!(figure("hivework_name_run_time_p99_seconds", &name) > 0.0);
    assert!(figure("hivework_name_run_time_median_seconds", &name) > 0.0);
    assert_eq!(figure("hivework_works_delayed", ""), 1.0);
    figure("hivework_works_overran_total", "");
    assert_eq!(figure("hivework_periods_skipped_total", ""), 0.0);
    assert!(figure("hivework_supervisor_ticks_total", "") > 0.0);
    assert_eq!(figure("hivework_queue_depth", " priority=high"), 1.0);
    assert_eq!(figure("hivework_queue_depth", " priority=low"), 0.0);
    assert_eq!(
        figure("hivework_queue_oldest_seconds", " priority=low"),
        0.0
    );
}
