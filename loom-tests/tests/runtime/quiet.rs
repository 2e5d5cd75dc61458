//! The drain's wait: the end of the last work is seen.

use std::sync::Arc;

use hivework::internals::Quiet;
use hivework_loom_tests::model;
use hivework_stm::facade::atomic::{AtomicU64, Ordering, fence};
use hivework_stm::facade::thread;

#[test]
fn the_end_of_the_last_work_reaches_the_drain() {
    model("quiet: wait against the last end", || {
        let shared = Arc::new((Quiet::new(), AtomicU64::new(2)));
        let workers = [(); 2].map(|()| {
            let theirs = Arc::clone(&shared);
            thread::spawn(move || {
                theirs.1.fetch_sub(1, Ordering::Release);
                // On the way to sleep.
                fence(Ordering::SeqCst);
                theirs.0.tell();
            })
        });
        shared.0.wait(None, || shared.1.load(Ordering::Acquire));
        assert_eq!(shared.1.load(Ordering::Acquire), 0);
        for worker in workers {
            worker.join().unwrap();
        }
    });
}
