//! Criterion over subjects: its warm-up, its statistics, its history in `target/criterion`.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};

use crate::workload::{Scale, Subject};

/// Small where criterion is asked for no more than a test: by its option, or because cargo
/// tests the program instead of benching it.
#[must_use]
pub fn scale() -> Scale {
    let has = |option: &str| std::env::args().any(|argument| argument == option);
    match has("--bench") && !has("--test") {
        true => Scale::Full,
        false => Scale::Small,
    }
}

/// Runs `subjects`, with criterion's options taken from the command line.
pub fn run(subjects: Vec<Subject>) {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for subject in subjects {
        let mut group = criterion.benchmark_group(&subject.name);
        for mut contestant in subject.contestants() {
            let threads = format!("{} thread(s)", contestant.threads);
            group.bench_function(BenchmarkId::new(contestant.name, threads), |bencher| {
                bencher.iter_custom(|operations| contestant.run(operations));
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
