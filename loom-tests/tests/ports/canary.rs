//! Does the crate reach loom? The same step, whole and torn in two.

use hivework_loom_tests::{canary, model_within};
use hivework_stm::atomically;
use hivework_stm::facade::thread;
use stm_ports::TQueue;

/// Puts a value only into an empty queue. Torn, another's put fits in between.
fn put_if_empty(queue: &TQueue<u8>, torn: bool) {
    if torn {
        if atomically(|tx| queue.is_empty(tx)) {
            queue.put_now(1);
        }
    } else {
        atomically(|tx| {
            if queue.is_empty(tx)? {
                queue.put(tx, 1)?;
            }
            Ok(())
        });
    }
}

/// Two threads put a value if there is none. Answers whether both did.
fn both_put(torn: bool) -> bool {
    let queue = TQueue::new();
    let other = {
        let queue = queue.clone();
        thread::spawn(move || put_if_empty(&queue, torn))
    };
    put_if_empty(&queue, torn);
    other.join().unwrap();
    atomically(|tx| queue.len(tx)) != 1
}

#[test]
fn looking_and_putting_in_one_transaction_is_one_step() {
    model_within(2, "queue: look and put in one transaction", || {
        assert!(!both_put(false));
    });
}

#[test]
fn looking_and_putting_torn_in_two_is_found_out() {
    canary("queue: look and put torn in two", || both_put(true));
}
