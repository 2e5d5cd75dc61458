//! Asking strategies of the user's own: what a drawing asks, and what was answered.

use hivework_stm::facade::sync::Arc;
use hivework_stm::{StmResult, Transaction, atomically};

use super::drawer::Drawer;
use super::lane::Lane;
use super::order::{Draw, Next};
use super::pending::Held;
use crate::work::unwind::{contain, drop_contained, message};

/// How many times strategies are asked for one drawing, before the first takes the turn.
const PATIENCE: u32 = 16;

/// What a drawing asks.
pub(super) enum Question {
    /// From which of its streams?
    Lane(Arc<Drawer>),
    /// Which of its jobs?
    Job(Arc<Lane>),
}

/// What was answered for one drawing.
#[derive(Default)]
pub(super) struct Answers {
    /// By a scheduler's number.
    lanes: Vec<(u64, Arc<Lane>)>,
    /// By a stream's number.
    jobs: Vec<(u64, Held)>,
    asked: u32,
}

impl Answers {
    /// The stream that was chosen, if it can be drawn from now.
    pub(super) fn lane(
        &self,
        tx: &mut Transaction<'_>,
        drawer: &Drawer,
    ) -> StmResult<Option<Arc<Lane>>> {
        for (of, lane) in &self.lanes {
            if *of == drawer.id && lane.is_ready(tx)? {
                return Ok(Some(Arc::clone(lane)));
            }
        }
        Ok(None)
    }

    /// The job that was chosen, if it waits now.
    pub(super) fn job(&self, tx: &mut Transaction<'_>, lane: &Lane) -> StmResult<Option<Held>> {
        for (of, held) in &self.jobs {
            if *of == lane.id.id && held.entry.waits(tx)?.is_some() {
                return Ok(Some(held.clone()));
            }
        }
        Ok(None)
    }

    /// Have they been asked too often?
    pub(super) fn is_at_an_end(&self) -> bool {
        self.asked >= PATIENCE
    }

    /// Asks, outside of transactions.
    pub(super) fn ask(&mut self, question: Question) {
        self.asked += 1;
        match question {
            Question::Lane(drawer) => {
                let lanes = atomically(|tx| drawer.index.all(tx));
                let Draw::Own(choose) = &drawer.draw else {
                    return;
                };
                let views: Vec<_> = lanes.iter().map(|lane| lane.view()).collect();
                let Some(first) = lanes.first() else { return };
                let chosen = chosen(
                    || choose(&views),
                    |number| lanes.iter().find(|lane| lane.id.id == number),
                );
                let chosen = chosen.unwrap_or_else(|why| {
                    first.trouble(&format!("the strategy that draws from its scheduler {why}"));
                    first
                });
                self.lanes.retain(|(of, _)| *of != drawer.id);
                self.lanes.push((drawer.id, Arc::clone(chosen)));
            }
            Question::Job(lane) => {
                let jobs = atomically(|tx| lane.pending.all(tx));
                let Next::Own(choose) = &lane.next else {
                    return;
                };
                let view = |job: &Held| job.entry.view(&job.item.head().info);
                let views: Vec<_> = jobs.iter().map(view).collect();
                let Some(first) = jobs.first() else { return };
                let chosen = chosen(
                    || choose(&views),
                    |number| jobs.iter().find(|job| job.item.head().info.id() == number),
                );
                let chosen = chosen.unwrap_or_else(|why| {
                    lane.trouble(&format!("its strategy {why}"));
                    first
                });
                self.jobs.retain(|(of, _)| *of != lane.id.id);
                self.jobs.push((lane.id.id, chosen.clone()));
            }
        }
    }
}

/// What was chosen, or what is wrong with the choice.
fn chosen<T>(
    choose: impl FnOnce() -> u64,
    find: impl FnOnce(u64) -> Option<T>,
) -> Result<T, String> {
    match contain(choose) {
        Ok(number) => find(number).ok_or_else(|| {
            format!("answered {number}, which it was not asked about; the first takes the turn")
        }),
        Err(payload) => {
            let why = format!(
                "panicked, and the first takes the turn: {}",
                message(&*payload)
            );
            drop_contained(payload);
            Err(why)
        }
    }
}
