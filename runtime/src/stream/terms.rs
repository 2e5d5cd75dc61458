//! On what terms jobs start, as a scheduler of streams is set up with them; and how a drawing asks the
//! [criterion](super::criterion::porter).

use hivework_stm::facade::sync::{Arc, Weak};
use hivework_stm::{Abort, Transaction, abort};

use super::criterion::Criterion;
use super::criterion::porter::Porter;
use super::drawer::{Drawer, Drawn};
use super::evict::Evict;
use crate::shared::Shared;
use crate::slots::Draws;

/// On what terms jobs start, on the outside.
#[derive(Default)]
pub(super) struct Terms {
    pub(super) evict: Evict,
    pub(super) criterion: Option<Criterion>,
}

impl Drawer {
    pub(super) fn with_porter<R>(
        &self,
        call: impl FnOnce(&Arc<Porter>, &Arc<Shared>, &Weak<dyn Draws>) -> R,
    ) -> Option<R> {
        let (porter, shared) = (self.porter.as_ref()?, self.shared()?);
        Some(call(porter, &shared, &self.word()))
    }

    /// Step 4. Where no job starts it leaves nothing written.
    pub(super) fn admit(
        &self,
        tx: &mut Transaction<'_>,
        is_asked: bool,
        starts: bool,
    ) -> Result<(), Abort<Drawn>> {
        let Some(porter) = &self.porter else {
            return Ok(());
        };
        if !is_asked && porter.is_to_be_asked(tx)? {
            return abort(Drawn::AskPorter);
        }
        if porter.ask_in(tx, starts)? {
            Ok(())
        } else {
            abort(Drawn::Shut)
        }
    }
}
