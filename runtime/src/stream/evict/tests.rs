use hivework_stm::atomically;
use proptest::prelude::*;

use super::{Running, Seat};

/// What may happen to those that run.
#[derive(Clone, Debug)]
enum Step {
    Enter(i32),
    /// A job of this priority wants a slot.
    Rival(i32),
    /// The one in this place of the list leaves, whether it was asked to or not.
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (-2..3_i32).prop_map(Step::Enter),
        (-3..4_i32).prop_map(Step::Rival),
        any::<usize>().prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 0..60)
}

/// A job in the model: what it runs as, and whether it has been asked to leave.
#[derive(Debug)]
struct Job {
    number: usize,
    priority: i32,
    seat: Seat,
    asked: bool,
}

/// The rule, written down as it is told: of those not asked, strictly below the rival, the lowest
/// priority; of several the one that started first.
fn worst(jobs: &[Job], rival: i32) -> Option<usize> {
    let below = |job: &&Job| !job.asked && job.priority < rival;
    let candidates = jobs.iter().filter(below);
    let worst = candidates.min_by_key(|job| (job.priority, job.number))?;
    Some(worst.number)
}

/// As a drawing asks.
fn asked<J: Clone + Send + Sync + 'static>(running: &Running<J>, rival: i32) -> Option<J> {
    atomically(|tx| match running.worst(tx)? {
        Some(worst) if worst < rival => running.victim(tx),
        _ => Ok(None),
    })
}

proptest! {
    #[test]
    fn the_one_that_leaves_is_strictly_the_worst_and_of_several_the_first_that_started(
        steps in steps()
    ) {
        let running = Running::new();
        let mut jobs: Vec<Job> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Enter(priority) => {
                    let seat = atomically(|tx| running.enter(tx, priority, number));
                    jobs.push(Job { number, priority, seat, asked: false });
                }
                Step::Rival(rival) => {
                    let victim = asked(&running, rival);
                    prop_assert_eq!(victim, worst(&jobs, rival));
                    for job in jobs.iter_mut().filter(|job| Some(job.number) == victim) {
                        job.asked = true;
                    }
                }
                Step::Leave(place) if !jobs.is_empty() => {
                    let job = jobs.remove(place % jobs.len());
                    atomically(|tx| running.leave(tx, job.seat));
                }
                Step::Leave(_) => {}
            }
            let leaving = atomically(|tx| running.leaving(tx));
            prop_assert_eq!(leaving, jobs.iter().filter(|job| job.asked).count());
        }
    }
}

#[test]
fn an_equal_puts_nobody_out() {
    let running = Running::new();
    atomically(|tx| running.enter(tx, 3, "equal"));
    assert_eq!(asked(&running, 3), None);
    assert_eq!(asked(&running, 4), Some("equal"));
}

#[test]
fn a_finished_job_does_not_remove_another_of_equal_priority() {
    let running = Running::new();
    let seats = ["one", "other"].map(|job| atomically(|tx| running.enter(tx, 3, job)));
    atomically(|tx| running.leave(tx, seats[1]));
    assert_eq!(asked(&running, 9), Some("one"));
    assert_eq!(asked(&running, 9), None);
}

#[test]
fn what_a_rolled_back_drawing_has_asked_has_not_been_asked() {
    let running = Running::new();
    atomically(|tx| running.enter(tx, 0, "low"));
    let drawing = hivework_stm::atomically_or(|tx| {
        assert_eq!(running.victim(tx)?, Some("low"));
        hivework_stm::abort::<(), ()>(())
    });
    assert_eq!(drawing, Err(()));
    assert_eq!(atomically(|tx| running.leaving(tx)), 0);
    assert_eq!(asked(&running, 1), Some("low"));
}
