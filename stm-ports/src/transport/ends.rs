//! The two ends of a channel, which are the same whatever lies between them: who
//! holds them ([seats]), what came in ([inbox]), and how a port leaves ([port]).

pub(crate) mod channel;
pub(super) mod inbox;
mod port;
mod seats;
