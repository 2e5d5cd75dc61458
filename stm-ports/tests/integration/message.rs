//! The messages of a scheduler, and the errors' words.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stm_ports::{
    Channel, ConnectError, EventMessage, LocalChannel, LocalTransport, Refusal, Transport,
    WorkItem, WorkMessage,
};

#[derive(Debug, Default)]
struct Item {
    run: AtomicUsize,
    refused: AtomicUsize,
}

impl WorkItem for Item {
    fn id(&self) -> u64 {
        7
    }

    fn name(&self) -> Option<&str> {
        Some("digest")
    }

    fn run(self: Arc<Self>) {
        self.run.fetch_add(1, Ordering::SeqCst);
    }

    fn refuse(self: Arc<Self>, why: Refusal) {
        assert_eq!(why, Refusal::Lost("the wire broke"));
        self.refused.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_transport_brings_the_very_work_item_that_was_sent() {
    let item = Arc::new(Item::default());
    let channel = LocalTransport.work_channel();
    let (putter, worker) = (channel.connect().unwrap(), channel.connect().unwrap());
    for _ in 0..2 {
        putter
            .send_blocking(WorkMessage::new(item.clone()))
            .unwrap();
    }
    let message = worker.receive_blocking().unwrap();
    assert_eq!(
        (message.item().id(), message.item().name()),
        (7, Some("digest"))
    );
    message.into_item().run();
    let message = worker.receive_blocking().unwrap();
    message.into_item().refuse(Refusal::Lost("the wire broke"));
    assert_eq!(item.run.load(Ordering::SeqCst), 1);
    assert_eq!(item.refused.load(Ordering::SeqCst), 1);
}

#[test]
fn an_event_comes_out_as_what_it_went_in_and_as_nothing_else() {
    let message = EventMessage::new(String::from("worker 3 started"));
    assert_eq!(message.downcast_ref::<u8>(), None);
    let message = message.downcast::<u8>().unwrap_err();
    assert_eq!(format!("{message:?}"), "EventMessage(\"worker 3 started\")");
    assert_eq!(
        *message.clone().downcast::<String>().unwrap(),
        "worker 3 started"
    );
    assert!(message.downcast_ref::<String>().is_some());
}

#[test]
fn errors_name_port_and_channel() {
    let channel = LocalChannel::<u8>::new();
    let (port, other) = (channel.connect().unwrap(), channel.connect().unwrap());
    let (c, p) = (channel.id(), port.id());
    let twice = channel.reconnect(&*port).unwrap_err();
    assert_eq!(
        twice.to_string(),
        format!("{p} is already connected to {c}")
    );
    let third = channel.connect().unwrap_err();
    assert_eq!(
        third.to_string(),
        format!("both ends of {c} are occupied: no port can be connected")
    );
    channel.disconnect(&*port).unwrap();
    let none = channel.disconnect(&*port).unwrap_err();
    assert_eq!(none.to_string(), format!("{p} is not connected to {c}"));
    let _newer = channel.connect().unwrap();
    let late = channel.reconnect(&*port).unwrap_err();
    assert_eq!(
        late,
        ConnectError::ChannelFullyOccupied {
            channel: c,
            port: Some(p)
        }
    );
    assert_eq!(
        late.to_string(),
        format!("both ends of {c} are occupied: {p} cannot be connected")
    );
    let gone = port.send_blocking(1).unwrap_err();
    assert_eq!(
        gone.to_string(),
        format!("{p} or the one at the other end of {c} has been disconnected")
    );
    assert!(other.send_blocking(1).is_ok());
}
