//! The judge on histories made by hand.

mod accepted;
mod order;
mod rounds;
mod support;
mod values;
