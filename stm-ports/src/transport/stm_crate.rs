//! A transport over the published `stm` crate: its wire is one of that crate's
//! variables.
//!
//! It shows that the ports are whatever carries them, and carries between code that
//! uses the one transactional memory and code that uses the other.
//!
//! 1. A send appends the parcels to a list in the variable, in a transaction of that
//!    crate.
//! 2. A receive takes the list, and waits in that crate's `retry` while it is empty
//!    and the wire is open.
//!
//! That crate hands out clones of what is in a variable, and a parcel is one of its
//! kind. So the list holds *envelopes*, which share it; who takes the list in a
//! transaction that commits takes the parcels out of them, and nobody else does.
//!
//! Each of its transactions touches one variable. It does not promise that one which
//! reads several sees them as they were at one moment.

use std::fmt;
use std::io;

use hivework_stm::facade::sync::{Arc, Mutex};

use super::Transport;
use super::pump::{Cargo, Parcel, Pump, Wire};
use crate::channel::Channel;
use crate::message::{EventMessage, WorkMessage};

/// A transport whose messages travel through variables of the published
/// [`stm`](https://docs.rs/stm) crate. With the feature `stm-crate`.
///
/// A handle: clones share the wires, one for work and one for events. Four threads
/// serve them until the last clone, channel and port has gone.
///
/// ```
/// use stm_ports::{EventMessage, StmCrateTransport, Transport};
///
/// let transport = StmCrateTransport::new()?;
/// let channel = transport.event_channel();
/// let (here, there) = (channel.connect()?, channel.connect()?);
/// here.send_blocking(EventMessage::new("hello")).unwrap();
/// let event = there.receive_blocking().unwrap();
/// assert_eq!(event.downcast_ref(), Some(&"hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct StmCrateTransport {
    work: Pump<WorkMessage>,
    events: Pump<EventMessage>,
}

impl StmCrateTransport {
    /// A new transport.
    ///
    /// # Errors
    ///
    /// When the operating system gives no threads.
    pub fn new() -> io::Result<Self> {
        Ok(StmCrateTransport {
            work: Pump::start(StmWire::new())?,
            events: Pump::start(StmWire::new())?,
        })
    }
}

impl Transport for StmCrateTransport {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        self.work.channel()
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        self.events.channel()
    }
}

struct StmWire<M: Cargo>(stm::TVar<Load<M>>);

/// What is on the wire.
struct Load<M: Cargo> {
    envelopes: Vec<Envelope<M>>,
    closed: bool,
}

struct Envelope<M: Cargo>(Arc<Mutex<Option<Parcel<M>>>>);

impl<M: Cargo> StmWire<M> {
    fn new() -> Self {
        StmWire(stm::TVar::new(Load {
            envelopes: Vec::new(),
            closed: false,
        }))
    }
}

impl<M: Cargo> Wire<M> for StmWire<M> {
    fn send(&self, parcels: Vec<Parcel<M>>) {
        let seal = |parcel| Envelope(Arc::new(Mutex::new(Some(parcel))));
        let envelopes: Vec<_> = parcels.into_iter().map(seal).collect();
        stm::atomically(|tx| {
            let mut load = self.0.read(tx)?;
            load.envelopes.extend_from_slice(&envelopes);
            self.0.write(tx, load)
        });
    }

    fn receive(&self) -> Option<Vec<Parcel<M>>> {
        let load = stm::atomically(|tx| {
            let load = self.0.read(tx)?;
            if load.envelopes.is_empty() && !load.closed {
                return stm::retry();
            }
            let left = Load {
                envelopes: Vec::new(),
                closed: load.closed,
            };
            self.0.write(tx, left)?;
            Ok(load)
        });
        let open = |envelope: Envelope<M>| envelope.0.lock().take();
        let parcels: Vec<_> = load.envelopes.into_iter().filter_map(open).collect();
        (!parcels.is_empty()).then_some(parcels)
    }

    fn close(&self) {
        stm::atomically(|tx| {
            let mut load = self.0.read(tx)?;
            load.closed = true;
            self.0.write(tx, load)
        });
    }
}

impl<M: Cargo> Clone for Load<M> {
    fn clone(&self) -> Self {
        Load {
            envelopes: self.envelopes.clone(),
            closed: self.closed,
        }
    }
}

impl<M: Cargo> Clone for Envelope<M> {
    fn clone(&self) -> Self {
        Envelope(Arc::clone(&self.0))
    }
}

impl<M: Cargo> fmt::Debug for StmWire<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StmWire").finish_non_exhaustive()
    }
}
