//! The parallel functions beside the standard library's sequential ones. These tests run
//! twice: here, where somebody is hungry when it comes so; and as unit tests of the crate,
//! in a build that pretends so again and again.

use std::cell::Cell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use hivework::{
    Scheduler, join, par_all, par_any, par_count, par_find_any, par_find_first, par_for_each,
    par_map, par_map_reduce, par_reduce, par_sort, par_sort_by, par_sort_by_key, par_sort_unstable,
    par_sort_unstable_by, par_sort_unstable_by_key,
};
use proptest::prelude::*;

/// An interpreter gets less to do.
const MANY: usize = if cfg!(miri) { 100 } else { 40_000 };

/// So many that sorting divides them, where an interpreter does it.
const FEW: usize = 70;

/// Outside of any pool, on one that does not run, where this thread does all by itself, on one
/// that does, and twice at once on that.
fn everywhere(test: impl Fn() + Sync) {
    test();
    let scheduler = Scheduler::builder().workers(3).build().unwrap();
    scheduler.install(&test);
    if !cfg!(miri) {
        scheduler.start().unwrap();
        scheduler.install(&test);
        scheduler.install(|| join(&test, &test));
    }
}

/// Numbers without a visible order, the same each time.
fn numbers(count: usize) -> Vec<u64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        })
        .collect()
}

/// So long that whoever waits beside it becomes hungry.
fn dawdle() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(20) {
        std::hint::spin_loop();
    }
}

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    panic.downcast_ref::<String>().unwrap().clone()
}

/// How many values of a test live.
#[derive(Default)]
struct Census(AtomicUsize);

struct Counted<'a, T>(&'a Census, T);

impl Census {
    fn count<T>(&self, value: T) -> Counted<'_, T> {
        self.0.fetch_add(1, SeqCst);
        Counted(self, value)
    }

    fn living(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl<T> Drop for Counted<'_, T> {
    fn drop(&mut self) {
        let before = self.0.0.fetch_sub(1, SeqCst);
        assert!(before > 0, "a value is dropped twice");
    }
}

#[test]
fn a_map_keeps_the_order() {
    everywhere(|| {
        for count in [0, 1, 2, 3, 63, 64, 65, 1000, MANY] {
            let items = numbers(count);
            let expected: Vec<String> = items.iter().map(u64::to_string).collect();
            assert_eq!(par_map(&items, u64::to_string), expected);
        }
    });
}

#[test]
fn a_map_of_uneven_items_keeps_the_order() {
    everywhere(|| {
        let results = par_map(0..MANY / 100, |x| {
            if x % 17 == 0 {
                dawdle();
            }
            x
        });
        assert!(results.into_iter().eq(0..MANY / 100));
    });
}

#[test]
fn results_without_size_are_counted() {
    everywhere(|| {
        let census = Census::default();
        let calls = par_map(0..MANY, |_| ());
        assert_eq!(calls.len(), MANY);
        let guards = par_map(0..100, |_| census.count(()));
        assert_eq!((guards.len(), census.living()), (100, 100));
        drop(guards);
        assert_eq!(census.living(), 0);
        assert_eq!(par_count(&vec![(); MANY], |()| true), MANY);
    });
}

#[test]
fn all_inputs_are_taken() {
    let array = [1, 2, 3];
    let mut vec = vec![1_u8, 2, 3];
    assert_eq!(par_map(&array, |x| x * 2), [2, 4, 6]);
    assert_eq!(par_map(&vec, |x| x * 2), [2, 4, 6]);
    assert_eq!(par_map(&array[1..], |x| x * 2), [4, 6]);
    par_for_each(&mut vec, |x| *x += 1);
    par_for_each(&mut vec[..2], |x| *x += 1);
    assert_eq!(vec, [3, 4, 4]);
    let mut array = [5; 4];
    par_for_each((&mut array, 0..10), |(place, at)| *place += at);
    assert_eq!(array, [5, 6, 7, 8]);
    assert_eq!(
        par_map((&array, (0..2, &vec)), |(a, (b, c))| (*a, b, *c)),
        [(5, 0, 3), (6, 1, 4)]
    );
}

#[test]
fn a_range_has_the_values_of_its_type_and_no_others() {
    everywhere(|| {
        assert!(
            par_map(i8::MIN..=i8::MAX, |x| x)
                .into_iter()
                .eq(i8::MIN..=i8::MAX)
        );
        assert!(
            par_map(u8::MIN..u8::MAX, |x| x)
                .into_iter()
                .eq(u8::MIN..u8::MAX)
        );
        assert!(par_map(-300..300_i16, |x| x).into_iter().eq(-300..300));
        assert!(
            par_map(u64::MAX - 200..=u64::MAX, |x| x)
                .into_iter()
                .eq(u64::MAX - 200..=u64::MAX)
        );
        let backwards = [5, -5];
        assert!(par_map(backwards[0]..backwards[1], |x| x).is_empty());
        assert!(par_map(backwards[0]..=backwards[1], |x| x).is_empty());
        assert_eq!(par_map(7..=7_usize, |x| x), [7]);
    });
}

#[test]
fn a_search_through_everything_ends_where_it_finds() {
    everywhere(|| {
        assert_eq!(par_find_first(0..=u64::MAX, |&x| x >= 5000), Some(5000));
        assert_eq!(par_find_first(0..u64::MAX, |&x| x % 10 == 9), Some(9));
        assert_eq!(
            par_find_first(i64::MIN..=i64::MAX, |&x| x > i64::MIN + 700),
            Some(i64::MIN + 701)
        );
        assert!(par_find_any(0..=u64::MAX, |&x| x % 1000 == 999).is_some_and(|x| x % 1000 == 999));
        assert!(par_any(0..u64::MAX, |x| x == 1234));
        assert!(!par_all(isize::MIN..=isize::MAX, |x| x < isize::MIN + 1234));
    });
}

#[test]
fn a_search_answers_what_a_loop_does() {
    everywhere(|| {
        let items = numbers(MANY);
        for divisor in [2, 100, 10_000, 1 << 40] {
            let hit = |x: &&u64| **x % divisor == 0;
            let expected = items.iter().find(hit);
            assert_eq!(par_find_first(&items, hit), expected);
            assert_eq!(par_find_any(&items, hit).is_some(), expected.is_some());
            assert_eq!(par_any(&items, |x| hit(&x)), expected.is_some());
            assert_eq!(par_all(&items, |x| !hit(&x)), expected.is_none());
            assert_eq!(
                par_count(&items, |x| hit(&x)),
                items.iter().filter(hit).count()
            );
        }
    });
}

#[test]
fn the_first_is_answered_even_if_others_are_found_before() {
    everywhere(|| {
        let found = par_find_first(0..MANY / 100, |&x| {
            if x < 200 {
                dawdle();
            }
            x % 100 == 99
        });
        assert_eq!(found, (MANY / 100 > 99).then_some(99));
    });
}

#[test]
fn an_empty_input_has_neutral_answers() {
    let none: &[String] = &[];
    assert!(par_map(none, String::len).is_empty());
    par_for_each(none, |_| unreachable!());
    assert_eq!(par_reduce(none, |_, _| unreachable!()), None);
    assert_eq!(par_find_any(none, |_| true), None);
    assert_eq!(par_find_first(none, |_| true), None);
    assert!(!par_any(none, |_| true));
    assert!(par_all(none, |_| false));
    assert_eq!(par_count(none, |_| true), 0);
    par_sort::<String>(&mut []);
    par_sort_unstable::<String>(&mut []);
}

#[test]
fn a_reduction_combines_from_left_to_right() {
    everywhere(|| {
        let expected: String = (0..MANY / 10).map(|x| x.to_string()).collect();
        let line = par_map_reduce(0..MANY / 10, |x| x.to_string(), |a, b| a + &b);
        assert_eq!(line, Some(expected));
        let sum = (MANY as u64 - 1) * MANY as u64 / 2;
        assert_eq!(par_reduce(0..MANY as u64, |a, b| a + b), Some(sum));
        assert_eq!(par_reduce(3..4, |_, _| unreachable!()), Some(3));
    });
}

#[test]
fn each_item_is_visited_once() {
    everywhere(|| {
        let mut visits = vec![0; MANY];
        par_for_each(&mut visits, |visits| *visits += 1);
        assert!(visits.iter().all(|visits| *visits == 1));
    });
}

#[test]
fn a_panic_in_a_map_drops_every_result_once() {
    everywhere(|| {
        let count = if cfg!(miri) { 40 } else { 300 };
        for last in [0, 1, 10, 100, 290]
            .into_iter()
            .filter(|last| *last < count)
        {
            let census = Census::default();
            let map = || {
                par_map(0..count, |x| {
                    assert!(x != last, "no more after {x}");
                    census.count(x.to_string())
                })
            };
            let panic = catch_unwind(AssertUnwindSafe(map)).err().unwrap();
            assert_eq!(message(panic), format!("no more after {last}"));
            assert_eq!(census.living(), 0);
        }
    });
}

#[test]
fn a_panic_in_a_reduction_drops_every_result_once() {
    everywhere(|| {
        let count = if cfg!(miri) { 40 } else { 300 };
        for last in [1, 2, 100, 299].into_iter().filter(|last| *last < count) {
            let census = Census::default();
            let reduce = || {
                par_map_reduce(
                    0..count,
                    |x| census.count(x),
                    |a, b| {
                        assert!(b.1 < last, "no more after {last}");
                        census.count(a.1.max(b.1))
                    },
                )
            };
            let panic = catch_unwind(AssertUnwindSafe(reduce)).err().unwrap();
            assert_eq!(message(panic), format!("no more after {last}"));
            assert_eq!(census.living(), 0);
        }
    });
}

#[test]
fn a_panic_in_a_search_arrives() {
    everywhere(|| {
        let at = if cfg!(miri) { 50 } else { 500 };
        let panicking = || {
            par_any(
                0..2 * at,
                |x| if x == at { panic!("at {x}") } else { false },
            )
        };
        let panic = catch_unwind(panicking).err().unwrap();
        assert_eq!(message(panic), format!("at {at}"));
    });
}

#[test]
fn loops_nest() {
    const SIDE: u64 = if cfg!(miri) { 8 } else { 50 };
    everywhere(|| {
        let table = par_map(0..SIDE, |x| par_map(0..SIDE, |y| x * y));
        for (x, line) in (0..).zip(&table) {
            assert!(line.iter().copied().eq((0..SIDE).map(|y| x * y)));
        }
    });
}

/// What each kind of slice makes of the sorts.
fn slices(count: usize) -> Vec<Vec<u64>> {
    let random = numbers(count);
    let mut almost: Vec<u64> = (0..count as u64).collect();
    almost.swap(count / 3, count / 2);
    let (mut late, mut early) = (almost.clone(), almost.clone());
    late.push(0);
    early.insert(0, u64::MAX);
    vec![
        random.iter().map(|x| x % 16).collect(),
        random.iter().map(|x| x % 2).collect(),
        random,
        (0..count as u64).collect(),
        (0..count as u64).rev().collect(),
        (0..count as u64).rev().map(|x| x / 3).collect(),
        vec![7; count],
        (0..count as u64).map(|x| x.min(count as u64 - x)).collect(),
        (0..count as u64).map(|x| x % 1000).collect(),
        almost,
        late,
        early,
    ]
}

#[test]
fn sorts_answer_what_the_standard_library_does() {
    everywhere(|| {
        let counts = [FEW, 2, 3, 31, 33, 200, MANY / 3, MANY];
        for &count in &counts[..if cfg!(miri) { 1 } else { 8 }] {
            for slice in slices(count) {
                let mut expected = slice.clone();
                expected.sort();
                let mut sorted = slice.clone();
                par_sort(&mut sorted);
                assert!(sorted == expected);
                let mut sorted = slice;
                par_sort_unstable(&mut sorted);
                assert!(sorted == expected);
            }
        }
    });
}

#[test]
fn stable_sorts_keep_equal_items_in_order() {
    everywhere(|| {
        for slice in slices(MANY) {
            let mut numbered: Vec<(u64, usize)> = slice.into_iter().zip(0..).collect();
            par_sort_by_key(&mut numbered, |item| item.0 / 4);
            assert!(numbered.is_sorted_by_key(|item| (item.0 / 4, item.1)));
            par_sort_by(&mut numbered, |one, other| (other.0 / 8).cmp(&(one.0 / 8)));
            assert!(numbered.is_sorted_by(|one, next| {
                (next.0 / 8, one.0 / 4, one.1) <= (one.0 / 8, next.0 / 4, next.1)
            }));
        }
    });
}

#[test]
fn items_that_own_memory_are_sorted() {
    everywhere(|| {
        let words: Vec<String> = numbers(MANY / 5).iter().map(u64::to_string).collect();
        let mut expected = words.clone();
        expected.sort();
        let mut sorted = words.clone();
        par_sort(&mut sorted);
        assert!(sorted == expected);
        let mut sorted = words;
        par_sort_unstable_by(&mut sorted, |one, other| other.cmp(one));
        expected.reverse();
        assert!(sorted == expected);
        par_sort_unstable_by_key(&mut sorted, String::len);
        assert!(sorted.is_sorted_by_key(String::len));
    });
}

#[test]
fn items_without_size_are_sorted() {
    let mut items = vec![(); 10_000];
    par_sort(&mut items);
    par_sort_unstable(&mut items);
    assert_eq!(items.len(), 10_000);
}

/// A sort by some comparison.
type Sort<'a, T> = &'a (dyn Fn(&mut [T], &(dyn Fn(&T, &T) -> Ordering + Sync)) + Sync);

fn both_sorts<T: Send>(test: impl Fn(Sort<'_, T>)) {
    test(&|items, compare| par_sort_by(items, compare));
    test(&|items, compare| par_sort_unstable_by(items, compare));
}

#[test]
fn a_comparison_that_panics_leaves_every_item_there() {
    let count = if cfg!(miri) { FEW } else { 5000 };
    everywhere(|| {
        let lasts = if cfg!(miri) {
            &[1, 150, 350][..]
        } else {
            &[0, 1, 2, 50, 200, 1000, 5000, 20_000, 40_000, 60_000, 61_000]
        };
        for &last in lasts {
            let census = Census::default();
            both_sorts(|sort| {
                let mut items: Vec<_> = numbers(count)
                    .into_iter()
                    .map(|x| census.count(Box::new(x)))
                    .collect();
                let comparisons = AtomicUsize::new(0);
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    sort(&mut items, &|one, other| {
                        assert!(comparisons.fetch_add(1, SeqCst) != last, "enough");
                        one.1.cmp(&other.1)
                    });
                }));
                assert!(outcome.is_err() || comparisons.load(SeqCst) <= last);
                let mut there: Vec<u64> = items.iter().map(|item| *item.1).collect();
                let mut expected = numbers(count);
                there.sort();
                expected.sort();
                assert!(there == expected);
                drop(items);
                assert_eq!(census.living(), 0);
            });
        }
    });
}

#[test]
fn a_comparison_without_sense_leaves_every_item_there() {
    let count = if cfg!(miri) { FEW } else { 5000 };
    everywhere(|| {
        for seed in 1..if cfg!(miri) { 2 } else { 20 } {
            both_sorts(|sort| {
                let mut items: Vec<Box<u64>> = numbers(count).into_iter().map(Box::new).collect();
                let calls = AtomicUsize::new(seed);
                // It may panic, as the standard library's may.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    sort(&mut items, &|_, _| match calls
                        .fetch_add(1, SeqCst)
                        .wrapping_mul(0x9E37_79B9)
                        >> 13
                        & 3
                    {
                        0 => Ordering::Equal,
                        1 => Ordering::Less,
                        _ => Ordering::Greater,
                    });
                }));
                items.sort();
                let mut expected = numbers(count);
                expected.sort();
                assert!(items.iter().map(|item| **item).eq(expected));
            });
        }
    });
}

#[test]
fn what_comparisons_change_in_an_item_stays() {
    let count = if cfg!(miri) { FEW } else { 20_000 };
    everywhere(|| {
        for last in [count, 8 * count, usize::MAX] {
            both_sorts(|sort| {
                // Each comparison replaces what it looks at, so a copy that is out of date
                // would own what was freed.
                let mut items: Vec<(u64, Cell<Box<usize>>)> = numbers(count)
                    .into_iter()
                    .map(|x| (x, Cell::new(Box::new(0))))
                    .collect();
                let comparisons = AtomicUsize::new(0);
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    sort(&mut items, &|one, other| {
                        assert!(comparisons.fetch_add(1, SeqCst) < last, "enough");
                        for item in [one, other] {
                            let looks = *item.1.replace(Box::new(0)) + 1;
                            item.1.set(Box::new(looks));
                        }
                        one.0.cmp(&other.0)
                    });
                }));
                let looks: usize = items.into_iter().map(|item| *item.1.into_inner()).sum();
                if outcome.is_ok() {
                    assert_eq!(looks, 2 * comparisons.into_inner());
                }
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 64 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_the_items_the_answers_are_those_of_a_loop(
        items in prop::collection::vec(0..50_u8, 0..400),
        wanted in 0..50_u8,
    ) {
        let found = items.iter().find(|x| **x == wanted);
        prop_assert_eq!(par_find_first(&items, |x| **x == wanted), found);
        prop_assert_eq!(par_find_any(&items, |x| **x == wanted), found);
        prop_assert_eq!(par_reduce(&items, |a, b| a.max(b)), items.iter().max());
        let mut numbered: Vec<_> = items.iter().copied().zip(0..).collect();
        let mut expected = numbered.clone();
        expected.sort_by_key(|item| item.0);
        par_sort_by_key(&mut numbered, |item| item.0);
        prop_assert_eq!(numbered, expected);
        let (mut sorted, mut expected) = (items.clone(), items);
        expected.sort_unstable();
        par_sort_unstable(&mut sorted);
        prop_assert_eq!(sorted, expected);
    }
}
