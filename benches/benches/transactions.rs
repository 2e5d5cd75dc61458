//! The subjects about transactions, through criterion.

fn main() {
    hivework_benches::suite::run(hivework_benches::workload::transactions());
}
