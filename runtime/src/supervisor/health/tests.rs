use std::time::{Duration, Instant};

use super::damper::{Begun, Damper, FEW, LONGEST, QUIET, SHORTEST, WHILE};

/// A damper that has seen one crash too many, and when.
fn storm() -> (Damper, Instant) {
    let (mut damper, now) = (Damper::default(), Instant::now());
    for _ in 0..FEW {
        assert_eq!(damper.crashed(now), None);
        assert!(damper.may_fill(now, false));
    }
    let begun = Begun {
        crashes: FEW as u64 + 1,
        pause: SHORTEST,
    };
    assert_eq!(damper.crashed(now), Some(begun));
    (damper, now)
}

#[test]
fn a_few_crashes_are_replaced_at_once() {
    let (mut damper, mut now) = (Damper::default(), Instant::now());
    for _ in 0..100 {
        assert_eq!(damper.crashed(now), None);
        assert!(damper.may_fill(now, false));
        assert_eq!(damper.due(false), None);
        now += WHILE / u32::try_from(FEW).unwrap() + Duration::from_millis(1);
    }
}

#[test]
fn in_a_storm_the_pause_doubles_up_to_a_bound() {
    let (mut damper, mut now) = storm();
    let mut pause = SHORTEST;
    for _ in 0..20 {
        assert!(!damper.may_fill(now, false));
        let due = damper.due(false).unwrap();
        assert_eq!(due, now + pause);
        now = due;
        assert!(damper.may_fill(now, false));
        // Once a storm it is told of.
        assert_eq!(damper.crashed(now), None);
        pause = (pause * 2).min(LONGEST);
    }
    assert_eq!(pause, LONGEST);
}

#[test]
fn where_nobody_is_left_one_is_made_after_the_shortest_pause() {
    let (mut damper, mut now) = storm();
    for _ in 0..1000 {
        assert!(!damper.may_fill(now, true));
        now = damper.due(true).unwrap();
        assert!(damper.may_fill(now, true));
        assert_eq!(damper.crashed(now), None);
    }
    // A thousand of them took a second, and those who are not the last wait for longer.
    assert_eq!(damper.due(false), Some(now + LONGEST));
}

#[test]
fn after_a_quiet_while_everything_is_as_before() {
    let (mut damper, now) = storm();
    let later = now + QUIET;
    assert!(!damper.may_fill(now, false));
    for _ in 0..10 {
        assert!(damper.may_fill(later, false));
    }
    for _ in 0..FEW {
        assert_eq!(damper.crashed(later), None);
    }
    assert!(damper.crashed(later).is_some(), "another storm");
}

#[test]
fn a_replacement_that_crashes_at_once_keeps_the_storm_going() {
    let (mut damper, _) = storm();
    let mut made = 0;
    let begin = damper.due(false).unwrap();
    while let Some(due) = damper.due(false).filter(|due| *due < begin + 60 * LONGEST) {
        assert!(damper.may_fill(due, false));
        assert_eq!(damper.crashed(due), None);
        made += 1;
    }
    assert!(made <= 72, "{made}");
}
