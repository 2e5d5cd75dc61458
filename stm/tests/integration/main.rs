//! What the engine promises, one file a subject; each test is named after the
//! promise that it holds the engine to, or the anomaly that it forbids. Which rule
//! has which tests: `tests/README.md`.

mod asynchronous;
mod basics;
mod branches;
mod crowds;
mod delay;
mod drops;
mod foreign;
mod hooks;
mod isolation;
mod news;
mod oracle;
mod panics;
mod progress;
mod rows;
mod statistics;
mod support;
mod threads;
mod waiting;
