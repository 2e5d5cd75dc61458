//! The watch of a build without the feature: nothing at all.

use super::How;

#[derive(Debug)]
pub(crate) struct Watch;

impl Watch {
    #[inline(always)]
    pub(crate) fn begin() -> Watch {
        Watch
    }

    #[inline(always)]
    pub(crate) fn note(&mut self, _how: How) {}

    #[inline(always)]
    pub(crate) fn end(&self, _committed: bool) {}
}
