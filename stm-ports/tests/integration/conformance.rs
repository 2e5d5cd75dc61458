//! Every transport of the crate, and one that a user would write, keeps what a
//! channel promises.

use std::num::NonZeroUsize;

use stm_ports::conformance::{Subject, run_channel};
use stm_ports::conformance_tests;
use stm_ports::{BoundedTransport, LocalChannel, LocalTransport, StmCrateTransport};

use crate::delaying::DelayingTransport;

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();
const FEW: NonZeroUsize = NonZeroUsize::new(5).unwrap();

conformance_tests!(local, LocalTransport);
conformance_tests!(bounded, BoundedTransport::new(FEW), bound FEW);
conformance_tests!(bounded_to_one, BoundedTransport::new(ONE), bound ONE);
conformance_tests!(stm_crate, StmCrateTransport::new().unwrap());
conformance_tests!(delaying, DelayingTransport::new(0x5EED).unwrap());
conformance_tests!(
    delaying_and_bounded,
    DelayingTransport::bounded(0x5EED, FEW).unwrap(),
    bound FEW
);

#[test]
fn a_channel_of_any_message() {
    run_channel(&Subject::<u64>::new(|| Box::new(LocalChannel::new()), None));
    run_channel(&Subject::<u64>::new(
        || Box::new(LocalChannel::bounded(FEW)),
        Some(FEW),
    ));
}
