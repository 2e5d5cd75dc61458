//! Many threads on two ends: nothing is lost, nothing comes twice.

use std::sync::Arc;

use hivework_stm::{TVar, atomically};

use super::support::{receive, send, start};
use super::{Sample, Subject};
use crate::channel::Channel;
use crate::port::Port;

const SENDERS: u64 = 3;
const EACH: u64 = 200;
const LAST: u64 = u64::MAX;

/// One port, used by many threads: each one's messages arrive in its order.
pub fn each_sender_is_heard_in_its_order<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let here: Arc<dyn Port<M>> = here.into();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let here = Arc::clone(&here);
            start(move || {
                for n in 0..EACH {
                    send(&*here, sender * EACH + n).unwrap();
                }
            })
        })
        .collect();
    let mut next = [0; SENDERS as usize];
    for _ in 0..SENDERS * EACH {
        let number = receive(&*there).unwrap();
        let next = &mut next[usize::try_from(number / EACH).unwrap()];
        assert_eq!(number % EACH, *next);
        *next += 1;
    }
    for sender in senders {
        sender.answer();
    }
}

/// Senders and receivers on both ends: what is sent is received once.
pub fn nothing_is_lost_or_doubled_among_threads<M: Sample>(subject: &Subject<'_, M>) {
    let (_channel, here, there) = subject.connected();
    let (here, there): (Arc<dyn Port<M>>, Arc<dyn Port<M>>) = (here.into(), there.into());
    let mut threads = Vec::new();
    let mut receivers = Vec::new();
    for (from, to) in [(&here, &there), (&there, &here)] {
        let left = TVar::new(2 * EACH);
        for half in 0..2 {
            let from = Arc::clone(from);
            threads.push(start(move || {
                for n in 0..EACH {
                    send(&*from, half * EACH + n).unwrap();
                }
            }));
            let (to, left) = (Arc::clone(to), left.clone());
            receivers.push(start(move || {
                let mut seen = Vec::new();
                // The last one may go to the other: so what is left is counted in
                // the transaction that receives.
                while let Some(number) = atomically(|tx| {
                    if left.read(tx)? == 0 {
                        return Ok(None);
                    }
                    let message = to.receive(tx)?.unwrap();
                    left.modify(tx, |n| n - 1)?;
                    Ok(Some(message.number()))
                }) {
                    seen.push(number);
                }
                seen
            }));
        }
    }
    for thread in threads {
        thread.answer();
    }
    let received: Vec<_> = receivers.into_iter().map(|r| r.answer()).collect();
    for direction in received.chunks(2) {
        let mut all = direction.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..2 * EACH));
    }
}

/// While the receiving end changes hands, a send is accepted and its message
/// received, or it is refused and its message is not.
pub fn what_was_accepted_is_received_however_often_the_ends_change<M: Sample>(
    subject: &Subject<'_, M>,
) {
    let channel: Arc<dyn Channel<M>> = subject.channel().into();
    let here = channel.connect().unwrap();
    let first = channel.connect().unwrap();
    let sender = start(move || {
        let mut accepted = Vec::new();
        for n in 0..2 * EACH {
            if send(&*here, n).is_ok() {
                accepted.push(n);
            }
        }
        while send(&*here, LAST).is_err() {
            std::thread::yield_now();
        }
        // The port stays, or the receiver's next one would take this end.
        (accepted, here)
    });
    let mut received = Vec::new();
    let mut port = first;
    loop {
        match receive(&*port).unwrap() {
            LAST => break,
            number => received.push(number),
        }
        if received.len() % 5 == 0 {
            if received.len() % 2 == 0 {
                channel.disconnect(&*port).unwrap();
                std::thread::yield_now();
                channel.reconnect(&*port).unwrap();
            } else {
                drop(port);
                std::thread::yield_now();
                port = channel.connect().unwrap();
            }
        }
    }
    assert_eq!(received, sender.answer().0);
}
