//! The shop: its state, and the transactions on it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hivework::{Scheduler, StmResult, TVar, WorkError, WorkHandle};
use hivework::{abort, atomically, atomically_or, make_work};
use serde::Serialize;

use crate::ledger::Ledger;

/// An order that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// Unique, counted from 1.
    pub id: u64,
    /// What was ordered.
    pub item: Arc<str>,
    /// How many.
    pub quantity: u64,
}

/// An order that left the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shipment {
    /// Its place among all shipments, from 1.
    pub shipment: usize,
    /// What was shipped.
    #[serde(flatten)]
    pub order: Order,
}

/// Why an order was refused. It leaves no trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The shop does not have the item at all.
    UnknownItem,
    /// The shop has fewer than were ordered.
    BeyondStock {
        /// How many it has.
        stock: u64,
    },
}

/// An order on its way: what was accepted, and the work that ships it.
#[derive(Debug)]
pub struct Placed {
    /// The order.
    pub order: Order,
    /// Answers once it is shipped.
    pub shipping: WorkHandle<Shipment>,
}

/// The books of one instant.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// What is left of each item.
    pub stock: BTreeMap<Arc<str>, u64>,
    /// Accepted and not yet shipped.
    pub open: Vec<Order>,
    /// Shipped, in the order of shipping.
    pub shipped: Vec<Order>,
}

impl State {
    /// One line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps with string keys, numbers and strings only")
    }
}

/// The shop; clones share it.
#[derive(Clone)]
pub struct Shop(Arc<Shelves>);

struct Shelves {
    stock: BTreeMap<Arc<str>, TVar<u64>>,
    orders: TVar<u64>,
    open: TVar<BTreeMap<u64, Order>>,
    shipped: Ledger<Order>,
}

impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shop").field(&self.state()).finish()
    }
}

impl Shop {
    /// A shop with `stock`.
    ///
    /// # Errors
    ///
    /// When an item is named twice.
    pub fn new(stock: Vec<(String, u64)>) -> Result<Self, String> {
        let mut shelves = BTreeMap::new();
        for (item, count) in stock {
            if shelves
                .insert(item.as_str().into(), TVar::new(count))
                .is_some()
            {
                return Err(format!("{item} is given twice in the stock"));
            }
        }
        Ok(Shop(Arc::new(Shelves {
            stock: shelves,
            orders: TVar::named("orders", 0),
            open: TVar::named("open", BTreeMap::new()),
            shipped: Ledger::new(),
        })))
    }

    /// What the shop sells.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.0.stock.keys().map(|item| &**item)
    }

    /// Takes the stock, books the order and puts the work that ships it: one
    /// transaction, so all of it happens or nothing does.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which rolls everything back.
    pub fn place(
        &self,
        scheduler: &Scheduler,
        item: &str,
        quantity: u64,
    ) -> Result<Placed, Refusal> {
        let Some((item, stock)) = self.0.stock.get_key_value(item) else {
            return Err(Refusal::UnknownItem);
        };
        atomically_or(|tx| {
            let left = stock.read(tx)?;
            let Some(rest) = left.checked_sub(quantity) else {
                return abort(Refusal::BeyondStock { stock: left });
            };
            stock.write(tx, rest)?;

            let id = self.0.orders.read(tx)? + 1;
            self.0.orders.write(tx, id)?;
            let order = Order {
                id,
                item: Arc::clone(item),
                quantity,
            };
            self.0.open.modify(tx, |mut open| {
                open.insert(id, order.clone());
                open
            })?;

            let (shop, shipped) = (self.clone(), order.clone());
            let work = make_work(move || shop.ship(shipped)).name("ship");
            let shipping = scheduler.put_work_in(tx, work)?;
            Ok(Placed { order, shipping })
        })
    }

    /// Moves an order from the open ones to the shipped ones.
    fn ship(&self, order: Order) -> Shipment {
        let place = atomically(|tx| {
            self.close(tx, &order)?;
            self.0.shipped.append(tx, order.clone())
        });
        Shipment {
            shipment: place + 1,
            order,
        }
    }

    /// Waits until an order is shipped.
    ///
    /// # Errors
    ///
    /// The work's, when it never ran to its end. Then the order is undone: its
    /// goods are back in stock.
    pub async fn shipped(&self, placed: Placed) -> Result<Shipment, WorkError> {
        let answer = placed.shipping.await;
        if answer.is_err() {
            self.undo(&placed.order);
        }
        answer
    }

    fn undo(&self, order: &Order) {
        atomically(|tx| {
            if self.close(tx, order)? {
                self.0.stock[&order.item].modify(tx, |left| left + order.quantity)?;
            }
            Ok(())
        });
    }

    /// Takes an order from the open ones; answers whether it was there.
    fn close(&self, tx: &mut hivework::Transaction<'_>, order: &Order) -> StmResult<bool> {
        let mut open = self.0.open.read(tx)?;
        let was_open = open.remove(&order.id).is_some();
        self.0.open.write(tx, open)?;
        Ok(was_open)
    }

    /// Everything, as of one instant.
    pub fn state(&self) -> State {
        atomically(|tx| {
            let mut stock = BTreeMap::new();
            for (item, count) in &self.0.stock {
                stock.insert(Arc::clone(item), count.read(tx)?);
            }
            Ok(State {
                stock,
                open: self
                    .0
                    .open
                    .read_with(tx, |open| open.values().cloned().collect())?,
                shipped: self.0.shipped.entries(tx)?,
            })
        })
    }
}
