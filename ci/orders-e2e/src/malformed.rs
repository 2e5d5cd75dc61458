//! Requests that are wrong.

use crate::client::Client;

/// Each gets its status and a reason, and the books stay as they were.
pub(crate) fn is_refused_without_a_trace(url: &str) {
    let client = Client::new(url);
    let before = client.state();
    for body in [
        "",
        "two apples",
        "{",
        "[]",
        r#"{"item": "apple"}"#,
        r#"{"quantity": 1}"#,
        r#"{"item": "apple", "quantity": 0}"#,
        r#"{"item": "apple", "quantity": -1}"#,
        r#"{"item": "apple", "quantity": 1.5}"#,
        r#"{"item": "apple", "quantity": "1"}"#,
        r#"{"item": "apple", "quantity": 1e30}"#,
        r#"{"item": "apple", "quantity": 99999999999999999999}"#,
        r#"{"item": 7, "quantity": 1}"#,
        r#"{"item": "apple", "quantity": 1, "price": 0}"#,
    ] {
        client.post("/orders", body.as_bytes()).must_be(400);
    }
    client.post("/orders", b"\xff\xfe\x00").must_be(400);
    client
        .post("/orders", br#"{"item": "unicorn", "quantity": 1}"#)
        .must_be(404);
    client
        .post(
            "/orders",
            br#"{"item": "apple", "quantity": 9223372036854775807}"#,
        )
        .must_be(409);
    client
        .post("/orders", &vec![b' '; (1 << 20) + 1])
        .must_be(413);
    client.get("/orders").must_be(405);
    client.get("/nowhere").must_be(404);
    assert_eq!(client.state(), before, "a refused request left a trace");
    println!("malformed requests: each refused with a reason, none left a trace");
}
