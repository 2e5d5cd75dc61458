//! The records of one thread's attempts.
//!
//! A commit tells its writes and its version one after the other, in either order:
//! they are put together when the attempt is over. Reads and writes of all
//! attempts lie in one vector each, so that a record costs no allocation.

use std::cell::RefCell;
use std::time::Instant;

use super::{Attempt, Read, Trace, Write};
use crate::facade::local;

/// A thread's recording.
struct Recorder {
    trace: Trace,
    /// When the running attempt began, if it is recorded.
    running: Option<Instant>,
    /// The version of the running attempt's commit.
    version: u64,
}

local! {
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

/// Does nothing on a thread that does not record, or that is being taken down.
#[inline]
fn with_recorder(f: impl FnOnce(&mut Recorder)) {
    let _ = RECORDER.try_with(|recorder| {
        if let Some(recorder) = recorder.borrow_mut().as_mut() {
            f(recorder);
        }
    });
}

#[inline]
pub(crate) fn begin() {
    with_recorder(|recorder| {
        recorder.version = 0;
        recorder.running = Some(Instant::now());
    });
}

#[inline]
pub(crate) fn end(committed: bool) {
    with_recorder(|recorder| {
        let Some(begin) = recorder.running.take() else {
            return;
        };
        let Trace {
            attempts,
            reads,
            writes,
        } = &mut recorder.trace;
        let own = attempts.last().map_or(0, |attempt| attempt.writes);
        for write in &mut writes[own..] {
            write.after = recorder.version;
        }
        attempts.push(Attempt {
            begin,
            end: Instant::now(),
            committed,
            reads: reads.len(),
            writes: writes.len(),
        });
    });
}

#[inline]
pub(crate) fn read(variable: usize, version: u64, word: usize) {
    with_recorder(|recorder| {
        if recorder.running.is_some() {
            recorder.trace.reads.push(Read {
                variable,
                version,
                word,
            });
        }
    });
}

#[inline]
pub(crate) fn stored(variable: usize, before: u64, word: usize) {
    with_recorder(|recorder| {
        if recorder.running.is_some() {
            recorder.trace.writes.push(Write {
                variable,
                before,
                after: 0,
                word,
            });
        }
    });
}

#[inline]
pub(crate) fn ticked(version: u64) {
    with_recorder(|recorder| recorder.version = version);
}

/// Has this thread keep records from now on, in the room of a trace that is not
/// needed any more. Call it outside of transactions.
pub fn record(mut room: Trace) {
    room.attempts.clear();
    room.reads.clear();
    room.writes.clear();
    RECORDER.with(|recorder| {
        *recorder.borrow_mut() = Some(Recorder {
            trace: room,
            running: None,
            version: 0,
        });
    });
}

/// Ends the recording and hands it out.
#[must_use]
pub fn take() -> Trace {
    RECORDER.with(|recorder| {
        let recorder = recorder.borrow_mut().take();
        recorder.map_or_else(Trace::default, |recorder| recorder.trace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TVar, atomically, try_atomically};

    #[test]
    fn an_attempt_is_recorded_with_what_it_read_and_wrote() {
        let (left, right) = (TVar::new(1_usize), TVar::new(2_usize));
        record(Trace::default());
        atomically(|tx| {
            let read = left.read(tx)?;
            right.write(tx, read + 10)
        });
        let looked = try_atomically(|tx| {
            right.read(tx)?;
            crate::retry::<()>()
        });
        let trace = take();
        assert_eq!(looked, None);
        let [first, second] = trace.attempts[..] else {
            panic!("two attempts, not {:?}", trace.attempts)
        };
        assert!(first.committed && !second.committed);
        assert!(first.begin <= first.end && first.end <= second.begin);
        assert_eq!((first.reads, first.writes), (1, 1));
        assert_eq!((second.reads, second.writes), (2, 1));
        assert_eq!(trace.reads[0].word, 1);
        assert_eq!((trace.writes[0].before, trace.writes[0].word), (0, 11));
        assert_eq!(trace.reads[1].version, trace.writes[0].after);
        assert_eq!(trace.reads[1].word, 11);
    }

    #[test]
    fn nothing_is_recorded_unless_asked_for() {
        TVar::new(0).store(1);
        assert!(take().attempts.is_empty());
    }
}
