//! Identities of ports and channels.

use std::fmt;

use hivework_stm::facade::atomic::{AtomicU64, Ordering};
use hivework_stm::facade::global;

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident, $what:literal, $counter:ident) => {
        global! {
            static $counter: AtomicU64 = AtomicU64::new(1);
        }

        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u64);

        impl $name {
            /// An identity that nothing else has.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "no two are equal")]
            pub fn new() -> Self {
                // Relaxed: only that every number is given out once matters.
                $name($counter.fetch_add(1, Ordering::Relaxed))
            }

            /// The number behind it.
            #[must_use]
            pub fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($what, " {}"), self.0)
            }
        }
    };
}

identity! {
    /// The identity of a port: no two ports of a process share one.
    PortId, "port", NEXT_PORT
}

identity! {
    /// The identity of a channel: no two channels of a process share one.
    ChannelId, "channel", NEXT_CHANNEL
}
