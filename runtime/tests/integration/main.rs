//! What the scheduler promises, one file a subject; see `support` for how tests
//! wait: on the event itself, with a bound that only a defect reaches.

mod bad_input;
mod blocked;
mod books;
mod broadcast;
mod budgets;
mod callbacks;
mod cancelling;
mod crashing;
mod criteria;
mod deadlines;
#[path = "../../../stm-ports/tests/integration/delaying.rs"]
mod delaying;
mod draining;
mod events;
mod evicting;
mod forking;
mod futures;
mod idling;
mod limits;
mod mapping;
mod outlets;
mod overrun;
mod panics;
mod parallel;
mod periodic;
mod pools;
mod priorities;
mod putting;
mod races;
mod scaling;
mod scope;
mod slots;
mod spawning;
mod stopping;
mod streams;
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
