use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::{BUCKETS, Histogram, Recorder, bucket, middle};

fn of(values: &[u64]) -> Histogram {
    let recorder = Recorder::default();
    for value in values {
        recorder.record(Duration::from_nanos(*value));
    }
    recorder.read()
}

/// Any number of bits is as likely as any other.
fn durations() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(bits, shift)| bits >> shift)
}

/// Within a 32nd of what it should be?
fn is_close(answer: Duration, exact: u64) -> bool {
    let answer = u64::try_from(answer.as_nanos()).unwrap();
    answer.abs_diff(exact) <= exact / 32
}

#[test]
fn the_first_and_the_last_have_buckets() {
    assert_eq!(bucket(0), 0);
    assert_eq!(bucket(15), 15);
    assert_eq!(bucket(16), 16);
    assert_eq!(bucket(31), 31);
    assert_eq!(bucket(32), 32);
    assert_eq!(bucket(33), 32);
    assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    for each in 0..BUCKETS {
        assert_eq!(bucket(middle(each)), each);
    }
}

#[test]
fn nothing_recorded_has_no_figures() {
    let none = of(&[]);
    assert_eq!((none.count(), none.is_empty()), (0, true));
    assert_eq!((none.min(), none.max(), none.mean()), (None, None, None));
    assert_eq!(none.quantile(0.5), None);
    assert_eq!(none.to_string(), "none");
}

#[test]
fn known_durations_have_known_quantiles() {
    let micros: Vec<_> = (1..=1000).map(|micro| micro * 1000).collect();
    let histogram = of(&micros);
    assert_eq!(histogram.count(), 1000);
    assert_eq!(histogram.min(), Some(Duration::from_micros(1)));
    assert_eq!(histogram.max(), Some(Duration::from_millis(1)));
    assert_eq!(histogram.mean(), Some(Duration::from_nanos(500_500)));
    for (share, micros) in [(0.5, 500), (0.9, 900), (0.99, 990), (0.999, 999)] {
        assert!(is_close(histogram.quantile(share).unwrap(), micros * 1000));
    }
}

#[test]
fn shares_that_are_none_are_answered() {
    let histogram = of(&[10, 20, 30]);
    assert_eq!(histogram.quantile(-1.0), histogram.min());
    assert_eq!(histogram.quantile(f64::INFINITY), histogram.max());
    assert_eq!(histogram.quantile(f64::NAN), None);
}

#[test]
fn a_duration_beyond_the_last_bucket_is_in_it() {
    let recorder = Recorder::default();
    recorder.record(Duration::MAX);
    assert_eq!(recorder.read().max(), Some(Duration::from_nanos(u64::MAX)));
}

#[test]
fn several_threads_lose_nothing() {
    let recorder = Recorder::default();
    thread::scope(|scope| {
        for thread in 1..=4_u64 {
            let recorder = &recorder;
            scope.spawn(move || {
                for _ in 0..50 {
                    recorder.record(Duration::from_nanos(thread));
                    let seen = recorder.read();
                    assert!(seen.min() <= seen.mean() && seen.mean() <= seen.max());
                }
            });
        }
    });
    let all = recorder.read();
    assert_eq!(all.count(), 200);
    assert_eq!(all.mean(), Some(Duration::from_nanos(2)));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 128 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_value_is_close_to_the_middle_of_its_bucket(value in durations()) {
        prop_assert!(is_close(Duration::from_nanos(middle(bucket(value))), value));
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_durations(
        values in prop::collection::vec(durations(), 1..200),
        share in 0.0..=1.0_f64,
    ) {
        let histogram = of(&values);
        let mut sorted = values;
        sorted.sort_unstable();
        let rank = ((share * sorted.len() as f64).ceil() as usize).max(1);
        prop_assert!(is_close(histogram.quantile(share).unwrap(), sorted[rank - 1]));
        prop_assert_eq!(histogram.min(), Some(Duration::from_nanos(sorted[0])));
        prop_assert_eq!(histogram.max(), sorted.last().copied().map(Duration::from_nanos));
        prop_assert_eq!(histogram.count(), sorted.len() as u64);
    }

    #[test]
    fn two_together_are_as_one(
        some in prop::collection::vec(0..1_u64 << 50, 0..50),
        more in prop::collection::vec(0..1_u64 << 50, 0..50),
    ) {
        let mut sum = of(&some);
        sum.add(&of(&more));
        prop_assert_eq!(sum, of(&[some, more].concat()));
    }
}
