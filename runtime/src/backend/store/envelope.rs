//! How a record is written down: in an envelope that says in which format it is, and whether it is whole.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | the format, little-endian; this is 1 |
//! | 4..8 | the CRC-32 of what follows, little-endian |
//! | 8.. | the record, in the format of `postcard`, which is stable |
//!
//! The format is looked at before anything else, so that a newer one is told from a damaged one. Whoever
//! changes [`Written`] makes another format of it, and goes on reading this one.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Record, StoreError};
use crate::backend::task::{RunningTask, TaskId};

/// The newest format.
pub(super) const FORMAT: u32 = 1;

const HEAD: usize = 8;

/// A record as it is in format 1. Times are nanoseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Written {
    revision: u64,
    task: Option<WrittenTask>,
    backends: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct WrittenTask {
    id: String,
    backend: String,
    started_at: u64,
    kept_alive_at: u64,
}

/// The record in its envelope.
pub(super) fn seal(record: &Record) -> Result<Vec<u8>, StoreError> {
    let written = Written {
        revision: record.revision,
        task: record.task.as_ref().map(|task| WrittenTask {
            id: task.id.as_str().to_owned(),
            backend: task.backend.to_string(),
            started_at: nanos(task.started_at),
            kept_alive_at: nanos(task.kept_alive_at),
        }),
        backends: record.backends.iter().map(ToString::to_string).collect(),
    };
    let body = postcard::to_allocvec(&written).map_err(StoreError::failed)?;
    let mut sealed = Vec::with_capacity(HEAD + body.len());
    sealed.extend(FORMAT.to_le_bytes());
    sealed.extend(crc(&body).to_le_bytes());
    sealed.extend(body);
    Ok(sealed)
}

/// The record in an envelope, of this berth.
pub(super) fn unseal(berth: &str, sealed: &[u8]) -> Result<Record, StoreError> {
    let damaged = |what: &str| StoreError::Damaged {
        what: format!("the record of the berth {berth:?} {what}"),
    };
    let word = |at: usize| {
        let bytes = sealed.get(at..at + 4)?;
        bytes.try_into().ok().map(u32::from_le_bytes)
    };
    let (Some(format), Some(sum), Some(body)) = (word(0), word(4), sealed.get(HEAD..)) else {
        return Err(damaged("is cut"));
    };
    if format > FORMAT {
        return Err(StoreError::NewerFormat {
            found: format,
            known: FORMAT,
        });
    }
    if format == 0 || sum != crc(body) {
        return Err(damaged("is not what was written"));
    }
    match postcard::take_from_bytes::<Written>(body) {
        Ok((written, [])) => Ok(read(written)),
        Ok(_) => Err(damaged("is longer than it says")),
        Err(_) => Err(damaged("cannot be read")),
    }
}

fn read(written: Written) -> Record {
    let task = written.task.map(|task| {
        RunningTask::new(
            TaskId::from(task.id),
            task.backend,
            time(task.started_at),
            time(task.kept_alive_at),
        )
    });
    let backends = written.backends.into_iter().map(Arc::from).collect();
    Record::new(written.revision, task, backends)
}

/// A time as the nanoseconds since 1970, as far as they go into a word.
fn nanos(time: SystemTime) -> u64 {
    let passed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
}

/// The reverse.
fn time(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// CRC-32, as Ethernet has it. A record is a few hundred bytes: no table is worth it.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc = (crc >> 1) ^ (0xEDB8_8320 & low.wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let at = UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_700);
        let task = RunningTask::new("letter 1".into(), "mail", at, at + Duration::from_secs(60));
        Record::new(7, Some(task), vec!["mail".into(), "print".into()])
    }

    #[test]
    fn what_was_sealed_is_read() {
        for record in [record(), Record::new(1, None, Vec::new())] {
            assert_eq!(unseal("one", &seal(&record).unwrap()).unwrap(), record);
        }
    }

    #[test]
    fn the_sum_is_that_of_ethernet() {
        assert_eq!(crc(b"123456789"), 0xCBF4_3926);
    }

    /// Format 1 is for ever: what was once written must be read.
    #[test]
    fn format_1_is_read() {
        let written = [
            1, 0, 0, 0, 0xFE, 0x26, 0x38, 0xA3, 3, 1, 1, b'a', 1, b'b', 5, 6, 1, 1, b'b',
        ];
        let (at, kept) = (Duration::from_nanos(5), Duration::from_nanos(6));
        let task = RunningTask::new("a".into(), "b", UNIX_EPOCH + at, UNIX_EPOCH + kept);
        let record = Record::new(3, Some(task), vec!["b".into()]);
        assert_eq!(seal(&record).unwrap(), written);
        assert_eq!(unseal("one", &written).unwrap(), record);
    }

    #[test]
    fn wherever_it_is_cut_or_changed_it_is_damaged_or_newer() {
        let sealed = seal(&record()).unwrap();
        for length in 0..sealed.len() {
            let error = unseal("one", &sealed[..length]).unwrap_err();
            assert!(
                matches!(error, StoreError::Damaged { .. }),
                "{length}: {error}"
            );
        }
        for at in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[at / 8] ^= 1 << (at % 8);
            let error = unseal("one", &changed).unwrap_err();
            let is_newer = matches!(error, StoreError::NewerFormat { known: FORMAT, .. });
            assert_eq!(is_newer, (1..32).contains(&at), "{at}: {error}");
        }
        let mut longer = sealed;
        longer.push(0);
        assert!(unseal("one", &longer).is_err());
    }
}
