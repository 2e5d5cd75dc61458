//! What every channel promises, as checks that any transport can be put through.
//!
//! A check is a function named after a promise; it panics where the promise is
//! broken. [`run`] does all of them, on the work channels and the event channels of
//! a transport; [`conformance_tests!`](crate::conformance_tests) makes a test of
//! each:
//!
//! ```
//! # mod of_the_crate {
//! use stm_ports::LocalTransport;
//!
//! stm_ports::conformance_tests!(local_transport, LocalTransport);
//! # }
//! stm_ports::conformance::run(&stm_ports::LocalTransport, None);
//! ```
//!
//! A channel of another kind of message needs a [`Sample`] of it, and goes into a
//! [`Subject`]:
//!
//! ```
//! use stm_ports::conformance::{self, Subject};
//! use stm_ports::LocalChannel;
//!
//! let numbers = Subject::<u64>::new(|| Box::new(LocalChannel::new()), None);
//! conformance::messages_arrive_in_order(&numbers);
//! ```
//!
//! What a check waits for it waits for a minute at most, so a transport that loses
//! something or forgets to wake somebody fails and does not hang. The checks run on
//! ordinary threads and are not for models.

mod carrying;
mod connecting;
mod crowds;
mod disconnecting;
mod support;
mod waiting;
mod work;

pub use carrying::*;
pub use connecting::*;
pub use crowds::*;
pub use disconnecting::*;
pub use waiting::*;
pub use work::*;

use std::fmt;
use std::num::NonZeroUsize;

use crate::channel::Channel;
use crate::message::{EventMessage, WorkMessage};
use crate::port::Port;
use crate::transport::Transport;

/// A kind of message that can be told apart by a number.
pub trait Sample: Clone + Send + Sync + fmt::Debug + 'static {
    /// A message of this number.
    fn of(number: u64) -> Self;

    /// The number that it was made of.
    fn number(&self) -> u64;
}

impl Sample for u64 {
    fn of(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

impl Sample for EventMessage {
    fn of(number: u64) -> Self {
        EventMessage::new(number)
    }

    fn number(&self) -> u64 {
        *self
            .downcast_ref()
            .expect("the channel changed the event's type")
    }
}

impl Sample for WorkMessage {
    fn of(number: u64) -> Self {
        work::numbered(number)
    }

    fn number(&self) -> u64 {
        self.item().id()
    }
}

/// The kind of channel that is checked.
pub struct Subject<'a, M> {
    make: Box<dyn Fn() -> Box<dyn Channel<M>> + 'a>,
    bound: Option<NonZeroUsize>,
}

impl<'a, M: Sample> Subject<'a, M> {
    /// The channels that `make` makes. With a `bound`, that many messages and no
    /// more can be sent to an end before one is received there.
    pub fn new(make: impl Fn() -> Box<dyn Channel<M>> + 'a, bound: Option<NonZeroUsize>) -> Self {
        Subject {
            make: Box::new(make),
            bound,
        }
    }

    fn channel(&self) -> Box<dyn Channel<M>> {
        (self.make)()
    }

    fn connected(&self) -> Ends<M> {
        let channel = self.channel();
        let here = channel.connect().expect("the first end is free");
        let there = channel.connect().expect("the second end is free");
        (channel, here, there)
    }

    /// How many of `wanted` messages can be sent before one is received.
    fn that_fit(&self, wanted: u64) -> u64 {
        self.bound
            .map_or(wanted, |bound| wanted.min(bound.get() as u64))
    }
}

impl<M> fmt::Debug for Subject<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

/// A channel and what is connected to its ends.
type Ends<M> = (Box<dyn Channel<M>>, Box<dyn Port<M>>, Box<dyn Port<M>>);

impl<'a> Subject<'a, WorkMessage> {
    /// The work channels of a transport.
    pub fn work(transport: &'a dyn Transport, bound: Option<NonZeroUsize>) -> Self {
        Subject::new(|| transport.work_channel(), bound)
    }
}

impl<'a> Subject<'a, EventMessage> {
    /// The event channels of a transport.
    pub fn events(transport: &'a dyn Transport, bound: Option<NonZeroUsize>) -> Self {
        Subject::new(|| transport.event_channel(), bound)
    }
}

/// Hands the names of all checks of a [`Subject`] to a macro, behind what else it is
/// to get.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_checks {
    ($with:path $(, $before:tt)*) => {
        $with! {
            $($before)*
            channels_and_ports_have_identities,
            a_third_port_finds_both_ends_occupied,
            a_connected_port_is_not_connected_again,
            a_stranger_is_not_connected,
            a_port_is_disconnected_once,
            being_connected_is_told_of_each_end_apart,
            a_connecting_that_is_rolled_back_takes_no_end,
            a_disconnecting_that_is_rolled_back_never_was,
            a_port_dropped_as_it_is_connected_leaves_no_trace,
            a_port_that_goes_gives_its_end_back,
            an_end_is_never_held_by_two,
            messages_arrive_in_order,
            what_is_sent_early_waits_for_the_other_end,
            a_send_that_is_rolled_back_never_leaves,
            a_message_leaves_when_its_transaction_commits,
            messages_of_one_transaction_keep_their_order,
            a_receive_that_is_rolled_back_takes_nothing,
            batches_keep_the_order_and_their_size,
            a_receive_that_runs_out_of_time_takes_nothing,
            channels_are_apart,
            a_send_to_an_end_that_was_left_is_an_error,
            a_disconnected_port_answers_errors,
            what_was_sent_before_a_disconnection_is_received,
            the_next_port_takes_over_what_was_not_received,
            a_port_can_be_connected_again,
            dropping_a_disconnected_port_leaves_its_successor_alone,
            a_waiting_receive_gets_the_message,
            a_waiting_receive_hears_of_a_disconnection,
            a_waiting_receive_hears_of_its_own_disconnection,
            a_waiting_receive_hears_of_a_drop,
            a_waiting_receive_hears_of_a_drop_inside_a_transaction,
            a_channel_holds_what_its_bound_says,
            a_waiting_send_goes_on_when_there_is_room,
            a_waiting_send_hears_of_a_disconnection,
            each_sender_is_heard_in_its_order,
            nothing_is_lost_or_doubled_among_threads,
            what_was_accepted_is_received_however_often_the_ends_change,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_run {
    ($subject:ident $($check:ident,)*) => {
        $($crate::conformance::$check($subject);)*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($transport:tt $bound:tt $($check:ident,)*) => {
        $(
            #[test]
            fn $check() {
                let (transport, bound) = ($transport, $bound);
                $crate::conformance::$check(
                    &$crate::conformance::Subject::work(&transport, bound),
                );
                $crate::conformance::$check(
                    &$crate::conformance::Subject::events(&transport, bound),
                );
            }
        )*
    };
}

/// Makes a module of tests, one for each check, of a transport.
///
/// The transport is an expression, evaluated anew in each test; after it, where its
/// channels are bounded, `bound` and the number of messages that fit, a
/// `NonZeroUsize`.
///
/// ```
/// use std::num::NonZeroUsize;
/// use stm_ports::BoundedTransport;
///
/// const FEW: NonZeroUsize = NonZeroUsize::new(3).unwrap();
/// stm_ports::conformance_tests!(bounded, BoundedTransport::new(FEW), bound FEW);
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($name:ident, $transport:expr $(,)?) => {
        $crate::conformance_tests!(@ $name, $transport, {
            ::core::option::Option::<::core::num::NonZeroUsize>::None
        });
    };
    ($name:ident, $transport:expr, bound $bound:expr $(,)?) => {
        $crate::conformance_tests!(@ $name, $transport, {
            ::core::option::Option::<::core::num::NonZeroUsize>::Some($bound)
        });
    };
    (@ $name:ident, $transport:expr, $bound:tt) => {
        mod $name {
            #[allow(unused_imports, reason = "the transport may need nothing")]
            use super::*;

            $crate::__conformance_checks!(
                $crate::__conformance_tests, { $transport }, $bound
            );

            #[test]
            fn work_in_a_channel_that_goes_is_answered() {
                $crate::conformance::work_in_a_channel_that_goes_is_answered(&$transport);
            }
        }
    };
}

/// Puts the channels that `make` makes through every check.
///
/// # Panics
///
/// Where a promise is broken.
pub fn run_channel<M: Sample>(subject: &Subject<'_, M>) {
    __conformance_checks!(crate::__conformance_run, subject);
}

/// Puts the work channels and the event channels of a transport through every
/// check. With a `bound`, so many messages and no more can be sent to an end before
/// one is received there.
///
/// # Panics
///
/// Where a promise is broken.
pub fn run(transport: &dyn Transport, bound: Option<NonZeroUsize>) {
    run_channel(&Subject::work(transport, bound));
    run_channel(&Subject::events(transport, bound));
    work_in_a_channel_that_goes_is_answered(transport);
}
