use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use hivework::{
    BuildError, Drained, StopError, WorkError, WorkHandle, atomically, blocking, make_work,
};

use crate::support::{BOUND, block_on, builder, join, scheduler, stopped_scheduler};

fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let payload = match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn zero_workers_are_refused() {
    let error = builder().workers(0).build().unwrap_err();
    assert!(matches!(error, BuildError::NoWorkers));
    assert!(error.to_string().contains("at least one worker"));
}

#[test]
fn too_many_workers_are_refused() {
    let error = builder().workers(usize::MAX).build().unwrap_err();
    assert!(matches!(error, BuildError::TooManyWorkers { .. }));
    assert!(error.to_string().contains("max_workers"));
}

#[test]
fn a_zero_interval_is_refused() {
    let builder = builder().run_interval(Duration::ZERO);
    assert!(matches!(builder.build(), Err(BuildError::ZeroInterval)));
}

#[test]
fn an_endless_interval_is_as_good_as_none() {
    let scheduler = builder()
        .workers(1)
        .run_interval(Duration::MAX)
        .start()
        .unwrap();
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn a_zero_capacity_is_refused() {
    let builder = builder().queue_capacity(0);
    assert!(matches!(builder.build(), Err(BuildError::ZeroCapacity)));
}

#[test]
fn a_name_that_no_thread_can_have_is_refused() {
    let error = builder().name("a\0b").build().unwrap_err();
    assert!(matches!(error, BuildError::BadName(_)));
}

#[test]
fn threads_that_cannot_be_made_are_an_error_and_leave_nothing_behind() {
    // No machine has an address space for this stack.
    let scheduler = builder().workers(2).stack_size(1 << 60).build().unwrap();
    let work = scheduler.put_work(|| 1);
    let error = scheduler.start().unwrap_err();
    assert!(error.to_string().contains("thread"), "{error}");
    assert!(!scheduler.is_running());
    assert!(matches!(
        builder().stack_size(1 << 60).start(),
        Err(BuildError::Start(_))
    ));
    drop(scheduler);
    assert!(matches!(join(work), Err(WorkError::Stopped)));
}

#[test]
fn a_second_start_has_no_effect() {
    let scheduler = scheduler(2);
    scheduler.start().unwrap();
    assert_eq!(scheduler.stats().workers.len(), 2);
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn a_start_from_inside_work_has_no_effect() {
    let scheduler = scheduler(1);
    let inner = scheduler.clone();
    assert!(join(scheduler.put_work(move || inner.start().is_ok())).unwrap());
}

#[test]
fn a_stop_before_the_start_has_no_effect() {
    let scheduler = stopped_scheduler(1);
    scheduler.stop().unwrap();
    scheduler.stop().unwrap();
    assert!(!scheduler.is_running());
    scheduler.start().unwrap();
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn stop_and_drain_from_inside_work_are_errors() {
    let scheduler = scheduler(2);
    let inner = scheduler.clone();
    let (stop, drain) =
        join(scheduler.put_work(move || (inner.stop(), inner.drain(BOUND)))).unwrap();
    assert_eq!(stop, Err(StopError::InsideWork));
    assert_eq!(drain, Err(Drained::InsideWork));
    assert!(scheduler.is_running());
    assert_eq!(join(scheduler.put_work(|| 1)).unwrap(), 1);
}

#[test]
fn a_drain_without_a_run_says_what_is_queued() {
    let scheduler = stopped_scheduler(1);
    assert_eq!(scheduler.drain(BOUND), Ok(()));
    let work = scheduler.put_work(|| 1);
    assert_eq!(
        scheduler.drain(BOUND),
        Err(Drained::NotRunning { queued: 1 })
    );
    scheduler.start().unwrap();
    assert_eq!(join(work).unwrap(), 1);
}

#[test]
fn joining_ones_own_handle_would_deadlock() {
    let scheduler = scheduler(2);
    let (sender, own) = std::sync::mpsc::channel::<WorkHandle<String>>();
    let handle = scheduler.put_work(move || {
        let own = own.recv().unwrap();
        own.join().unwrap_err().to_string()
    });
    let mut shown = None;
    // The result goes to nobody: the handle is inside.
    let mut handle = Some(handle);
    sender.send(handle.take().unwrap()).unwrap();
    let probe = scheduler.put_work(|| ());
    join(probe).unwrap();
    crate::support::eventually("the work ended", || {
        shown = Some(scheduler.stats().finished);
        shown == Some(2)
    });
}

#[test]
fn waiting_for_ones_own_handle_by_any_means_would_deadlock() {
    let scheduler = scheduler(1);
    for form in 0..4 {
        let (sender, own) = std::sync::mpsc::channel::<WorkHandle<()>>();
        let (answer, answered) = std::sync::mpsc::channel();
        let handle = scheduler.put_work(move || {
            let mut own = own.recv().unwrap();
            let error = match form {
                0 => own.join(),
                1 => own.join_timeout(BOUND).unwrap(),
                2 => block_on(own),
                _ => atomically(|tx| own.wait_in(tx)),
            };
            answer.send(error.unwrap_err()).unwrap();
        });
        sender.send(handle).unwrap();
        let error = crate::support::receive(&answered);
        assert!(matches!(error, WorkError::WouldDeadlock), "form {form}");
    }
}

#[test]
fn plain_forms_inside_a_transaction_panic_and_name_the_other() {
    let scheduler = scheduler(1);
    let mut handle = scheduler.put_work(|| 1);
    let inside = |f: &mut dyn FnMut()| {
        panic_of(|| {
            atomically(|_| {
                f();
                Ok(())
            })
        })
    };
    let put_in = "put_work_in";
    assert!(inside(&mut || drop(scheduler.put_work(|| ()))).contains(put_in));
    assert!(inside(&mut || drop(scheduler.try_put_work(|| ()))).contains(put_in));
    assert!(inside(&mut || drop(scheduler.put_batch([|| ()]))).contains(put_in));
    assert!(inside(&mut || drop(scheduler.put_all([|| ()]))).contains(put_in));
    assert!(inside(&mut || drop(handle.join_timeout(BOUND))).contains("wait_in"));
    assert!(inside(&mut || _ = handle.cancel()).contains("cancel_in"));
    assert!(inside(&mut || _ = scheduler.stop()).contains("stop inside a transaction"));
    assert!(inside(&mut || _ = scheduler.drain(BOUND)).contains("drain inside a transaction"));
    assert!(inside(&mut || drop(scheduler.start())).contains("start inside a transaction"));
    assert!(inside(&mut || scheduler.emit(1)).contains("emit_in"));
    assert!(inside(&mut || blocking(|| ())).contains("retry"));
    assert_eq!(join(handle).unwrap(), 1);
}

#[test]
fn waiting_for_work_of_the_same_transaction_panics_and_says_so() {
    let scheduler = scheduler(1);
    let text = panic_of(|| {
        atomically(|tx| {
            let work = scheduler.put_work_in(tx, || 1)?;
            work.wait_in(tx)
        })
    });
    assert!(text.contains("same transaction"), "{text}");
    let stats = scheduler.stats();
    assert_eq!(stats.put, 0, "the put was rolled back");
}

#[test]
fn deadlines_and_timeouts_beyond_the_clock_never_pass() {
    let scheduler = scheduler(1);
    let work = make_work(|| 1).deadline(Duration::MAX);
    let mut work = scheduler.put_work(work);
    assert_eq!(work.join_timeout(Duration::MAX).unwrap().unwrap(), 1);
    scheduler.drain(Duration::MAX).unwrap();
}

#[test]
fn an_outcome_is_handed_out_once() {
    let scheduler = scheduler(1);
    let mut work = scheduler.put_work(|| 1);
    assert_eq!(work.join_timeout(BOUND).unwrap().unwrap(), 1);
    assert!(matches!(work.try_join(), Some(Err(WorkError::Lost(_)))));
    assert!(matches!(work.join(), Err(WorkError::Lost(_))));
}
