use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Polled;
use super::lobby::Kind;
use crate::books::Ending;
use crate::work::ends::Fresh;
use crate::work::error::WorkError;
use crate::work::settle;
use crate::work::state::Cancel;

struct Says(Arc<AtomicBool>);

impl Drop for Says {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn what_is_cancelled_as_a_worker_takes_it_is_dropped_by_who_answers_it() {
    let dropped = Arc::new(AtomicBool::new(false));
    let says = Says(Arc::clone(&dropped));
    let future = Box::pin(async move {
        let _says = says;
        pending::<()>().await;
    });
    let fresh = Fresh::of(|head| Polled::new(head, future, Kind::Future));
    let (mut handle, item) = fresh.split();
    item.head().state.commit();
    // Somebody cancels, and has come no further; meanwhile a worker meets the item.
    assert_eq!(item.head().state.cancel(), Cancel::Withdrawn);
    item.run();
    assert!(
        !dropped.load(Ordering::SeqCst),
        "the worker may take as long as it likes over that, and the handle is answered before"
    );
    assert!(!handle.state().is_published());
    settle::publish_unbegun(handle.core(), WorkError::Cancelled, Ending::Cancelled);
    assert!(dropped.load(Ordering::SeqCst));
    assert!(matches!(handle.take(), Err(WorkError::Cancelled)));
}
