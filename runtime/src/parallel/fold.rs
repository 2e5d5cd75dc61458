//! What is gathered without a place of its own: calls, sums, counts.

use std::ops::ControlFlow;

use super::lazy::Gather;

/// Calls the closure with each item.
pub(super) struct Each<F>(pub(super) F);

impl<I, F: Fn(I) + Sync> Gather<I> for Each<F> {
    type State = ();

    fn take(&self, (): &mut (), items: impl Iterator<Item = I>) -> ControlFlow<()> {
        items.for_each(&self.0);
        ControlFlow::Continue(())
    }

    fn split_off(&self, (): &mut (), _: usize) {}

    fn merge(&self, (): (), (): ()) {}
}

/// Maps the items and combines the results, in order.
pub(super) struct Reduce<M, C> {
    pub(super) map: M,
    pub(super) combine: C,
}

impl<I, R, M, C> Gather<I> for Reduce<M, C>
where
    R: Send,
    M: Fn(I) -> R + Sync,
    C: Fn(R, R) -> R + Sync,
{
    type State = Option<R>;

    fn take(&self, state: &mut Option<R>, items: impl Iterator<Item = I>) -> ControlFlow<()> {
        let mut items = items.map(&self.map);
        // The sum goes into a variable of the loop and back: what lies behind a
        // reference is stored each time.
        if let Some(first) = state.take().or_else(|| items.next()) {
            *state = Some(items.fold(first, &self.combine));
        }
        ControlFlow::Continue(())
    }

    fn split_off(&self, _: &mut Option<R>, _: usize) -> Option<R> {
        None
    }

    fn merge(&self, front: Option<R>, back: Option<R>) -> Option<R> {
        match (front, back) {
            (Some(front), Some(back)) => Some((self.combine)(front, back)),
            (front, back) => front.or(back),
        }
    }
}

/// Counts the items of which the closure says yes.
pub(super) struct Count<F>(pub(super) F);

impl<I, F: Fn(I) -> bool + Sync> Gather<I> for Count<F> {
    type State = usize;

    fn take(&self, state: &mut usize, items: impl Iterator<Item = I>) -> ControlFlow<()> {
        *state += items.map(|item| usize::from((self.0)(item))).sum::<usize>();
        ControlFlow::Continue(())
    }

    fn split_off(&self, _: &mut usize, _: usize) -> usize {
        0
    }

    fn merge(&self, front: usize, back: usize) -> usize {
        front + back
    }
}
