//! Many clients at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};

use crate::books::{self, Accepted};
use crate::client::Client;

const CLIENTS: usize = 64;
const ORDERS: u64 = 8000;
/// How many answers a load must have seen before it is interrupted.
const WARM: usize = 500;

/// Orders from [`CLIENTS`] clients at once, more than there is in stock, while
/// one more looks at the books. Answers the accepted orders, and how many were
/// refused.
pub(crate) fn until_sold_out(url: &str, stock: &[(&str, u64)]) -> (Vec<Accepted>, usize) {
    let ticket = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| buy(url, &ticket, stock)))
            .collect();
        let auditor = scope.spawn(|| {
            let client = Client::new(url);
            let mut looks = 0;
            while !over.load(Ordering::Relaxed) {
                books::conserved(&client.state(), stock);
                assert_eq!(client.get("/stats").status, 200);
                looks += 1;
            }
            looks
        });
        let (mut accepted, mut refused) = (Vec::new(), 0);
        let bought: Vec<_> = clients
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        over.store(true, Ordering::Relaxed);
        for client in bought {
            let (mine, none) = client.expect("a client's checks held");
            accepted.extend(mine);
            refused += none;
        }
        let looks = auditor.join().expect("the books balanced at every look");
        assert_eq!(
            accepted.len() + refused,
            ORDERS as usize,
            "every order is answered"
        );
        assert!(refused > 0, "the stock was to run out");
        println!("{ORDERS} orders at concurrency {CLIENTS}, the books balanced at {looks} looks");
        (accepted, refused)
    })
}

/// One client: takes tickets, and orders what the ticket says.
fn buy(url: &str, ticket: &AtomicU64, stock: &[(&str, u64)]) -> (Vec<Accepted>, usize) {
    let client = Client::new(url);
    let (mut accepted, mut refused) = (Vec::new(), 0);
    loop {
        let ticket = ticket.fetch_add(1, Ordering::Relaxed);
        if ticket >= ORDERS {
            return (accepted, refused);
        }
        let (item, _) = stock[ticket as usize % stock.len()];
        let quantity = 1 + ticket % 4;
        let answer = client.post("/orders", order(item, quantity).as_bytes());
        if answer.status == 409 {
            answer.must_be(409);
            refused += 1;
        } else {
            let mine = Accepted::from_answer(answer.must_be(201));
            assert_eq!((mine.item.as_str(), mine.quantity), (item, quantity));
            accepted.push(mine);
        }
    }
}

/// Orders that go on until the server takes no more.
pub(crate) struct Load(Vec<JoinHandle<Vec<Accepted>>>);

/// Starts clients that order until they are cut off, and waits until they have
/// got going.
pub(crate) fn until_cut_off(url: &str) -> Load {
    let (sender, answered) = channel();
    let url: Arc<str> = url.into();
    let clients = (0..CLIENTS).map(|_| {
        let (url, sender) = (Arc::clone(&url), sender.clone());
        thread::spawn(move || {
            let client = Client::new(&url);
            let mut accepted = Vec::new();
            while let Ok(answer) = client.try_post("/orders", order("apple", 1).as_bytes()) {
                accepted.push(Accepted::from_answer(answer.must_be(201)));
                // Nobody listens any more once the load has got going.
                let _ = sender.send(());
            }
            accepted
        })
    });
    let load = Load(clients.collect());
    drop(sender);
    assert_eq!(
        answered.iter().take(WARM).count(),
        WARM,
        "the load got going"
    );
    load
}

impl Load {
    /// What was answered before the cut.
    pub(crate) fn accepted(self) -> Vec<Accepted> {
        let clients = self.0.into_iter();
        clients
            .flat_map(|client| client.join().expect("a client's checks held"))
            .collect()
    }
}

fn order(item: &str, quantity: u64) -> String {
    format!(r#"{{"item": "{item}", "quantity": {quantity}}}"#)
}
