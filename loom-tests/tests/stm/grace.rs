//! Grace periods alone, without transactions around them: three threads fit in.

use std::sync::Arc;

use hivework_loom_tests::{Witness, model_of_reclamation};
use hivework_stm::facade::atomic::{AtomicBool, Ordering};
use hivework_stm::facade::thread::{JoinHandle, spawn};
use hivework_stm::internals::Section;

/// Something that a section may find.
#[derive(Default)]
struct Thing {
    unlinked: AtomicBool,
    life: Witness,
}

impl Thing {
    /// Looks at it if it can still be found.
    fn find(&self) {
        // Ordering: Relaxed; grace periods are to order it.
        if !self.unlinked.load(Ordering::Relaxed) {
            self.life.look();
        }
    }

    /// Unlinks it, and ends its life if that can be done within so many looks.
    fn end(&self, looks: usize) {
        let section = Section::register();
        // Ordering: Relaxed, as above.
        self.unlinked.store(true, Ordering::Relaxed);
        let mut sealed = section.seal();
        if (0..looks).any(|_| sealed.is_free()) {
            self.life.end();
        }
    }
}

/// A thread that has something of its own to give up, and so passes a barrier.
fn another() -> JoinHandle<()> {
    spawn(|| {
        let section = Section::register();
        section.seal().is_free();
    })
}

#[test]
fn a_section_is_waited_for() {
    model_of_reclamation(3, "stm: a section against an end", || {
        let thing = Arc::new(Thing::default());
        let section = Section::register();
        let own = Arc::clone(&thing);
        let ends = spawn(move || own.end(2));
        section.run(|| thing.find());
        section.run(|| thing.find());
        ends.join().unwrap();
    });
}

#[test]
fn the_barrier_of_another_serves_as_well_as_ones_own() {
    model_of_reclamation(
        3,
        "stm: a section against an end by another's barrier",
        || {
            let thing = Arc::new(Thing::default());
            let section = Section::register();
            let own = Arc::clone(&thing);
            let ends = spawn(move || own.end(1));
            let another = another();
            section.run(|| thing.find());
            ends.join().unwrap();
            another.join().unwrap();
        },
    );
}
