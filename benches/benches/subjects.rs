//! All subjects, through criterion: one program, so that it is linked once.

use hivework_benches::{suite, workload};

fn main() {
    let mut subjects = workload::transactions();
    subjects.extend(workload::containers(suite::scale()));
    subjects.extend(workload::scheduling(suite::scale()));
    suite::run(subjects);
}
