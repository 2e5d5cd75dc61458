//! The subjects about scheduling, through criterion.

fn main() {
    hivework_benches::suite::run(hivework_benches::workload::scheduling());
}
