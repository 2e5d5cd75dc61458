//! What must hold of a state of the shop.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// An order that the server says it shipped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Accepted {
    pub(crate) id: u64,
    pub(crate) shipment: u64,
    pub(crate) item: String,
    pub(crate) quantity: u64,
}

impl Accepted {
    /// From the answer to the order.
    pub(crate) fn from_answer(json: &Value) -> Accepted {
        Accepted {
            shipment: number(&json["shipment"]),
            ..Accepted::from_order(json, 0)
        }
    }

    fn from_order(json: &Value, shipment: u64) -> Accepted {
        Accepted {
            id: number(&json["id"]),
            shipment,
            item: json["item"].as_str().expect("a name").to_owned(),
            quantity: number(&json["quantity"]),
        }
    }
}

/// Stock, open and shipped make up what there was at the start: at any instant.
pub(crate) fn conserved(state: &Value, initial: &[(&str, u64)]) {
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for (item, left) in state["stock"].as_object().expect("a map") {
        *found.entry(item).or_default() += number(left);
    }
    for kind in ["open", "shipped"] {
        for order in state[kind].as_array().expect("a list") {
            let item = order["item"].as_str().expect("a name");
            *found.entry(item).or_default() += number(&order["quantity"]);
        }
    }
    let initial: BTreeMap<&str, u64> = initial.iter().copied().collect();
    assert_eq!(found, initial, "goods were lost or made");
}

/// Conserved, and nothing pending.
pub(crate) fn balance(state: &Value, initial: &[(&str, u64)]) {
    conserved(state, initial);
    assert_eq!(
        state["open"],
        Value::Array(Vec::new()),
        "orders are pending"
    );
}

/// The shipped orders are the accepted ones, each once, in the order of their
/// shipment numbers; and the numbers of orders have no gap, so that a refused
/// order has not even used one up.
pub(crate) fn shipped_exactly(state: &Value, accepted: &[Accepted]) {
    let mut accepted = accepted.to_vec();
    accepted.sort_by_key(|order| order.shipment);
    assert_eq!(shipped(state), accepted);
    let ids: BTreeSet<u64> = accepted.iter().map(|order| order.id).collect();
    assert_eq!(ids.len(), accepted.len(), "an order was shipped twice");
    assert_eq!(
        ids.last().copied().unwrap_or(0),
        ids.len() as u64,
        "a refused order left a gap"
    );
}

/// Every accepted order was shipped, and none twice. (Others may have been
/// shipped whose answers were cut off.)
pub(crate) fn shipped_at_least(state: &Value, accepted: &[Accepted]) {
    let shipped = shipped(state);
    let known: BTreeSet<&Accepted> = shipped.iter().collect();
    let ids: BTreeSet<u64> = shipped.iter().map(|order| order.id).collect();
    assert_eq!(ids.len(), shipped.len(), "an order was shipped twice");
    for order in accepted {
        assert!(
            known.contains(order),
            "{order:?} was answered and not shipped"
        );
    }
}

fn shipped(state: &Value) -> Vec<Accepted> {
    let orders = state["shipped"].as_array().expect("a list");
    (1..)
        .zip(orders)
        .map(|(place, order)| Accepted::from_order(order, place))
        .collect()
}

fn number(json: &Value) -> u64 {
    json.as_u64()
        .unwrap_or_else(|| panic!("{json} is not a number"))
}
