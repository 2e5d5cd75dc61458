use std::panic::{panic_any, resume_unwind};
use std::sync::Arc;
use std::task::Poll;

use hivework::internals::Crash;
use hivework::{Scheduler, WorkContext, WorkError, make_work};
use tracing::subscriber::{set_default, with_default};
use tracing::{Level, Span, info_span};

use super::listener::Listener;
use crate::support::{
    BOUND, builder, eventually, join, latch, receive, scheduler, stopped_scheduler,
};

/// One whose workers have the subscriber as well.
fn heard(listener: &Listener) -> Scheduler {
    let theirs = listener.clone();
    let builder = builder().workers(1).on_thread_start(move |_| {
        // For as long as the thread lives.
        std::mem::forget(set_default(theirs.clone()));
    });
    builder.start().unwrap()
}

#[test]
fn the_span_of_who_puts_work_is_the_parent_of_the_works_span() {
    let listener = Listener::default();
    let scheduler = scheduler(1);
    let (start, started) = latch();
    with_default(listener.clone(), || {
        let request = info_span!("request");
        let mut handle = request
            .in_scope(|| scheduler.put_work(make_work(move || receive(&started)).name("page")));
        drop(request);
        let (number, request) = listener.span("request");
        assert!(!request.closed, "a parent is there for its children");
        start.send(()).unwrap();
        assert!(handle.join_timeout(BOUND).unwrap().is_ok());
        let (_, work) = listener.span("work");
        assert_eq!(work.parent, Some(number));
        assert!(
            work.fields.contains(&"name=\"page\"".to_owned()),
            "{work:?}"
        );
        assert!(work.fields.contains(&"worker=0".to_owned()), "{work:?}");
        assert_eq!((work.entered, work.left, work.closed), (1, 1, true));
        // The handle is still here.
        assert!(listener.span("request").1.closed);
    });
}

#[test]
fn what_a_work_puts_is_below_that_work_and_what_nobody_put_in_a_span_is_a_root() {
    let listener = Listener::default();
    let scheduler = heard(&listener);
    let outer = make_work(|work: &WorkContext| {
        let scheduler = work.scheduler().unwrap();
        // The worker runs it itself, inside of the other.
        scheduler.put_work(|| 7).join()
    });
    let inner = join(scheduler.put_work(outer)).unwrap();
    assert_eq!(inner.unwrap(), 7);
    let works = listener.spans("work");
    let [(number, outer), (_, inner)] = &works[..] else {
        panic!("{works:?}");
    };
    assert_eq!((outer.parent, inner.parent), (None, Some(*number)));
    assert!(outer.closed && inner.closed);
}

#[test]
fn each_turn_of_a_future_is_in_the_same_span() {
    let listener = Listener::default();
    let scheduler = scheduler(2);
    let mut polls = 0;
    let handle = with_default(listener.clone(), || {
        info_span!("request").in_scope(|| {
            scheduler.spawn(std::future::poll_fn(move |task| {
                polls += 1;
                if polls == 3 {
                    return Poll::Ready(polls);
                }
                task.waker().wake_by_ref();
                Poll::Pending
            }))
        })
    });
    assert_eq!(join(handle).unwrap(), 3);
    let (_, work) = listener.span("work");
    assert_eq!((work.entered, work.left, work.closed), (3, 3, true));
}

#[test]
fn a_panic_and_a_crash_leave_the_span_and_close_it() {
    let listener = Listener::default();
    let scheduler = scheduler(1);
    with_default(listener.clone(), || {
        let _request = info_span!("request").entered();
        let handle = scheduler.put_work(|| panic_any("no"));
        assert!(matches!(join(handle), Err(WorkError::Panicked(_))));
        let handle = scheduler.put_work(|| resume_unwind(Box::new(Crash)));
        assert!(matches!(join(handle), Err(WorkError::Lost(_))));
    });
    for (_, work) in listener.spans("work") {
        assert_eq!((work.entered, work.left, work.closed), (1, 1, true));
    }
    assert_eq!(listener.spans("work").len(), 2);
}

#[test]
fn work_that_is_cancelled_before_it_begins_lets_its_parent_go() {
    let listener = Listener::default();
    let scheduler = stopped_scheduler(1);
    with_default(listener.clone(), || {
        let handle = info_span!("request").in_scope(|| scheduler.put_work(|| ()));
        assert!(handle.cancel());
        assert!(listener.span("request").1.closed);
        assert!(listener.spans("work").is_empty());
    });
}

#[test]
fn where_works_have_no_spans_they_run_in_that_of_who_put_them() {
    let listener = Listener {
        is_picky: true,
        ..Listener::default()
    };
    let scheduler = heard(&listener);
    with_default(listener.clone(), || {
        let request = info_span!("request");
        let handle = request.in_scope(|| scheduler.put_work(|| Span::current().id()));
        assert_eq!(join(handle).unwrap(), request.id());
    });
    assert!(listener.spans("work").is_empty());
    let (_, request) = listener.span("request");
    assert!(request.closed && request.entered == request.left);
}

#[test]
fn a_subscriber_that_panics_costs_the_work_and_nothing_else() {
    let listener = Listener {
        panics: true,
        ..Listener::default()
    };
    let scheduler = heard(&listener);
    let handle = scheduler.put_work(|| ());
    assert!(matches!(join(handle), Err(WorkError::Panicked(_))));
    assert_eq!(scheduler.stats().workers[0].run, 1);
    assert_eq!(scheduler.stats().crashed_workers, 0);
}

#[test]
fn what_the_supervisor_has_to_say_is_logged() {
    let listener = Listener::default();
    with_default(listener.clone(), || {
        let scheduler = heard(&listener);
        assert!(listener.has_event(Level::INFO, "Started"));
        assert!(join(scheduler.put_work(|| panic_any("no such page"))).is_err());
        assert!(listener.has_event(Level::WARN, "no such page"));
        scheduler.stop().unwrap();
        assert!(listener.has_event(Level::INFO, "Stopped"));
        assert!(!listener.has_event(Level::DEBUG, "WorkFinished"));
    });
}

#[test]
fn work_is_put_in_a_transaction_below_the_span_around_it() {
    let listener = Listener::default();
    let scheduler = Arc::new(scheduler(1));
    with_default(listener.clone(), || {
        let request = info_span!("request").entered();
        let handle = hivework::atomically(|tx| scheduler.put_work_in(tx, || ()));
        join(handle).unwrap();
        let (_, work) = listener.span("work");
        assert_eq!(work.parent, request.id().map(|id| id.into_u64()));
    });
    eventually("the span's end", || listener.span("request").1.closed);
}
