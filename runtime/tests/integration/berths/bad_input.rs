//! What cannot be is said so, with what to do about it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use hivework::{Backend, BackendError, Berth, BerthsBuilder, BerthsError, TaskId, atomically};

use super::probe::{Probe, Yard, berth};

fn refusal(builder: BerthsBuilder) -> (BerthsError, String) {
    let error = builder.build().expect_err("it is refused");
    let says = error.to_string();
    (error, says)
}

#[test]
fn berths_that_cannot_be_are_refused() {
    let yard = Yard::new();
    let probe = Probe::new("probe");
    let (error, says) = refusal(yard.builder());
    assert!(matches!(error, BerthsError::NoBerths), "{says}");
    assert!(says.contains("add at least one"), "{says}");
    let (error, says) = refusal(yard.builder().berth(Berth::new("one")));
    assert!(matches!(error, BerthsError::NoBackends { .. }), "{says}");
    let (error, says) = refusal(yard.builder().berth(berth("", [&probe])));
    assert!(matches!(error, BerthsError::NoName), "{says}");
    let (error, says) = refusal(yard.builder().berth(berth("one", [&probe, &probe])));
    assert!(
        matches!(error, BerthsError::DuplicateBackend { .. }),
        "{says}"
    );
    let (error, says) = refusal(
        yard.builder()
            .berth(berth("one", [&probe]).timeout(Duration::ZERO)),
    );
    assert!(matches!(error, BerthsError::ZeroTimeout { .. }), "{says}");
    let unknown = Berth::new("one").backend_of("mial");
    let kind = || Probe::new("mail");
    let (error, says) = refusal(yard.builder().kind("mail", kind).berth(unknown));
    assert!(matches!(error, BerthsError::UnknownKind { .. }), "{says}");
    assert!(says.contains("known are [\"mail\"]"), "{says}");
    let twice = yard.builder().kind("mail", kind).kind("mail", kind);
    let (error, says) = refusal(twice.berth(berth("one", [&probe])));
    assert!(matches!(error, BerthsError::DuplicateKind { .. }), "{says}");
}

struct Nameless;

impl Backend for Nameless {
    fn name(&self) -> &str {
        std::panic::resume_unwind(Box::new("who, me?"))
    }

    fn poll(&self) -> Result<Option<TaskId>, BackendError> {
        Ok(None)
    }

    fn start(&self, _: &TaskId) -> Result<(), BackendError> {
        Ok(())
    }
}

#[test]
fn a_backend_that_panics_when_asked_for_its_name_is_an_error() {
    let yard = Yard::new();
    let berth = Berth::new("one").backend(Nameless);
    let (error, says) = refusal(yard.builder().berth(berth));
    assert!(matches!(error, BerthsError::BackendPanicked { .. }));
    assert!(says.contains("who, me?"), "{says}");
    let made = yard.builder().kind("none", || -> Arc<Probe> {
        std::panic::resume_unwind(Box::new("not today"))
    });
    let (error, says) = refusal(made.berth(Berth::new("one").backend_of("none")));
    assert!(
        matches!(error, BerthsError::BackendPanicked { .. }),
        "{says}"
    );
}

#[test]
fn passes_need_a_pause_between_them() {
    let yard = Yard::new();
    let berths = yard.one([&Probe::new("probe")]);
    let refused = berths.schedule_every(Duration::ZERO);
    assert!(matches!(refused, Err(BerthsError::ZeroPeriod)));
}

#[test]
fn inside_a_transaction_no_backend_is_called() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let berths = yard.one([&probe]);
    let tries: [&dyn Fn(); 4] = [
        &|| drop(berths.schedule()),
        &|| drop(berths.keepalive("a")),
        &|| drop(berths.stop("a")),
        &|| drop(berths.inspect()),
    ];
    for one in tries {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            atomically(|_| {
                one();
                Ok(())
            });
        }));
        std::panic::set_hook(hook);
        let said = *caught.unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains("inside a transaction"), "{said}");
    }
    assert_eq!(probe.polls(), 0);
    assert_eq!(berths.schedule().started().count(), 1);
}

#[test]
fn a_time_out_beyond_the_calendar_is_none() {
    let yard = Yard::new();
    let probe = Probe::offering("probe", ["a"]);
    let forever = berth("one", [&probe]).timeout(Duration::MAX);
    let berths = yard.builder().berth(forever).build().unwrap();
    berths.schedule();
    yard.clock.advance(Duration::from_secs(1 << 33));
    assert_eq!(berths.schedule().timed_out().count(), 0);
}
