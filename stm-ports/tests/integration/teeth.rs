//! The conformance checks find transports out that break a promise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use hivework_stm::{StmResult, Transaction};
use stm_ports::conformance::{self, Subject};
use stm_ports::{
    Cargo, Channel, ChannelId, ConnectError, Disconnected, EventMessage, LocalTransport, Parcel,
    Port, PortId, Pump, Transport, Wire,
};

type Parcels<M> = Vec<Parcel<M>>;

/// A wire that does something to what it is given.
struct Bad<M: Cargo> {
    harm: fn(&mut Parcels<M>),
    sender: Mutex<Option<Sender<Parcels<M>>>>,
    receiver: Mutex<Receiver<Parcels<M>>>,
}

impl<M: Cargo> Wire<M> for Bad<M> {
    fn send(&self, mut parcels: Parcels<M>) {
        (self.harm)(&mut parcels);
        let sender = self.sender.lock().unwrap();
        if let (Some(sender), false) = (&*sender, parcels.is_empty()) {
            sender.send(parcels).unwrap();
        }
    }

    fn receive(&self) -> Option<Parcels<M>> {
        self.receiver.lock().unwrap().recv().ok()
    }

    fn close(&self) {
        *self.sender.lock().unwrap() = None;
    }
}

fn bad<M: Cargo>(harm: fn(&mut Parcels<M>)) -> Pump<M> {
    let (sender, receiver) = channel();
    Pump::start(Bad {
        harm,
        sender: Mutex::new(Some(sender)),
        receiver: Mutex::new(receiver),
    })
    .unwrap()
}

fn is_found_out(check: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(check)).is_err()
}

#[test]
fn a_wire_that_turns_the_order_round_is_found_out() {
    let pump = bad::<EventMessage>(|parcels| parcels.reverse());
    let subject = Subject::new(|| pump.channel(), None);
    assert!(is_found_out(|| {
        conformance::messages_of_one_transaction_keep_their_order(&subject);
    }));
}

#[test]
fn a_wire_that_loses_something_is_found_out() {
    let pump = bad::<EventMessage>(|parcels| drop(parcels.pop()));
    let subject = Subject::new(|| pump.channel(), None);
    assert!(is_found_out(|| {
        conformance::what_was_sent_before_a_disconnection_is_received(&subject);
    }));
}

/// A local channel that does one thing otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    SendsAtOnce,
    HidesTheEnd,
    NamesNobody,
}

#[derive(Debug)]
struct Odd(Box<dyn Channel<EventMessage>>, Fault);

#[derive(Debug)]
struct OddPort(Box<dyn Port<EventMessage>>, Fault);

impl Channel<EventMessage> for Odd {
    fn id(&self) -> ChannelId {
        self.0.id()
    }

    fn connect_in(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<Box<dyn Port<EventMessage>>, ConnectError>> {
        let connected = self.0.connect_in(tx)?;
        Ok(connected.map(|port| Box::new(OddPort(port, self.1)) as _))
    }

    fn reconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<EventMessage>,
    ) -> StmResult<Result<(), ConnectError>> {
        self.0.reconnect_in(tx, port)
    }

    fn disconnect_in(
        &self,
        tx: &mut Transaction<'_>,
        port: &dyn Port<EventMessage>,
    ) -> StmResult<Result<(), ConnectError>> {
        let done = self.0.disconnect_in(tx, port)?;
        Ok(if self.1 == Fault::NamesNobody {
            done.map_err(|_| ConnectError::PortNotConnected {
                channel: ChannelId::new(),
                port: PortId::new(),
            })
        } else {
            done
        })
    }
}

impl Port<EventMessage> for OddPort {
    fn id(&self) -> PortId {
        self.0.id()
    }

    fn channel(&self) -> ChannelId {
        self.0.channel()
    }

    fn send(
        &self,
        tx: &mut Transaction<'_>,
        message: EventMessage,
    ) -> StmResult<Result<(), Disconnected>> {
        if self.1 == Fault::SendsAtOnce {
            let sent = std::thread::scope(|scope| {
                let sender = scope.spawn(|| self.0.send_blocking(message));
                sender.join().unwrap()
            });
            return Ok(sent);
        }
        self.0.send(tx, message)
    }

    fn try_send(
        &self,
        tx: &mut Transaction<'_>,
        message: EventMessage,
    ) -> StmResult<Result<Option<EventMessage>, Disconnected>> {
        self.0.try_send(tx, message)
    }

    fn receive(&self, tx: &mut Transaction<'_>) -> StmResult<Result<EventMessage, Disconnected>> {
        self.0.receive(tx)
    }

    fn try_receive(
        &self,
        tx: &mut Transaction<'_>,
    ) -> StmResult<Result<Option<EventMessage>, Disconnected>> {
        let received = self.0.try_receive(tx)?;
        Ok(if self.1 == Fault::HidesTheEnd {
            received.or(Ok(None))
        } else {
            received
        })
    }

    fn receive_batch(
        &self,
        tx: &mut Transaction<'_>,
        max: usize,
    ) -> StmResult<Result<Vec<EventMessage>, Disconnected>> {
        self.0.receive_batch(tx, max)
    }

    fn is_connected(&self, tx: &mut Transaction<'_>) -> StmResult<bool> {
        self.0.is_connected(tx)
    }
}

fn odd(fault: Fault) -> Subject<'static, EventMessage> {
    Subject::new(
        move || Box::new(Odd(LocalTransport.event_channel(), fault)),
        None,
    )
}

#[test]
fn a_port_that_sends_before_the_commit_is_found_out() {
    let subject = odd(Fault::SendsAtOnce);
    assert!(is_found_out(|| {
        conformance::a_send_that_is_rolled_back_never_leaves(&subject);
    }));
    assert!(is_found_out(|| {
        conformance::a_message_leaves_when_its_transaction_commits(&subject);
    }));
}

#[test]
fn a_port_that_hides_the_end_is_found_out() {
    let subject = odd(Fault::HidesTheEnd);
    assert!(is_found_out(|| {
        conformance::what_was_sent_before_a_disconnection_is_received(&subject);
    }));
}

#[test]
fn an_error_that_names_another_port_is_found_out() {
    let subject = odd(Fault::NamesNobody);
    assert!(is_found_out(|| {
        conformance::a_port_is_disconnected_once(&subject);
    }));
}
