//! Criterion over the subjects about scheduling.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use hivework_benches::workload;

fn scheduling(criterion: &mut Criterion) {
    for mut subject in workload::scheduling() {
        let mut group = criterion.benchmark_group(&subject.name);
        group
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1));
        for contestant in &mut subject.contestants {
            group.bench_function(contestant.name, |bencher| {
                bencher.iter_custom(|operations| contestant.run(operations));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, scheduling);
criterion_main!(benches);
