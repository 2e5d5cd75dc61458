//! The outlets of a build without their features: nothing at all.

#[cfg(not(feature = "tracing"))]
pub(crate) mod spans {
    use crate::event::Event;
    use crate::shared::Shared;
    use crate::work::info::Info;
    use crate::work::own::Own;

    pub(crate) struct Entered;

    #[inline(always)]
    pub(crate) fn put(_info: &mut Info) {}

    #[inline(always)]
    pub(crate) fn enter(_info: &Info, _own: &Own, _first: bool) -> Entered {
        Entered
    }

    #[inline(always)]
    pub(crate) fn close(_info: &Info) {}

    #[inline(always)]
    pub(crate) fn are_heard() -> bool {
        false
    }

    #[inline(always)]
    pub(crate) fn tell(_shared: &Shared, _event: &Event) {}
}

#[cfg(not(feature = "trace"))]
pub(crate) mod trace {
    use std::time::Instant;

    use crate::shared::Shared;
    use crate::work::info::Info;
    use crate::work::own::Own;

    #[must_use]
    pub(crate) struct Seen;

    #[inline(always)]
    pub(crate) fn puts(_shared: &Shared) -> Seen {
        Seen
    }

    #[inline(always)]
    pub(crate) fn arrow(_shared: &Shared, _info: &Info) {}

    #[inline(always)]
    pub(crate) fn work(_info: &Info, _own: &Own, _first: bool) -> Seen {
        Seen
    }

    #[inline(always)]
    pub(crate) fn half() -> Seen {
        Seen
    }

    #[inline(always)]
    pub(crate) fn steal(_shared: &Shared, _from: Option<usize>) {}

    #[inline(always)]
    pub(crate) fn park(_shared: &Shared) -> Seen {
        Seen
    }

    #[inline(always)]
    pub(crate) fn block(_shared: &Shared) {}

    #[inline(always)]
    pub(crate) fn unblock(_shared: &Shared) {}

    #[inline(always)]
    pub(crate) fn tick(_shared: &Shared) -> Seen {
        Seen
    }

    #[inline(always)]
    pub(crate) fn write_out(_shared: &Shared) {}

    #[inline(always)]
    pub(crate) fn due(_shared: &Shared) -> Option<Instant> {
        None
    }

    #[inline(always)]
    pub(crate) fn close(_shared: &Shared) {}
}
