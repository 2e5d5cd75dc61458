//! How many workers a scheduler is built with, and at most.

use std::sync::Arc;

use super::BuildError;
use crate::cores;
use crate::staff::Plan;
use crate::work::unwind::{contain, drop_contained};

/// The idle protocol counts searchers and sleepers, spares included, in 16 bits.
pub(super) const MOST_WORKERS: usize = 0x7FFF;

/// Says how many cores there are to use.
pub(super) type Cores = Arc<dyn Fn() -> usize + Send + Sync>;

/// As the user's function says, or as the system does, where there is none or it panics.
pub(super) fn count(function: Option<&Cores>) -> usize {
    let Some(function) = function else {
        return cores::usable();
    };
    contain(|| function().max(1)).unwrap_or_else(|payload| {
        drop_contained(payload);
        cores::usable()
    })
}

/// How many workers there are to be, as the builder was told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Workers {
    /// One for each core.
    #[default]
    Cores,
    Fixed(usize),
    Between(usize, usize),
}

impl Workers {
    /// Who says how many workers there are to be, how many there are at first, and at most.
    pub(super) fn plan(
        self,
        most: Option<usize>,
        cores: Option<&Cores>,
    ) -> Result<(Plan, usize, usize), BuildError> {
        let (plan, min, max) = match self {
            Workers::Cores => (Plan::Cores, 1, 1),
            Workers::Fixed(workers) => (Plan::Fixed, workers, workers),
            Workers::Between(min, max) => (Plan::Between { min, max }, min, max),
        };
        if min == 0 || most == Some(0) {
            return Err(BuildError::NoWorkers);
        }
        if min > max {
            return Err(BuildError::MinAboveMax { min, max });
        }
        let cores = match (plan, most) {
            (Plan::Cores, _) | (_, None) => count(cores),
            _ => 1,
        };
        let generous = cores.saturating_mul(4).clamp(16, MOST_WORKERS);
        let most = most.unwrap_or(max.max(generous));
        if most > MOST_WORKERS {
            return Err(BuildError::TooManyWorkers { most: MOST_WORKERS });
        }
        if max > most {
            return Err(BuildError::TooManyWorkers { most });
        }
        let first = match plan {
            Plan::Cores => cores.min(most),
            _ => min,
        };
        Ok((plan, first, most))
    }
}
