//! Records as text, in the [trace-event format].
//!
//! [trace-event format]: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

use std::fmt::Write;
use std::time::Duration;

use hivework_stm::trace::How;

use super::track::{Record, What};

/// Writes what a track is called.
pub(super) fn track(text: &mut String, process: u32, number: u64, name: &str) {
    open(text, "thread_name", "M", process, number);
    text.push_str(",\"args\":{\"name\":");
    string(text, name);
    text.push_str("}}");
    open(text, "thread_sort_index", "M", process, number);
    put(
        text,
        format_args!(",\"args\":{{\"sort_index\":{number}}}}}"),
    );
}

/// Writes what the process is called; the first event of a file.
pub(super) fn process(text: &mut String, process: u32, name: &str) {
    put(
        text,
        format_args!(
            "{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{process},\"tid\":0,\"args\":{{\"name\":"
        ),
    );
    string(text, name);
    text.push_str("}}");
}

/// Writes what is missing; the last event of a file.
pub(super) fn missing(text: &mut String, process: u32, dropped: u64) {
    open(text, "process_labels", "M", process, 0);
    put(
        text,
        format_args!(
            ",\"args\":{{\"labels\":\"events dropped for want of room: {dropped}\",\"dropped\":{dropped}}}}}"
        ),
    );
}

/// Writes a record, as one event or two.
pub(super) fn record(text: &mut String, process: u32, track: u64, record: &Record) {
    let Record { at, took, what } = record;
    let (name, category) = match what {
        What::Work { name, .. } => (name.as_deref().unwrap_or("work"), "work"),
        What::Put => ("put", "put"),
        What::Arrow { id } => {
            arrow(text, process, track, "\"ph\":\"s\"", *id, *at);
            return;
        }
        What::Half => ("half", "fork"),
        What::Steal { from } => {
            let place = open(text, "steal", "i", process, track);
            place.push_str(",\"cat\":\"steal\",\"s\":\"t\",\"ts\":");
            micros(place, *at);
            match from {
                Some(from) => put(place, format_args!(",\"args\":{{\"from\":{from}}}}}")),
                None => place.push('}'),
            }
            return;
        }
        What::Park => ("park", "park"),
        What::Blocked => ("blocked", "park"),
        What::Tick => ("tick", "supervisor"),
        What::Attempt(How::Committed) => ("commit", "transaction"),
        What::Attempt(How::Conflict) => ("conflict", "transaction"),
        What::Attempt(How::Retry) => ("retry", "transaction"),
        What::Attempt(How::Aborted) => ("abort", "transaction"),
    };
    open(text, name, "X", process, track);
    put(text, format_args!(",\"cat\":\"{category}\",\"ts\":"));
    micros(text, *at);
    text.push_str(",\"dur\":");
    micros(text, *took);
    let What::Work {
        id, worker, first, ..
    } = what
    else {
        text.push('}');
        return;
    };
    put(text, format_args!(",\"args\":{{\"id\":{id}"));
    if let Some(worker) = worker {
        put(text, format_args!(",\"worker\":{worker}"));
    }
    text.push_str("}}");
    if *first {
        arrow(text, process, track, "\"ph\":\"f\",\"bp\":\"e\"", *id, *at);
    }
}

/// One end of the arrow that leads from the put of a work to its first turn.
fn arrow(text: &mut String, process: u32, track: u64, end: &str, id: u64, at: Duration) {
    put(
        text,
        format_args!(
            ",\n{{\"name\":\"put\",\"cat\":\"arrow\",{end},\"id\":{id},\"pid\":{process},\"tid\":{track},\"ts\":"
        ),
    );
    micros(text, at);
    text.push('}');
}

/// Begins an event.
fn open<'a>(
    text: &'a mut String,
    name: &str,
    phase: &str,
    process: u32,
    track: u64,
) -> &'a mut String {
    text.push_str(",\n{\"name\":");
    string(text, name);
    put(
        text,
        format_args!(",\"ph\":\"{phase}\",\"pid\":{process},\"tid\":{track}"),
    );
    text
}

/// Microseconds, to the nanosecond.
fn micros(text: &mut String, time: Duration) {
    let nanos = time.as_nanos();
    put(text, format_args!("{}.{:03}", nanos / 1000, nanos % 1000));
}

fn string(text: &mut String, raw: &str) {
    text.push('"');
    for character in raw.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            control if control < ' ' => {
                put(text, format_args!("\\u{:04x}", u32::from(control)));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // A string takes whatever it is given.
    let _ = text.write_fmt(what);
}
