//! What is called, and in which order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hivework::{Draw, Event, JobEnd, StreamBuilder, make_job, make_work};

use super::{Log, blocker, streams_of};
use crate::support::{eventually, join, scheduler};

/// Has all that happens to the stream said.
fn logged(builder: StreamBuilder, log: &Log) -> StreamBuilder {
    let log = || log.clone();
    let (a, b, c, d, e, f) = (log(), log(), log(), log(), log(), log());
    builder
        .on_job_started(move |job| a.say(format!("stream: {} started", job.name().unwrap())))
        .on_job_ended(move |job, end| {
            b.say(format!("stream: {} ended, {end:?}", job.name().unwrap()));
        })
        .on_job_aborted(move |job, end| {
            c.say(format!("stream: {} aborted, {end:?}", job.name().unwrap()));
        })
        .on_activated(move |stream| d.say(format!("{} activated", stream.name())))
        .on_paused(move |stream| e.say(format!("{} paused", stream.name())))
        .on_emptied(move |stream| f.say(format!("{} emptied", stream.name())))
}

#[test]
fn the_order_is_what_it_says() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let log = Log::default();
    let stream = logged(streams.stream("s"), &log).open().unwrap();
    let (slots, l) = (streams.slots().clone(), || log.clone());
    let (start, ran, done, again, end) = (l(), l(), l(), l(), l());
    let work = make_work(move || ran.say("ran"))
        .name("job")
        .on_done(move |_| done.say(format!("done, {} free", slots.free())))
        .on_done(move |_| again.say("done again"));
    let job = make_job(work)
        .on_start(move |_| start.say("job: start"))
        .on_end(move |_, how| end.say(format!("job: end, {how:?}")));
    let job = stream.put(job);
    join(job).unwrap();
    eventually("emptied", || log.0.lock().unwrap().len() == 8);
    assert_eq!(
        log.take(),
        [
            "job: start",
            "stream: job started",
            "ran",
            "done, 1 free",
            "done again",
            "job: end, Success",
            "stream: job ended, Success",
            "s emptied",
        ]
    );
}

#[test]
fn it_is_emptied_only_after_a_job_has_run() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let log = Log::default();
    let stream = logged(streams.stream("s").paused(), &log).open().unwrap();
    let waiting = stream.put(make_job(|| ()).name("never"));
    assert!(waiting.cancel());
    assert_eq!(log.take(), ["stream: never aborted, Terminated"]);
    stream.activate();
    let job = stream.put(make_job(|| ()).name("one"));
    join(job).unwrap();
    eventually("emptied", || log.0.lock().unwrap().len() == 4);
    assert_eq!(
        log.take(),
        [
            "s activated",
            "stream: one started",
            "stream: one ended, Success",
            "s emptied",
        ]
    );
    stream.pause();
    assert!(stream.put(make_job(|| ()).name("two")).cancel());
    assert_eq!(log.take(), ["s paused", "stream: two aborted, Terminated"]);
}

#[test]
fn an_emptied_stream_may_refill_itself() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let rounds = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&rounds);
    let stream = streams
        .stream("refill")
        .on_emptied(move |stream| {
            if count.fetch_add(1, Ordering::SeqCst) < 4 {
                drop(stream.put(|| ()));
            }
        })
        .open()
        .unwrap();
    join(stream.put(|| ())).unwrap();
    eventually("five rounds", || rounds.load(Ordering::SeqCst) == 5);
}

#[test]
fn jobs_are_told_when_their_stream_is_paused_and_activated() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let log = Log::default();
    let stream = logged(streams.stream("s"), &log).open().unwrap();
    let told = |what: &'static str| {
        let (on, off) = (log.clone(), log.clone());
        make_job(|| ())
            .name(what)
            .on_activate(move |_| on.say(format!("{what}: activated")))
            .on_pause(move |_| off.say(format!("{what}: paused")))
    };
    stream.pause();
    let waits = [stream.put(told("a")), stream.put(told("b"))];
    log.take();
    stream.activate();
    for job in waits {
        join(job).unwrap();
    }
    let said = log.take();
    assert_eq!(said[..3], ["a: activated", "b: activated", "s activated"]);
    stream.pause();
    assert_eq!(log.take(), ["s paused"], "what is over is told nothing");
}

#[test]
fn a_callback_that_panics_is_told_of_and_the_rest_are_called() {
    let scheduler = scheduler(2);
    let events = scheduler.events();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let log = Log::default();
    let (started, ended) = (log.clone(), log.clone());
    let stream = streams
        .stream("s")
        .on_job_started(|_| panic!("started"))
        .on_job_started(move |_| started.say("started"))
        .on_job_ended(|_, _| panic!("ended"))
        .on_job_ended(move |_, end| ended.say(format!("{end:?}")))
        .open()
        .unwrap();
    let job = make_job(|| 1).on_start(|_| panic!("start"));
    assert_eq!(join(stream.put(job)).unwrap(), 1);
    eventually("ended", || log.0.lock().unwrap().len() == 2);
    assert_eq!(log.take(), ["started", "Success"]);
    eventually("slot home", || streams.slots().free() == 1);
    let mut troubles = Vec::new();
    eventually("three troubles", || {
        while let Some(event) = events.try_next() {
            if let Event::StreamTroubled { reason, .. } = event {
                troubles.push(reason.to_string());
            }
        }
        troubles.len() == 3
    });
    assert!(
        troubles[0].ends_with("start") && troubles[2].ends_with("ended"),
        "{troubles:?}"
    );
}

#[test]
fn absent_callbacks_are_not_invoked() {
    let scheduler = scheduler(2);
    let events = scheduler.events();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("bare").open().unwrap();
    join(stream.put(|| ())).unwrap();
    stream.pause();
    stream.put(|| ()).cancel();
    stream.activate();
    scheduler.drain(crate::support::BOUND).unwrap();
    let is_trouble = |event: &Event| matches!(event, Event::StreamTroubled { .. });
    assert!(!std::iter::from_fn(|| events.try_next()).any(|event| is_trouble(&event)));
}

#[test]
fn events_tell_of_streams() {
    let scheduler = scheduler(2);
    let events = scheduler.events();
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let stream = streams.stream("told").open().unwrap();
    stream.pause();
    let job = stream.put(|| ());
    stream.activate();
    join(job).unwrap();
    let mut told = Vec::new();
    eventually("all three", || {
        while let Some(event) = events.try_next() {
            match event {
                Event::StreamPaused { stream } => told.push(("paused", stream)),
                Event::StreamActivated { stream } => told.push(("activated", stream)),
                Event::StreamEmptied { stream } => told.push(("emptied", stream)),
                _ => {}
            }
        }
        told.len() == 3
    });
    let names: Vec<_> = told.iter().map(|(what, _)| *what).collect();
    assert_eq!(names, ["paused", "activated", "emptied"]);
    assert!(told.iter().all(|(_, id)| *id == stream.id()));
}

#[test]
fn cancelling_a_finished_job_calls_nothing() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let log = Log::default();
    let stream = logged(streams.stream("s"), &log).open().unwrap();
    let abort = log.clone();
    let job = make_job(|| ())
        .name("job")
        .on_abort(move |_, _| abort.say("abort"));
    let mut job = stream.put(job);
    job.join_timeout(crate::support::BOUND).unwrap().unwrap();
    eventually("emptied", || log.0.lock().unwrap().len() == 3);
    log.take();
    assert!(!job.cancel());
    assert_eq!(stream.cancel_all(), 0);
    assert!(log.take().is_empty());
}

#[test]
fn a_job_that_fails_is_told_of_and_its_slot_comes_home() {
    let scheduler = scheduler(2);
    let streams = streams_of(&scheduler, 1, Draw::StrictPriority);
    let log = Log::default();
    let stream = logged(streams.stream("s"), &log).open().unwrap();
    let (first, gate) = {
        let (job, gate) = blocker(&streams.stream("gate").open().unwrap());
        (job, gate)
    };
    let failing = stream.put(make_job(|| panic!("no")).name("failing"));
    drop(gate);
    join(first).unwrap();
    assert!(join::<()>(failing).is_err());
    eventually("emptied", || log.0.lock().unwrap().len() == 3);
    assert_eq!(log.take()[1], "stream: failing ended, Error");
    let (ok, end) = (stream.put(make_job(|| 1).name("next")), JobEnd::Success);
    assert_eq!((join(ok).unwrap(), end), (1, JobEnd::Success));
}
