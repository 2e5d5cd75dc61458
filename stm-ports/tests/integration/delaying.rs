//! A transport as a user would write it, for finding faults: every message arrives
//! later, and overtakes those of other lanes.
//!
//! Each parcel is due a random while after it was sent, and not before the one that
//! was sent before it in its lane.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use stm_ports::{Cargo, Channel, EventMessage, Lane, Parcel, Pump, Transport, Wire, WorkMessage};

/// The longest that a message is under way.
const LATEST: Duration = Duration::from_micros(500);

#[derive(Clone, Debug)]
pub(crate) struct DelayingTransport {
    work: Pump<WorkMessage>,
    events: Pump<EventMessage>,
}

impl DelayingTransport {
    /// The same seed draws the same delays.
    pub(crate) fn new(seed: u64) -> io::Result<Self> {
        Ok(DelayingTransport {
            work: Pump::start(Delaying::new(seed))?,
            events: Pump::start(Delaying::new(!seed))?,
        })
    }

    /// With channels that hold so many messages in each direction.
    pub(crate) fn bounded(seed: u64, bound: NonZeroUsize) -> io::Result<Self> {
        Ok(DelayingTransport {
            work: Pump::bounded(Delaying::new(seed), bound)?,
            events: Pump::bounded(Delaying::new(!seed), bound)?,
        })
    }
}

impl Transport for DelayingTransport {
    fn work_channel(&self) -> Box<dyn Channel<WorkMessage>> {
        self.work.channel()
    }

    fn event_channel(&self) -> Box<dyn Channel<EventMessage>> {
        self.events.channel()
    }
}

struct Delaying<M: Cargo> {
    road: Mutex<Road<M>>,
    changed: Condvar,
}

struct Road<M: Cargo> {
    random: u64,
    sent: u64,
    under_way: BTreeMap<(Instant, u64), Parcel<M>>,
    /// When the last parcel of each lane is due.
    last: HashMap<Lane, Instant>,
    closed: bool,
}

impl<M: Cargo> Delaying<M> {
    fn new(seed: u64) -> Self {
        Delaying {
            road: Mutex::new(Road {
                random: seed | 1,
                sent: 0,
                under_way: BTreeMap::new(),
                last: HashMap::new(),
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl<M: Cargo> Road<M> {
    /// Marsaglia's xorshift.
    fn delay(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        LATEST * u32::try_from(self.random >> 40).unwrap() / (1 << 24)
    }
}

impl<M: Cargo> Wire<M> for Delaying<M> {
    fn send(&self, parcels: Vec<Parcel<M>>) {
        let mut road = self.road.lock().unwrap();
        for parcel in parcels {
            let due = Instant::now() + road.delay();
            let last = road.last.entry(parcel.lane()).or_insert(due);
            let due = due.max(*last);
            *last = due;
            road.sent += 1;
            let place = (due, road.sent);
            road.under_way.insert(place, parcel);
        }
        self.changed.notify_one();
    }

    fn receive(&self) -> Option<Vec<Parcel<M>>> {
        let mut road = self.road.lock().unwrap();
        loop {
            let now = Instant::now();
            let Some(&(due, _)) = road.under_way.keys().next() else {
                if road.closed {
                    return None;
                }
                road = self.changed.wait(road).unwrap();
                continue;
            };
            if due > now {
                road = self.changed.wait_timeout(road, due - now).unwrap().0;
                continue;
            }
            let later = road.under_way.split_off(&(now, u64::MAX));
            let arrived = std::mem::replace(&mut road.under_way, later);
            return Some(arrived.into_values().collect());
        }
    }

    fn close(&self) {
        self.road.lock().unwrap().closed = true;
        self.changed.notify_one();
    }
}
