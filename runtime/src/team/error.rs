//! Why a team is not put, and why its members wait no longer.

use std::fmt;

use crate::work::error::WorkError;

/// Why a team was not put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TeamError {
    /// A team of nobody.
    Empty,
    /// More members than there can be threads, so that they could never start together.
    TooMany {
        /// How many it was to have.
        size: usize,
        /// How many it can have: workers and spares.
        most: usize,
    },
    /// A member of another team put it, and there are not enough threads left for it to start now.
    /// Waiting could be for ever: the member's own team has some of those that it would wait for.
    WouldDeadlock {
        /// How many members it was to have.
        size: usize,
        /// How many threads are left.
        free: usize,
    },
}

impl fmt::Display for TeamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TeamError::Empty => f.write_str("a team needs at least one member"),
            TeamError::TooMany { size, most } => write!(
                f,
                "a team of {size} cannot start together: workers and spares are {most} threads at \
                 most; put a smaller team, or give the scheduler more workers or `max_spares`"
            ),
            TeamError::WouldDeadlock { size, free } => write!(
                f,
                "a member put a team of {size}, and {free} threads are left: it could wait for its \
                 own team; put a smaller team, put it from outside the team, or give the \
                 scheduler more `max_spares`"
            ),
        }
    }
}

impl std::error::Error for TeamError {}

/// Why a member of a team waits no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MemberError {
    /// The team was cancelled, or a member has panicked: the others should come to an end.
    TeamOver,
    /// What it waits for takes a member that has returned.
    MemberLeft,
    /// There is no member of this index.
    NoSuchMember {
        /// The index.
        index: usize,
        /// How many there are; their indices are those below.
        size: usize,
    },
}

impl fmt::Display for MemberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemberError::TeamOver => {
                f.write_str("the team is over: it was cancelled, or a member has panicked")
            }
            MemberError::MemberLeft => {
                f.write_str("this would wait for ever for a member that has returned")
            }
            MemberError::NoSuchMember { index, size } => {
                write!(
                    f,
                    "a team of {size} has no member {index}: they count from 0"
                )
            }
        }
    }
}

impl std::error::Error for MemberError {}

impl From<MemberError> for WorkError {
    /// For a member that answers with a [`WorkError`].
    fn from(error: MemberError) -> WorkError {
        match error {
            MemberError::TeamOver => WorkError::Cancelled,
            MemberError::MemberLeft => WorkError::Lost("a member of its team has returned"),
            MemberError::NoSuchMember { .. } => WorkError::Lost("its team has no such member"),
        }
    }
}
