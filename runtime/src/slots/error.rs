//! What cannot be a set of slots.

use std::fmt;

/// Why there are no such slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SlotsError {
    /// None at all: nothing would ever run.
    Zero,
    /// More than those that they are to be a part of.
    LargerThanParent {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        parent: usize,
    },
    /// More than can be counted.
    TooMany {
        /// How many were asked for.
        asked: usize,
        /// How many there can be.
        most: usize,
    },
}

impl fmt::Display for SlotsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SlotsError::Zero => {
                f.write_str("with zero slots nothing would ever run: ask for at least one")
            }
            SlotsError::LargerThanParent { asked, parent } => write!(
                f,
                "{asked} slots cannot be a part of {parent}: ask for at most {parent}"
            ),
            SlotsError::TooMany { asked, most } => write!(
                f,
                "{asked} slots are more than can be counted: ask for at most {most}"
            ),
        }
    }
}

impl std::error::Error for SlotsError {}
