//! Criterion over the subjects about transactions.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use hivework_benches::workload;

fn transactions(criterion: &mut Criterion) {
    for mut subject in workload::transactions() {
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

criterion_group!(benches, transactions);
criterion_main!(benches);
