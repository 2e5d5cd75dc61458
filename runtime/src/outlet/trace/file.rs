//! The file of a trace: events in an array, whole at every moment.
//!
//! 1. A round of writing begins where the events end, over the tail that was written last.
//! 2. Events are formatted and written, a block at a time.
//! 3. Last comes the tail: what is missing, and the end of the array.
//!
//! A tail never gets shorter, because what is missing only grows; so nothing of an old one sticks
//! out behind a new one. A process that dies leaves a whole file, or, in the middle of step 2, one
//! that lacks the end of its array, which the format allows.
//!
//! Where writing fails, the file is cut back to where the last round has ended, as far as that
//! can be had, and there it stays.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use hivework_stm::facade::sync::Arc;

use super::json;
use super::track::{Record, Track};

/// How much text is written at a time, in bytes.
const BLOCK: usize = 1 << 16;

/// How many events of a thread wait to be written, at most, unless set.
const ROOM: usize = 1 << 14;

/// A file that a scheduler writes a trace to: which thread ran which work when, who stole, slept
/// or was blocked, the supervisor's rounds, and the attempts of transactions.
///
/// Given to [`Builder::trace`](crate::Builder::trace). The form is the trace-event format, as JSON; open it with
/// <https://ui.perfetto.dev> or `chrome://tracing`. Each worker has a track, and so have the
/// supervisor and the threads outside that put work; an arrow leads from each put to the
/// run. Times are counted from the making of the file.
///
/// What happens is written within about a run interval, on the supervisor's thread. After
/// [`stop`](crate::Scheduler::stop), [`drain`](crate::Scheduler::drain) and the drop of
/// the last handle everything is. A file that is there is replaced.
///
/// Needs the feature `trace`.
///
/// ```
/// use hivework::{Scheduler, TraceFile, make_work};
///
/// let path = std::env::temp_dir().join(format!("hivework-{}.json", std::process::id()));
/// let scheduler = Scheduler::builder()
///     .workers(2)
///     .trace(TraceFile::create(&path)?)
///     .start()?;
/// scheduler.put_work(make_work(|| 6 * 7).name("answer")).join()?;
/// drop(scheduler);
/// assert!(std::fs::read_to_string(&path)?.contains("\"answer\""));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is written to it before it is given to a builder"]
pub struct TraceFile {
    pub(super) writer: Writer,
    pub(super) zero: Instant,
    pub(super) room: usize,
}

impl TraceFile {
    /// Makes the file.
    ///
    /// # Errors
    ///
    /// The operating system's, where there can be no such file; and for a file in which there is
    /// no going back, such as a pipe.
    pub fn create(path: impl AsRef<Path>) -> io::Result<TraceFile> {
        Ok(TraceFile {
            writer: Writer::new(File::create(path)?)?,
            zero: Instant::now(),
            room: ROOM,
        })
    }

    /// How many events of each thread may wait to be written, 16384 unless set, and at least one.
    /// An event is about 64 bytes of memory there. What finds no room is not written; the file says how
    /// many that were.
    pub fn buffer(mut self, events: usize) -> Self {
        self.room = events.max(1);
        self
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    /// Where the events end, in bytes.
    end: u64,
    /// What is to be written.
    text: String,
    /// An empty list, to be exchanged.
    records: Vec<Record>,
    dropped: u64,
    process: u32,
}

impl Writer {
    fn new(file: File) -> io::Result<Writer> {
        let mut writer = Writer {
            file,
            end: 0,
            text: "[\n".to_owned(),
            records: Vec::new(),
            dropped: 0,
            process: std::process::id(),
        };
        let program = std::env::current_exe().ok();
        let name = program.as_deref().and_then(Path::file_stem);
        let name = name.map_or("hivework".into(), |name| name.to_string_lossy());
        json::process(&mut writer.text, writer.process, &name);
        writer.file.seek(SeekFrom::Start(0))?;
        writer.write_text()?;
        writer.write_tail()?;
        Ok(writer)
    }

    /// Steps 1 to 3.
    pub(super) fn write(&mut self, tracks: &[Arc<Track>]) -> io::Result<()> {
        let end = self.end;
        let written = self.write_tracks(tracks);
        if written.is_err() {
            self.text.clear();
            let cut = self.file.set_len(end);
            let back = cut.and_then(|()| self.file.seek(SeekFrom::Start(end)));
            // The file is as good as it gets; the first error is the one to be told.
            _ = back.and_then(|_| self.write_tail());
        }
        written
    }

    fn write_tracks(&mut self, tracks: &[Arc<Track>]) -> io::Result<()> {
        let mut is_at_end = false;
        for track in tracks {
            self.records.clear();
            let taken = track.take(&mut self.records);
            self.dropped += taken.dropped;
            if taken.is_new {
                json::track(&mut self.text, self.process, track.number, &track.name);
            } else if self.records.is_empty() && taken.dropped == 0 {
                continue;
            }
            if !is_at_end {
                self.file.seek(SeekFrom::Start(self.end))?;
                is_at_end = true;
            }
            let mut records = std::mem::take(&mut self.records);
            for record in records.drain(..) {
                json::record(&mut self.text, self.process, track.number, &record);
                if self.text.len() >= BLOCK {
                    self.write_text()?;
                }
            }
            self.records = records;
        }
        if !is_at_end {
            return Ok(());
        }
        self.write_text()?;
        self.write_tail()
    }

    /// Step 2.
    fn write_text(&mut self) -> io::Result<()> {
        self.file.write_all(self.text.as_bytes())?;
        self.end += self.text.len() as u64;
        self.text.clear();
        Ok(())
    }

    /// Step 3.
    fn write_tail(&mut self) -> io::Result<()> {
        let mut tail = String::new();
        json::missing(&mut tail, self.process, self.dropped);
        tail.push_str("\n]\n");
        self.file.write_all(tail.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::TraceFile;
    use crate::{Event, Scheduler};

    #[test]
    fn a_file_that_takes_no_more_ends_the_trace_and_nothing_else() {
        let name = format!("hivework-{}-full.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut file = TraceFile::create(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        file.writer.file = File::open(&path).unwrap();
        let scheduler = Scheduler::builder().workers(1).trace(file).build().unwrap();
        let events = scheduler.events();
        scheduler.start().unwrap();
        assert_eq!(scheduler.put_work(|| 7).join().unwrap(), 7);
        loop {
            let event = events.next_timeout(Duration::from_secs(60));
            if let Event::SupervisorTroubled { reason } = event.expect("an event that says so") {
                assert!(reason.contains("trace"), "{reason}");
                break;
            }
        }
        assert_eq!(scheduler.put_work(|| 8).join().unwrap(), 8);
        drop(scheduler);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::remove_file(path).unwrap();
    }
}
