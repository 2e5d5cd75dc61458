//! What the parallel functions go over: anything that can be cut in two in no time.

use std::iter::Zip;
use std::ops::{Range, RangeInclusive};

/// What the `par_` functions take: slices, vectors and arrays by reference, shared or
/// exclusive; ranges of integers; and pairs of inputs, which go side by side and end with
/// the shorter one.
///
/// A pair with a range numbers the items; one with an exclusive slice is how results get
/// to where they belong.
///
/// ```
/// use hivework::{par_for_each, par_map};
///
/// let (prices, quantities) = (vec![3, 5, 8], [10, 20, 30]);
/// let sums = par_map((&prices, &quantities), |(price, quantity)| price * quantity);
/// assert_eq!(sums, [30, 100, 240]);
///
/// let mut image = vec![0; 4 * 3];
/// let mut lines: Vec<&mut [usize]> = image.chunks_mut(4).collect();
/// par_for_each((0..3, &mut lines), |(y, line)| line.fill(y));
/// assert_eq!(image, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
/// ```
///
/// The trait is sealed: it cannot be implemented outside of this crate.
pub trait ParInput {
    /// What the closures get.
    type Item;

    #[doc(hidden)]
    type Part: Part<Item = Self::Item>;

    #[doc(hidden)]
    fn into_part(self) -> Self::Part;
}

/// A piece of an input. It can be reached from nowhere outside, which seals [`ParInput`].
#[allow(
    unreachable_pub,
    reason = "it is named in a public trait, which the oldest compiler does not see"
)]
pub trait Part: Sized + Send {
    /// What the closures get.
    type Item;

    /// How many items; `usize::MAX` if there are more than that.
    fn len(&self) -> usize;

    /// The first `at` items, and the rest; `at` is at most `len`.
    fn split_at(self, at: usize) -> (Self, Self);

    /// The items, one after the other.
    fn items(self) -> impl Iterator<Item = Self::Item>;
}

impl<'a, T: Sync> Part for &'a [T] {
    type Item = &'a T;

    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        <[T]>::split_at(self, at)
    }

    fn items(self) -> impl Iterator<Item = &'a T> {
        self.iter()
    }
}

impl<'a, T: Send> Part for &'a mut [T] {
    type Item = &'a mut T;

    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }

    fn items(self) -> impl Iterator<Item = &'a mut T> {
        self.iter_mut()
    }
}

impl<A: Part, B: Part> Part for (A, B) {
    type Item = (A::Item, B::Item);

    fn len(&self) -> usize {
        self.0.len().min(self.1.len())
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (one, other) = (self.0.split_at(at), self.1.split_at(at));
        ((one.0, other.0), (one.1, other.1))
    }

    fn items(self) -> impl Iterator<Item = (A::Item, B::Item)> {
        let zip: Zip<_, _> = self.0.items().zip(self.1.items());
        zip
    }
}

/// Consecutive integers: the first, and how many. A range's end would not do, because the
/// last value of a type has none after it; `u128`, because 2^64 values may be meant.
#[derive(Debug)]
pub struct Span<T> {
    first: T,
    left: u128,
}

impl<T: Integer> Part for Span<T> {
    type Item = T;

    fn len(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (first, left) = (self.first, at as u128);
        let rest = Span {
            first: first.forward(at),
            left: self.left - left,
        };
        (Span { first, left }, rest)
    }

    fn items(self) -> impl Iterator<Item = T> {
        (0..self.len()).map(move |at| self.first.forward(at))
    }
}

/// The integers of which there are ranges. One generic implementation tells the compiler
/// that the items of `0..n` are of the type of `n`; one for each type would not.
pub trait Integer: Copy + Ord + Send {
    /// The integer so many further.
    fn forward(self, by: usize) -> Self;

    /// How many there are from this one to one that is not less, without that.
    fn distance(self, end: Self) -> u128;
}

macro_rules! integers {
    ($($integer:ty as $unsigned:ty),*) => {$(
        impl Integer for $integer {
            fn forward(self, by: usize) -> Self {
                // Truncated and wrapped, the sum is right whenever it is used: modulo the
                // size of the type nothing is lost, and past the end nothing is left.
                self.wrapping_add(by as $integer)
            }

            fn distance(self, end: Self) -> u128 {
                end.wrapping_sub(self) as $unsigned as u128
            }
        }
    )*};
}

integers!(
    i8 as u8,
    i16 as u16,
    i32 as u32,
    i64 as u64,
    isize as usize,
    u8 as u8,
    u16 as u16,
    u32 as u32,
    u64 as u64,
    usize as usize
);

macro_rules! inputs {
    ($([$($generic:tt)*] $input:ty => $part:ty, $item:ty, |$it:ident| $into:expr;)*) => {$(
        impl<$($generic)*> ParInput for $input {
            type Item = $item;
            type Part = $part;

            fn into_part(self) -> $part {
                let $it = self;
                $into
            }
        }
    )*};
}

inputs! {
    ['a, T: Sync] &'a [T] => &'a [T], &'a T, |it| it;
    ['a, T: Sync] &'a Vec<T> => &'a [T], &'a T, |it| it;
    ['a, T: Sync, const N: usize] &'a [T; N] => &'a [T], &'a T, |it| it;
    ['a, T: Send] &'a mut [T] => &'a mut [T], &'a mut T, |it| it;
    ['a, T: Send] &'a mut Vec<T> => &'a mut [T], &'a mut T, |it| it;
    ['a, T: Send, const N: usize] &'a mut [T; N] => &'a mut [T], &'a mut T, |it| it;
    [A: ParInput, B: ParInput] (A, B) => (A::Part, B::Part), (A::Item, B::Item),
        |it| (it.0.into_part(), it.1.into_part());
    [T: Integer] Range<T> => Span<T>, T, |it| Span {
        first: it.start,
        left: it.start.distance(it.end.max(it.start)),
    };
    [T: Integer] RangeInclusive<T> => Span<T>, T, |it| Span {
        first: *it.start(),
        left: if it.is_empty() { 0 } else { it.start().distance(*it.end()) + 1 },
    };
}
