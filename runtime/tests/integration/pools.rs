//! Slots that processes share: `make` under us, we under `make`, and raw pipes. In no direction are
//! there ever more at work than the pool has tokens, and all of them come home.
//!
//! Who is at work writes a `+` into a log when it has begun, and a `-` before it ends: lines are
//! appended as a whole, so at no place of the log more than so many are open. What runs under a `make` is
//! this program again: [`child`] does what its variable says, and is an empty test without.

#![cfg(target_os = "linux")]

mod hands;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Barrier;
use std::thread;

use hivework::{JobserverError, Slots, SlotsError, atomically};

use crate::support::{BOUND, eventually};
use hands::{
    Fifo, Folder, LOG, ROLE, at_work, at_work_rules, child_rule, command, make, program, run, text,
};

/// What the children do; see the head.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    // SAFETY: the harness opens nothing that is a pipe by these numbers.
    let slots = match unsafe { Slots::from_env() } {
        Ok(slots) => slots,
        Err(why) => {
            println!("{why:?}");
            return;
        }
    };
    let path = PathBuf::from(std::env::var_os(LOG).unwrap_or_default());
    match role.as_str() {
        "errors" => println!("a pool of {}", slots.size()),
        // So many at once that one less would hang.
        "together" => {
            let barrier = Barrier::new(slots.size());
            thread::scope(|scope| {
                for _ in 0..slots.size() {
                    scope.spawn(|| {
                        let _slot = slots.take_timeout(BOUND).expect("no slot came");
                        barrier.wait();
                    });
                }
            });
            assert!(slots.try_take().is_some());
            println!("together");
        }
        "log" => thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..4 {
                        let slot = match round % 2 {
                            0 => slots.take(),
                            _ => atomically(|tx| slots.take_in(tx)),
                        };
                        at_work(&path);
                        drop(slot);
                    }
                });
            }
        }),
        "panics" => {
            let panicked = thread::scope(|scope| {
                let holders = [(); 3].map(|()| {
                    scope.spawn(|| {
                        let _slot = slots.take();
                        panic!("on purpose");
                    })
                });
                holders.map(|holder| holder.join().is_err())
            });
            assert_eq!(panicked, [true; 3]);
            println!("panicked");
        }
        // A make under us under make: it has our slot, and draws others.
        "make" => {
            let slot = slots.take();
            let folder = Folder::new();
            let file = folder.write("Makefile", &at_work_rules(6));
            let mut make = Command::new("make");
            make.arg("-f").arg(file);
            slots.configure(&mut make).unwrap();
            let output = run(&mut make);
            drop(slot);
            assert!(output.status.success(), "{}", text(&output));
        }
        other => panic!("what is {other}?"),
    }
}

#[test]
fn sizes_that_no_pipe_takes_are_refused() {
    assert!(matches!(
        Slots::shared(0),
        Err(JobserverError::Size(SlotsError::Zero))
    ));
    let why = Slots::shared(4097).unwrap_err();
    assert!(matches!(
        why,
        JobserverError::Size(SlotsError::TooMany {
            asked: 4097,
            most: 4096
        })
    ));
    assert!(why.to_string().contains("at most 4096"));
    let own = Slots::new(1).unwrap();
    let configured = own.configure(&mut Command::new("make"));
    assert!(matches!(configured, Err(JobserverError::NotShared)));
    assert!(matches!(own.recover(), Err(JobserverError::NotShared)));
}

#[test]
fn malformed_or_closed_pools_are_told() {
    let run = |flags: Option<&str>| {
        let mut child = command("sh");
        child.args(["-c", &program()]).env(ROLE, "errors");
        if let Some(flags) = flags {
            child.env("MAKEFLAGS", flags);
        }
        text(&run(&mut child))
    };
    for (flags, told) in [
        (None, "Missing"),
        (Some("-j4"), "Missing"),
        (Some("-j4 --jobserver-auth=three,4"), "Malformed"),
        (Some("--jobserver-auth="), "Malformed"),
        (Some("-j4 --jobserver-auth=-2,-2"), "Closed"),
        (Some("-j4 --jobserver-auth=97,98"), "Closed"),
        (Some("--jobserver-fds=97,98 -j"), "Closed"),
        (Some("--jobserver-auth=fifo:/nowhere/at/all"), "Closed"),
    ] {
        let said = run(flags);
        assert!(said.contains(told), "{flags:?}: {said}");
    }
}

#[test]
fn under_make_all_its_slots_can_be_had_at_once() {
    let folder = Folder::new();
    let rules = child_rule("all", "together");
    if let Some(output) = make(&folder, 4, &rules) {
        assert!(text(&output).contains("together"), "{}", text(&output));
    }
}

#[test]
fn we_under_make_draw_from_its_pool() {
    let folder = Folder::new();
    let mut rules = "all: one two three nested\n".to_owned();
    for name in ["one", "two", "three"] {
        rules += &child_rule(name, "log");
    }
    rules += &child_rule("nested", "make");
    if make(&folder, 3, &rules).is_some() {
        let (all, most) = folder.logged();
        assert_eq!(all, 3 * 16 + 6);
        assert!(most <= 3, "{most} at once");
    }
}

#[test]
fn make_under_us_draws_from_ours() {
    if command("make").arg("--version").output().is_err() {
        eprintln!("there is no make: passed over");
        return;
    }
    let folder = Folder::new();
    let path = folder.file("log");
    let slots = Slots::shared(3).unwrap();
    let part = slots.narrow(2).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let file = folder.write("Makefile", &at_work_rules(8));
            let mut make = command("make");
            make.arg("-f").arg(file).env(LOG, &path);
            let slot = part.take();
            part.configure(&mut make).unwrap();
            let output = run(&mut make);
            drop(slot);
            let said = text(&output);
            assert!(output.status.success(), "{said}");
            // A make that draws from a pool of its own says so.
            assert!(!said.contains("jobserver"), "{said}");
        });
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..8 {
                    let slot = part.take();
                    at_work(&path);
                    drop(slot);
                }
            });
        }
    });
    let (all, most) = folder.logged();
    assert_eq!(all, 8 + 3 * 8);
    assert!(most <= 3, "{most} at once");
    assert_eq!(slots.recover().unwrap(), 0);
    let all = [slots.take(), slots.take(), slots.take()];
    assert!(slots.try_take().is_none());
    drop(all);
}

/// The seed's test was that it leaks one.
#[test]
fn intermediate_death_leaks_no_token() {
    let slots = Slots::shared(3).unwrap();
    let slot = slots.take();
    let mut dies = command("sh");
    // It draws two tokens and dies with them.
    let draws = "auth=${MAKEFLAGS##*=}; head -c 2 /dev/fd/${auth%,*} > /dev/null; kill -9 $$";
    dies.args(["-c", draws]);
    slots.configure(&mut dies).unwrap();
    assert!(!run(&mut dies).status.success());
    assert!(matches!(slots.recover(), Err(JobserverError::Held(1))));
    drop(slot);
    // Somebody waits for them already.
    thread::scope(|scope| {
        let both = scope.spawn(|| [slots.take(), slots.take()]);
        eventually("found again", || match slots.recover() {
            Ok(lost) => lost == 2,
            Err(_) => false,
        });
        drop(both.join().unwrap());
    });
    assert_eq!(slots.recover().unwrap(), 0);
    let all = [slots.take(), slots.take(), slots.take()];
    assert!(slots.try_take().is_none());
    drop(all);
}

#[test]
fn each_token_is_written_back_as_the_byte_that_it_was() {
    let folder = Folder::new();
    let mut fifo = Fifo::new(&folder, b"ab");
    let said = text(&run(&mut fifo.child("together")));
    assert!(said.contains("together"), "{said}");
    assert_eq!(fifo.tokens(), b"ab");
}

#[test]
fn no_token_leaks_when_holders_panic() {
    let folder = Folder::new();
    let mut fifo = Fifo::new(&folder, b"xyz");
    let said = text(&run(&mut fifo.child("panics")));
    assert!(said.contains("\npanicked\n"), "{said}");
    assert_eq!(fifo.tokens(), b"xyz");
}

#[test]
fn what_nobody_takes_goes_back_into_the_pipe() {
    let slots = Slots::shared(1).unwrap();
    // Wanted by somebody who does not wait for it to come: a choice that went another way.
    for _ in 0..20 {
        let other = Slots::new(1).unwrap();
        let held = atomically(|tx| tx.or_else(|tx| slots.take_in(tx), |tx| other.take_in(tx)));
        drop(held);
    }
    let mut takes = command("sh");
    takes.args(["-c", "auth=${MAKEFLAGS##*=}; head -c 1 /dev/fd/${auth%,*}"]);
    slots.configure(&mut takes).unwrap();
    assert_eq!(run(&mut takes).stdout.len(), 1);
    assert_eq!(slots.recover().unwrap(), 1);
}

#[test]
fn the_last_handle_may_go_in_a_transaction() {
    let slots = Slots::shared(2).unwrap();
    let mut slot = Some(slots.take());
    let mut last = Some(slots);
    atomically(|_| {
        drop(last.take());
        drop(slot.take());
        Ok(())
    });
}
