//! What the scheduler promises, one file a subject; see `support` for how tests
//! wait: on the event itself, with a bound that only a defect reaches.

mod bad_input;
mod berths;
mod blocked;
mod books;
mod broadcast;
mod cancelling;
mod crashing;
mod deadlines;
#[path = "../../../stm-ports/tests/integration/delaying.rs"]
mod delaying;
mod events;
mod forking;
mod futures;
mod idling;
mod outlets;
mod overrun;
mod panics;
mod parallel;
mod periodic;
mod priorities;
mod putting;
mod races;
mod scaling;
mod scope;
mod spawning;
mod stopping;
mod subscriptions;
mod support;
mod teams;
mod telling;
mod timers;
mod transactions;
mod transports;
mod traps;
mod turns;
mod waiting;
