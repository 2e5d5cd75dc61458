//! Threads that do nothing but own a clock.
//!
//! The engine gives every thread a clock of its own until there are no more, and
//! has the others share one, which no usual number of threads ever sees. A crowd
//! takes the clocks away.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use hivework_stm::TVar;

/// As many as there are clocks, or more.
const CLOCKS: usize = 1024;

/// Enough for a transaction of one write.
const STACK: usize = 128 * 1024;

/// Threads that own all clocks; dropping it ends them.
#[derive(Debug)]
pub struct Crowd {
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    /// Never sent to: the thread goes when this does.
    stay: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Takes all clocks that are left; answers when that is done.
    ///
    /// # Errors
    ///
    /// When the system does not give so many threads.
    pub fn gather() -> io::Result<Crowd> {
        let (ready, all_ready) = channel();
        let mut crowd = Crowd {
            members: Vec::new(),
        };
        for _ in 0..CLOCKS {
            let (stay, wait): (_, Receiver<()>) = channel();
            let ready = ready.clone();
            let member = Builder::new().stack_size(STACK).spawn(move || {
                TVar::new(0_u64).store(1);
                // Either fails only when the other side has gone.
                let _ = ready.send(());
                let _ = wait.recv();
            })?;
            crowd.members.push(Member {
                stay: Some(stay),
                thread: Some(member),
            });
        }
        for _ in 0..CLOCKS {
            // Fails when a member died, which then has no clock.
            let _ = all_ready.recv();
        }
        Ok(crowd)
    }

    /// Gives so many clocks back; answers when that is done.
    pub fn dismiss(&mut self, many: usize) {
        // From the front: those came first, and own a clock.
        self.members.drain(..many.min(self.members.len()));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stay.take();
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic but for a transaction, and has
            // gone either way.
            let _ = thread.join();
        }
    }
}
