//! The subjects about containers, through criterion.

fn main() {
    hivework_benches::suite::run(hivework_benches::workload::containers());
}
