//! A forked half on its owner's stack: how it is offered, run, taken back.
//!
//! # States
//!
//! LATENT → PROMOTED → (taken back | run by a thief → DONE).
//!
//! - *Latent*: the frame is in its list's list, through `parent`. Its `run` is there. Only
//!   the owner knows of it.
//! - *Promoted*: `run` has been taken out, the latch has been made, and a [`Job`] with both lies
//!   in the list's deque. Whoever takes the job out of the deque has the half: the owner by
//!   `pop`, a thief by `steal`. The deque gives each job once.
//! - *Done*: the thief has moved the closure out, run it, written the result, and
//!   [finished the latch](super::latch).
//!
//! # Why it is sound
//!
//! A [`Half`] lies in the frame of `Fork::join` and does not move from the moment its address
//! is taken. That function does not return, nor unwind past the half, before the half is
//! latent and off the list, taken back, or done: the ordinary way and the guard for an unwinding
//! first closure ([`Fork::join`], `Unwinding`) both see to that, and waiting itself does not unwind
//! ([`wait`](super::wait)). So whoever holds a job
//! holds a pointer to a frame that is alive.
//!
//! Of the fields, `parent`, `depth` and `run` are the owner's alone. The closure and
//! the result belong to whoever has the half: to the owner while it is latent, and to the thief from
//! the steal to the latch, whose DONE hands the result back. The push to the deque
//! and the steal order the owner's writes before the thief's reads.

use std::cell::{Cell, UnsafeCell};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::thread;

use super::Fork;
use super::latch::Latch;

/// Runs the half that the pointer's frame is the head of.
pub(super) type Run = unsafe fn(NonNull<Frame>, &mut Fork<'_>);

/// What a list knows of a half.
#[repr(C)]
pub(super) struct Frame {
    /// The next older frame of the list.
    pub(super) parent: Option<NonNull<Frame>>,
    /// There while the half is latent.
    pub(super) run: Cell<Option<Run>>,
    /// How many frames are below.
    pub(super) depth: u32,
    /// There once it is promoted.
    latch: UnsafeCell<MaybeUninit<Latch>>,
}

/// A half with its closure and its result.
#[repr(C)]
pub(super) struct Half<B, R> {
    /// First, so that a pointer to it is one to the half.
    pub(super) frame: Frame,
    content: UnsafeCell<Content<B, R>>,
}

/// The closure until somebody takes it, the result from when a thief has written it. In one
/// place, because halves are what makes a fork's stack frame larger than a call's.
#[repr(C)]
union Content<B, R> {
    closure: ManuallyDrop<B>,
    result: ManuallyDrop<thread::Result<R>>,
}

/// A promoted half, for whoever takes it.
pub(super) struct Job {
    frame: NonNull<Frame>,
    run: Run,
}

// SAFETY: a job gives its holder the closure and the place of the result, and `Fork::join`
// demands `Send` of both.
unsafe impl Send for Job {}

impl Job {
    /// Makes a latent half a promoted one; none where it is not latent.
    ///
    /// # Safety
    ///
    /// `frame` is the head of a half of this thread's that is alive.
    pub(super) unsafe fn promote(frame: NonNull<Frame>) -> Option<Job> {
        // SAFETY: alive, by the caller; shared access to what the owner alone uses.
        let head = unsafe { frame.as_ref() };
        let run = head.run.take()?;
        // SAFETY: nobody else knows of the latch before the job is handed out.
        unsafe { (*head.latch.get()).write(Latch::new()) };
        Some(Job { frame, run })
    }

    pub(super) fn is_of(&self, frame: NonNull<Frame>) -> bool {
        self.frame == frame
    }

    /// Runs the half on this thread, `thief`, whose fork is `fork`; true where the owner
    /// is to be woken.
    pub(super) fn run(self, thief: u32, fork: &mut Fork<'_>) -> bool {
        // SAFETY: the frame is alive until DONE, see the module.
        let latch = unsafe { latch(self.frame) };
        latch.begin(thief);
        // SAFETY: this job is the half's only one, and `run` came from its frame.
        unsafe { (self.run)(self.frame, fork) };
        latch.finish()
    }
}

/// The latch of a promoted half.
///
/// # Safety
///
/// The half is promoted, and alive for as long as the reference is used.
pub(super) unsafe fn latch<'a>(frame: NonNull<Frame>) -> &'a Latch {
    // SAFETY: alive, by the caller; a place, not a reference, so that the owner's cells
    // are not touched.
    let latch = unsafe { &raw const (*frame.as_ptr()).latch };
    // SAFETY: as above; what is in the cell is shared from the promotion on.
    let latch: &MaybeUninit<Latch> = unsafe { &*UnsafeCell::raw_get(latch) };
    // SAFETY: `promote` has written it.
    unsafe { latch.assume_init_ref() }
}

impl Frame {
    /// One that stands for nothing but its depth: nobody can take anything from it.
    fn latent(parent: Option<NonNull<Frame>>, depth: u32, run: Run) -> Self {
        Frame {
            parent,
            run: Cell::new(Some(run)),
            depth,
            latch: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }
}

impl<B, R> Half<B, R>
where
    B: FnOnce(&mut Fork<'_>) -> R,
{
    #[inline(always)]
    pub(super) fn new(parent: Option<NonNull<Frame>>, depth: u32, closure: B) -> Self {
        Half {
            frame: Frame::latent(parent, depth, Self::run),
            content: UnsafeCell::new(Content {
                closure: ManuallyDrop::new(closure),
            }),
        }
    }

    /// The frame's address, good for the whole half.
    #[inline(always)]
    pub(super) fn head(&self) -> NonNull<Frame> {
        NonNull::from(self).cast()
    }

    /// What a thief does.
    ///
    /// # Safety
    ///
    /// `frame` is the head of a half of this very type, and the caller has the half.
    unsafe fn run(frame: NonNull<Frame>, fork: &mut Fork<'_>) {
        let half = frame.cast::<Self>().as_ptr();
        // SAFETY: alive until the caller finishes the latch; a place, not a reference.
        let content = unsafe { &raw const (*half).content };
        let content = UnsafeCell::raw_get(content);
        // SAFETY: the caller has the half, and with it the closure, which is there: it is taken
        // once, by whoever has the half.
        let closure = unsafe { content.cast::<ManuallyDrop<B>>().read() };
        let closure = ManuallyDrop::into_inner(closure);
        // What the closure can have left half-done is the caller's of `join`, and the
        // panic goes on there.
        let ran = panic::catch_unwind(AssertUnwindSafe(|| closure(fork)));
        let result = ManuallyDrop::new(ran);
        // SAFETY: the caller has the half, whose closure is gone.
        unsafe { content.write(Content { result }) };
    }

    /// The closure, to be run or dropped.
    ///
    /// # Safety
    ///
    /// The caller owns the half: it is latent and off the list, or has been taken back.
    #[inline(always)]
    pub(super) unsafe fn take_closure(&self) -> B {
        // SAFETY: nobody else has the half, by the caller, and nobody has taken the closure.
        let closure = unsafe { self.content.get().cast::<ManuallyDrop<B>>().read() };
        ManuallyDrop::into_inner(closure)
    }

    /// What the thief's run came to.
    ///
    /// # Safety
    ///
    /// The half is done, and the result has not been taken.
    pub(super) unsafe fn take_result(&self) -> thread::Result<R> {
        // SAFETY: written before DONE, which the caller has seen; nobody else has the half any
        // more.
        let result = unsafe {
            self.content
                .get()
                .cast::<ManuallyDrop<thread::Result<R>>>()
                .read()
        };
        ManuallyDrop::into_inner(result)
    }
}
