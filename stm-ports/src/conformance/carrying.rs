//! What is sent arrives: once, in order, and only if it was committed.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use hivework_stm::{abort, atomically, atomically_or};

use super::support::{AGES, receive, send, start};
use super::{Sample, Subject};
use crate::port::Port;

/// What one end sends the other receives, in the order of the commits, in both
/// directions.
pub fn messages_arrive_in_order<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let few = subject.that_fit(8);
    for round in 0..10 {
        for n in 0..few {
            send(&*here, round * 100 + n).unwrap();
            send(&*there, round * 100 + n + 50).unwrap();
        }
        for n in 0..few {
            assert_eq!(receive(&*there), Ok(round * 100 + n));
            assert_eq!(receive(&*here), Ok(round * 100 + n + 50));
        }
    }
}

/// A message sent before anybody has connected to the other end waits there.
pub fn what_is_sent_early_waits_for_the_other_end<M: Sample>(subject: &Subject<'_, M>) {
    let channel = subject.channel();
    let here = channel.connect().unwrap();
    send(&*here, 1).unwrap();
    let there = channel.connect().unwrap();
    assert_eq!(receive(&*there), Ok(1));
}

/// What a transaction sent that is rolled back never arrives: what is sent after it
/// does.
pub fn a_send_that_is_rolled_back_never_leaves<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let refused = atomically_or(|tx| {
        let _ = here.send(tx, M::of(1))?;
        abort::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    atomically(|tx| {
        // A branch of its own, undone.
        let undone = |tx: &mut hivework_stm::Transaction<'_>| {
            let _ = here.send(tx, M::of(2))?;
            hivework_stm::retry::<()>()
        };
        tx.or_else(undone, |tx| here.send(tx, M::of(3)).map(drop))
    });
    assert_eq!(receive(&*there), Ok(3));
}

/// Nobody sees a message before the transaction that sends it has committed.
pub fn a_message_leaves_when_its_transaction_commits<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let there: Arc<dyn Port<M>> = there.into();
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answers) = mpsc::channel();
    let looking = start({
        let there = Arc::clone(&there);
        move || {
            for () in asked {
                let seen = atomically(|tx| there.try_receive(tx)).unwrap();
                answer.send(seen.is_some()).unwrap();
            }
        }
    });
    atomically(|tx| {
        let sent = here.send(tx, M::of(1))?;
        assert!(sent.is_ok());
        ask.send(()).unwrap();
        assert_eq!(answers.recv_timeout(AGES), Ok(false), "seen too early");
        Ok(())
    });
    drop(ask);
    looking.answer();
    assert_eq!(receive(&*there), Ok(1));
}

/// Messages of one transaction arrive in the order in which it sent them.
pub fn messages_of_one_transaction_keep_their_order<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let few = subject.that_fit(5);
    for round in 0..10 {
        atomically(|tx| {
            for n in 0..few {
                assert_eq!(here.send(tx, M::of(round * 10 + n))?, Ok(()));
            }
            Ok(())
        });
        for n in 0..few {
            assert_eq!(receive(&*there), Ok(round * 10 + n));
        }
    }
}

/// A message that was received by a transaction that is rolled back is still there.
pub fn a_receive_that_is_rolled_back_takes_nothing<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let few = subject.that_fit(2);
    for n in 0..few {
        send(&*here, n).unwrap();
    }
    let refused = atomically_or(|tx| {
        let first = there.receive(tx)?.unwrap();
        abort::<(), _>(first.number())
    });
    assert_eq!(refused, Err(0));
    for n in 0..few {
        assert_eq!(receive(&*there), Ok(n));
    }
}

/// A batch has as many messages as there are, up to the number asked for.
pub fn batches_keep_the_order_and_their_size<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let none = atomically(|tx| there.receive_batch(tx, 9)).unwrap();
    assert!(none.is_empty(), "nothing was sent: {none:?}");
    let count = subject.that_fit(20);
    for n in 0..count {
        send(&*here, n).unwrap();
    }
    let none = atomically(|tx| there.receive_batch(tx, 0)).unwrap();
    assert!(none.is_empty(), "nothing was asked for: {none:?}");
    let mut received = 0;
    while received < count {
        // The next one has arrived once a receive that is rolled back found it.
        let there_is = atomically_or(|tx| {
            let _ = there.receive(tx)?;
            abort::<(), _>(())
        });
        assert_eq!(there_is, Err(()));
        let batch = atomically(|tx| there.receive_batch(tx, 7)).unwrap();
        assert!((1..=7).contains(&batch.len()), "{} messages", batch.len());
        for message in batch {
            assert_eq!(message.number(), received);
            received += 1;
        }
    }
}

/// A receive that ran out of time has taken nothing.
pub fn a_receive_that_runs_out_of_time_takes_nothing<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let none = there.receive_timeout(Duration::from_millis(1)).unwrap();
    assert!(none.is_none());
    assert!(atomically(|tx| there.try_receive(tx)).unwrap().is_none());
    send(&*here, 1).unwrap();
    assert_eq!(receive(&*there), Ok(1));
}

/// What is sent into one channel arrives in no other.
pub fn channels_are_apart<M: Sample>(subject: &Subject<'_, M>) {
    let all: Vec<_> = (0..5).map(|_| subject.connected()).collect();
    for (n, (_, here, there)) in (0..).zip(&all) {
        send(&**here, n).unwrap();
        send(&**there, n + 100).unwrap();
    }
    for (n, (_, here, there)) in (0..).zip(&all) {
        assert_eq!(receive(&**there), Ok(n));
        assert_eq!(receive(&**here), Ok(n + 100));
    }
}
