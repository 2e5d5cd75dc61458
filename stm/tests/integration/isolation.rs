//! What concurrent transactions must never see or do, with words and boxes.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use hivework_stm::{Abort, TVar, abort, atomically, atomically_or};

use crate::support::{elsewhere, rounds};

/// A cheap source of numbers that differ (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// Runs the writers `n` times each, and the readers for as long.
fn against(
    n: usize,
    writers: &[&(dyn Fn(&mut Random) + Sync)],
    readers: &[&(dyn Fn(&mut Random) + Sync)],
) {
    let writing = AtomicUsize::new(writers.len());
    let start = Barrier::new(writers.len() + readers.len());
    thread::scope(|scope| {
        for (seed, writer) in writers.iter().enumerate() {
            let (writing, start) = (&writing, &start);
            scope.spawn(move || {
                let mut random = Random(0x9e37_79b9 + seed as u64);
                start.wait();
                for _ in 0..n {
                    writer(&mut random);
                }
                writing.fetch_sub(1, Ordering::Relaxed);
            });
        }
        for (seed, reader) in readers.iter().enumerate() {
            let (writing, start) = (&writing, &start);
            scope.spawn(move || {
                let mut random = Random(0x1234_5678 + seed as u64);
                start.wait();
                loop {
                    reader(&mut random);
                    if writing.load(Ordering::Relaxed) == 0 {
                        break;
                    }
                }
            });
        }
    });
}

#[test]
fn lost_update() {
    let (word, boxed) = (TVar::new(0_usize), TVar::new(vec![0_usize]));
    let n = rounds(20_000);
    let add = |_: &mut Random| {
        atomically(|tx| {
            word.modify(tx, |n| n + 1)?;
            boxed.modify(tx, |v| vec![v[0] + 1])
        });
    };
    let update = |_: &mut Random| {
        word.update(|n| n + 1);
        boxed.update(|v| vec![v[0] + 1]);
    };
    against(n, &[&add, &update, &add], &[]);
    assert_eq!((word.load(), boxed.load()), (3 * n, vec![3 * n]));
}

#[test]
fn write_skew() {
    // At most one of the two may be set; each writer reads both and sets its own.
    let own = [TVar::new(0), TVar::new(0)];
    let boxed = [TVar::new(String::new()), TVar::new(String::new())];
    let writer = |me: usize| {
        let (own, boxed) = (&own, &boxed);
        move |_: &mut Random| {
            let set = atomically(|tx| {
                let free = own[0].read(tx)? + own[1].read(tx)? == 0;
                if free {
                    own[me].write(tx, 1)?;
                }
                Ok(free)
            });
            if set {
                atomically(|tx| own[me].write(tx, 0));
            }
            let set = atomically(|tx| {
                let free =
                    boxed[0].read(tx)?.is_empty() && boxed[1].read_with(tx, String::is_empty)?;
                if free {
                    boxed[me].write(tx, "taken".into())?;
                }
                Ok(free)
            });
            if set {
                atomically(|tx| boxed[me].write(tx, String::new()));
            }
        }
    };
    let judge = |_: &mut Random| {
        atomically(|tx| {
            assert!(own[0].read(tx)? + own[1].read(tx)? <= 1, "both set");
            let both = boxed[0].read(tx)?.len() + boxed[1].read(tx)?.len();
            assert!(both <= "taken".len(), "both set");
            Ok(())
        });
    };
    against(rounds(20_000), &[&writer(0), &writer(1)], &[&judge]);
}

/// cats-stm 393, zio 6239 and 6324, kyo 1411: an attempt that was to be thrown
/// away ran on with values that never were together.
#[test]
fn zombie_read() {
    let words: Vec<_> = (0..6).map(|_| TVar::new(100_i64)).collect();
    let boxes: Vec<_> = (0..6).map(|_| TVar::new(vec![100_i64; 3])).collect();
    let writer = |random: &mut Random| {
        let (from, to) = (random.below(6), random.below(6));
        atomically(|tx| {
            words[from].modify(tx, |n| n - 1)?;
            words[to].modify(tx, |n| n + 1)?;
            boxes[from].modify(tx, |v| v.iter().map(|n| n - 1).collect())?;
            boxes[to].modify(tx, |v| v.iter().map(|n| n + 1).collect())
        });
    };
    // Every attempt checks, also those that will have to run again.
    let reader = |random: &mut Random| {
        let first = random.below(6);
        atomically(|tx| {
            let (mut words_sum, mut boxes_sum) = (0, 0);
            for n in 0..6 {
                let n = (first + n) % 6;
                let word = words[n].read(tx)?;
                words_sum += word;
                let boxed = boxes[n].read(tx)?;
                assert!(boxed.iter().all(|&n| n == boxed[0]), "half a box");
                assert_eq!(boxed[0], word, "written together");
                boxes_sum += boxed[0];
            }
            assert_eq!((words_sum, boxes_sum), (600, 600), "never together");
            Ok(())
        });
    };
    let reads_and_writes = |random: &mut Random| {
        let result: Result<(), ()> = atomically_or(|tx| {
            reader_body(tx, &words)?;
            words[random.below(6)].write(tx, -1_000_000)?;
            abort(())
        });
        assert_eq!(result, Err(()));
    };
    fn reader_body(
        tx: &mut hivework_stm::Transaction<'_>,
        words: &[TVar<i64>],
    ) -> Result<(), Abort<()>> {
        let mut sum = 0;
        for word in words {
            sum += word.read(tx)?;
        }
        assert_eq!(sum, 600, "never together");
        Ok(())
    }
    against(
        rounds(10_000),
        &[&writer, &writer],
        &[&reader, &reads_and_writes],
    );
}

#[test]
fn read_write_causality() {
    // One writes x, another passes on to y what it read in x: who sees y sees x.
    let (x, y) = (TVar::new(0_u64), TVar::new(Box::new(0_u64)));
    let first = |_: &mut Random| x.update(|n| n + 1);
    let second = |_: &mut Random| {
        atomically(|tx| {
            let n = x.read(tx)?;
            y.write(tx, Box::new(n))
        });
    };
    let transaction = |_: &mut Random| {
        let (seen_y, seen_x) = atomically(|tx| Ok((*y.read(tx)?, x.read(tx)?)));
        assert!(seen_x >= seen_y, "the effect without its cause");
    };
    let loads = |_: &mut Random| {
        let seen_y = *y.load();
        let seen_x = x.load();
        assert!(seen_x >= seen_y, "the effect without its cause");
    };
    against(rounds(20_000), &[&first, &second], &[&transaction, &loads]);
}

#[test]
fn two_readers_never_disagree_on_the_order_of_two_writers() {
    let (x, y) = (TVar::new(0_u64), TVar::new(0_u64));
    let n = rounds(10_000);
    let seen: [std::sync::Mutex<Vec<(u64, u64)>>; 2] = Default::default();
    let write_x = |_: &mut Random| x.update(|n| n + 1);
    let write_y = |_: &mut Random| y.update(|n| n + 1);
    let forth = |_: &mut Random| {
        let pair = atomically(|tx| Ok((x.read(tx)?, y.read(tx)?)));
        seen[0].lock().expect("whole").push(pair);
    };
    let back = |_: &mut Random| {
        let (y, x) = atomically(|tx| Ok((y.read(tx)?, x.read(tx)?)));
        seen[1].lock().expect("whole").push((x, y));
    };
    against(n, &[&write_x, &write_y], &[&forth, &back]);
    let [mut all, other] = seen.map(|seen| seen.into_inner().expect("whole"));
    for own in [&all, &other] {
        assert!(
            own.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1),
            "one reader goes back in time"
        );
    }
    all.extend(other);
    all.sort_unstable();
    assert!(all.is_sorted_by_key(|pair| pair.1), "the readers disagree");
}

#[test]
fn transfers_conserve_the_sum() {
    let accounts: Vec<_> = (0..50).map(|_| TVar::new(1_000_i64)).collect();
    let transfer = |random: &mut Random| {
        let (from, to) = (random.below(50), random.below(50));
        let amount = random.below(100) as i64;
        let _: Result<(), ()> = atomically_or(|tx| {
            let balance = accounts[from].read(tx)?;
            if balance < amount {
                return abort(());
            }
            accounts[from].write(tx, balance - amount)?;
            Ok(accounts[to].modify(tx, |balance| balance + amount)?)
        });
    };
    let audit = |_: &mut Random| {
        let sum = atomically(|tx| {
            let mut sum = 0;
            for account in &accounts {
                let balance = account.read(tx)?;
                assert!(balance >= 0, "overdrawn");
                sum += balance;
            }
            Ok(sum)
        });
        assert_eq!(sum, 50_000);
    };
    against(
        rounds(10_000),
        &[&transfer, &transfer, &transfer],
        &[&audit],
    );
    audit(&mut Random(1));
}

#[test]
fn a_snapshot_of_a_hundred_variables_is_one() {
    let vars: Vec<_> = (0..100).map(TVar::new).collect();
    let swap = |random: &mut Random| {
        let (a, b) = (random.below(100), random.below(100));
        atomically(|tx| {
            let value = vars[a].read(tx)?;
            let other = vars[b].replace(tx, value)?;
            vars[a].write(tx, other)
        });
    };
    let look = |_: &mut Random| {
        let mut seen = atomically(|tx| {
            vars.iter()
                .map(|var| var.read(tx))
                .collect::<Result<Vec<_>, _>>()
        });
        seen.sort_unstable();
        assert!(
            seen.iter().copied().eq(0..100),
            "not a permutation: {seen:?}"
        );
    };
    against(rounds(5_000), &[&swap, &swap], &[&look]);
}

#[test]
fn what_is_rolled_back_is_never_seen() {
    let (word, boxed) = (TVar::new(0), TVar::new(vec![0; 8]));
    let refused = |_: &mut Random| {
        let answer: Result<(), ()> = atomically_or(|tx| {
            word.write(tx, -1)?;
            boxed.write(tx, vec![-1; 8])?;
            abort(())
        });
        assert_eq!(answer, Err(()));
    };
    let commits = |_: &mut Random| {
        word.update(|n| n + 1);
        boxed.update(|v| v.iter().map(|n| n + 1).collect());
    };
    let reader = |_: &mut Random| {
        assert!(word.load() >= 0 && boxed.load()[0] >= 0);
        atomically(|tx| {
            assert!(word.read(tx)? >= 0 && boxed.read(tx)?[7] >= 0);
            Ok(())
        });
    };
    against(rounds(10_000), &[&refused, &commits], &[&reader]);
}

#[test]
fn load_sees_whole_values_that_only_grow() {
    let var = TVar::new(vec![0_u64; 32]);
    let writer = |_: &mut Random| var.update(|v| v.iter().map(|n| n + 1).collect());
    let last = AtomicUsize::new(0);
    let reader = |_: &mut Random| {
        let value = var.load();
        assert!(value.iter().all(|&n| n == value[0]), "half a value");
        let before = last.swap(value[0] as usize, Ordering::Relaxed);
        assert!(value[0] as usize >= before, "goes back in time");
    };
    against(rounds(10_000), &[&writer], &[&reader]);
}

/// A load that did not mind the lock would see what a commit has stored first
/// beside what it has yet to replace.
#[test]
fn loads_one_after_the_other_never_see_half_a_commit() {
    let vars: Vec<_> = (0..200).map(|_| TVar::new(0_u64)).collect();
    let (first, last) = (&vars[0], &vars[199]);
    let writer = |_: &mut Random| {
        atomically(|tx| vars.iter().try_for_each(|var| var.modify(tx, |n| n + 1)));
    };
    let forth = |_: &mut Random| {
        let seen = first.load();
        assert!(
            last.load() >= seen,
            "the first of a commit without its last"
        );
    };
    let back = |_: &mut Random| {
        let seen = last.load();
        assert!(
            first.load() >= seen,
            "the last of a commit without its first"
        );
    };
    against(rounds(3_000), &[&writer], &[&forth, &back]);
}

#[test]
fn what_has_returned_is_seen_by_what_starts_after() {
    let (word, boxed) = (TVar::new(0), TVar::new(vec![0]));
    for n in 1..=rounds(500) {
        atomically(|tx| {
            word.write(tx, n)?;
            boxed.write(tx, vec![n])
        });
        let seen = elsewhere(|| atomically(|tx| Ok((word.read(tx)?, boxed.read(tx)?))));
        assert_eq!(seen, (n, vec![n]));
        elsewhere(|| word.store(n + 1));
        assert_eq!(atomically(|tx| word.read(tx)), n + 1);
    }
}

#[test]
fn an_attempt_whose_reads_have_changed_does_not_commit() {
    let (read, written) = (TVar::new(0), TVar::new(0));
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        let seen = read.read(tx)?;
        if runs == 1 {
            elsewhere(|| read.store(7));
        }
        written.write(tx, seen)
    });
    assert_eq!((runs, written.load()), (2, 7));
}

#[test]
fn a_reader_stands_by_what_it_saw_and_need_not_run_again() {
    let (x, y) = (TVar::new(1), TVar::new(1));
    let mut runs = 0;
    let seen = atomically(|tx| {
        runs += 1;
        let seen_x = x.read(tx)?;
        // What was read is overwritten later: the reader comes before.
        let seen_y = y.read(tx)?;
        elsewhere(|| x.store(2));
        Ok((seen_x, seen_y))
    });
    assert_eq!((seen, runs), ((1, 1), 1));
}

#[test]
fn a_swallowed_conflict_runs_the_attempt_again() {
    let (a, b, out) = (TVar::new(0), TVar::new(0), TVar::new(Vec::new()));
    let mut runs = 0;
    atomically(|tx| {
        runs += 1;
        a.read(tx)?;
        if runs == 1 {
            elsewhere(|| {
                atomically(|tx| {
                    a.write(tx, 1)?;
                    b.write(tx, 1)
                })
            });
        }
        let swallowed = b.read(tx).is_err();
        assert_eq!(swallowed, runs == 1);
        out.modify(tx, |mut out| {
            out.push(runs);
            out
        })
    });
    assert_eq!((runs, out.load()), (2, vec![2]));
}

#[test]
fn threads_on_their_own_variables_do_not_disturb_each_other() {
    let stop = AtomicBool::new(false);
    let (mine, theirs) = (TVar::new(0), TVar::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                theirs.update(|n| n + 1);
            }
        });
        let mut runs = 0;
        for _ in 0..rounds(1_000) {
            atomically(|tx| {
                runs += 1;
                mine.modify(tx, |n| n + 1)
            });
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(runs, rounds(1_000), "ran again without a conflict");
    });
}
