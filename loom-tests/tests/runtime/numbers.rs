//! The numbers of events: what was sent is there for who passes on what came of it.

use std::sync::Arc;

use hivework::internals::Numbers;
use hivework_loom_tests::model;
use hivework_stm::facade::atomic::{AtomicBool, AtomicU64, Ordering};
use hivework_stm::facade::thread;

/// Two threads' lines, with room for one event's number each. What is in them is
/// seen only as far as the numbers order it.
#[derive(Default)]
struct Lines {
    numbers: Numbers,
    first: AtomicU64,
    second: AtomicU64,
    handed_over: AtomicBool,
}

impl Lines {
    fn send(&self, line: &AtomicU64) {
        line.store(self.numbers.take(), Ordering::Relaxed);
    }
}

#[test]
fn what_was_sent_before_is_passed_on_before() {
    model("numbers: two lines against a cut", || {
        let lines = Arc::new(Lines::default());
        let theirs = Arc::clone(&lines);
        let putter = thread::spawn(move || {
            theirs.send(&theirs.first);
            theirs.handed_over.store(true, Ordering::Release);
        });
        let theirs = Arc::clone(&lines);
        let runner = thread::spawn(move || {
            if theirs.handed_over.load(Ordering::Acquire) {
                theirs.send(&theirs.second);
            }
        });
        let cut = lines.numbers.cut();
        let first = lines.first.load(Ordering::Relaxed);
        let second = lines.second.load(Ordering::Relaxed);
        if second != 0 && second <= cut {
            assert!(first != 0 && first < second, "{first}, {second} of {cut}");
        }
        putter.join().unwrap();
        runner.join().unwrap();
    });
}
