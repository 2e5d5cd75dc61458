//! The jobs that compute.

use std::thread;

use crate::client::Client;

/// SHA-256 of "abc", once and twice.
const ONCE: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const TWICE: &str = "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358";

/// More jobs at once than there are workers, each far beyond its deadline.
const OVERDUE: usize = 16;

/// Right answers, deadlines kept, and workers free again afterwards.
pub(crate) fn work_and_keep_their_deadlines(url: &str) {
    let client = Client::new(url);
    assert_eq!(client.post("/digest", b"abc").must_be(200)["sha256"], ONCE);
    let twice = client.post("/digest?rounds=2", b"abc");
    assert_eq!(twice.must_be(200)["sha256"], TWICE);
    for query in [
        "rounds=0",
        "rounds=-1",
        "rounds=many",
        "rounds=1000000001",
        "deadline_ms=0",
        "deadline_ms=60001",
        "depth=1",
    ] {
        client
            .post(&format!("/digest?{query}"), b"abc")
            .must_be(400);
    }
    client.post("/digest", &vec![0; (1 << 20) + 1]).must_be(413);

    thread::scope(|scope| {
        for _ in 0..OVERDUE {
            scope.spawn(|| {
                let client = Client::new(url);
                let path = "/digest?rounds=1000000000&deadline_ms=200";
                client.post(path, b"abc").must_be(504);
            });
        }
    });
    // Minutes of work were begun. Had they not been given up, this would wait for them.
    let after = client.post("/digest?rounds=1000&deadline_ms=10000", b"abc");
    after.must_be(200);
    println!("digests: right, {OVERDUE} overdue ones answered 504, the workers are free again");
}
