//! The judge on histories made by hand.

mod accepted;
mod order;
mod support;
mod values;
