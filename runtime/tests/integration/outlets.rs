//! What can be seen from outside through the optional features: as spans of `tracing`, as
//! figures of `metrics`, as a trace file.

mod figures;
mod format;
mod listener;
mod spans;
mod trace;
