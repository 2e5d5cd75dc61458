//! Walks through everything that hive-task's README says, line by line, and through its
//! list of what was still to be built, as far as one machine can show it.
//!
//! Each line is run and looked at; it prints what was seen. The program ends with 0 only
//! if every one of them held.
//!
//!     cargo run --release --example hive_task

mod planned;
mod promised;
mod see;

use std::process::ExitCode;

use see::Line;

fn main() -> ExitCode {
    let mut failed = 0;
    for (title, lines) in [
        ("What hive-task's README says", promised::LINES),
        ("What hive-task was still to have", planned::LINES),
    ] {
        println!("{title}\n");
        for line in lines {
            failed += u32::from(!holds(line));
        }
        println!();
    }
    println!("Not to be shown on one machine\n");
    for line in planned::ELSEWHERE {
        println!("  --  {line}");
    }
    if failed == 0 {
        println!("\nEvery line held.");
        ExitCode::SUCCESS
    } else {
        println!("\n{failed} lines did not hold.");
        ExitCode::FAILURE
    }
}

fn holds(line: &Line) -> bool {
    match (line.shown)() {
        Ok(seen) => {
            println!("  ok  {}\n      {seen}", line.says);
            true
        }
        Err(error) => {
            println!("  NO  {}\n      {error}", line.says);
            false
        }
    }
}
