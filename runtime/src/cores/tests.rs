use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{count, usable, usable_below};

/// A tree of files that goes again at the end.
struct Tree(PathBuf);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Tree {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hivework-cores-{}-{number}", std::process::id());
        let tree = Tree(std::env::temp_dir().join(name));
        for (path, content) in files {
            let path = tree.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        tree
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SECOND: &str =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const FIRST: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
    33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

/// What eight processors and these files make.
fn of_eight(files: &[(&str, &str)]) -> usize {
    let tree = Tree::new(files);
    usable_below(&tree.0, || 8)
}

#[test]
#[cfg_attr(miri, ignore = "it writes files")]
fn every_group_around_the_process_counts() {
    let limits = |leaf, middle, outer| {
        of_eight(&[
            ("proc/self/cgroup", "0::/outer/middle/leaf\n"),
            ("proc/self/mountinfo", SECOND),
            ("sys/fs/cgroup/outer/middle/leaf/cpu.max", leaf),
            ("sys/fs/cgroup/outer/middle/cpu.max", middle),
            ("sys/fs/cgroup/outer/cpu.max", outer),
        ])
    };
    assert_eq!(limits("max 100000\n", "max 100000\n", "max 100000\n"), 8);
    assert_eq!(limits("300000 100000\n", "max 100000\n", "max 100000\n"), 3);
    assert_eq!(limits("max 100000\n", "max 100000\n", "200000 100000\n"), 2);
    assert_eq!(
        limits("500000 100000\n", "150000 100000\n", "max 100000\n"),
        2
    );
    assert_eq!(limits("900000 100000\n", "max 100000\n", "max 100000\n"), 8);
    assert_eq!(limits("10000 100000\n", "max 100000\n", "max 100000\n"), 1);
}

#[test]
#[cfg_attr(miri, ignore = "it writes files")]
fn the_first_version_counts_as_well() {
    let limits = |quota, period| {
        of_eight(&[
            ("proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/a/b\n"),
            ("proc/self/mountinfo", FIRST),
            ("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n"),
            (
                "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us",
                "100000\n",
            ),
            ("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", quota),
            ("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", period),
        ])
    };
    assert_eq!(limits("-1\n", "100000\n"), 8);
    assert_eq!(limits("250000\n", "100000\n"), 3);
    assert_eq!(limits("100000\n", "100000\n"), 1);
    assert_eq!(limits("100000\n", "0\n"), 8);
}

#[test]
#[cfg_attr(miri, ignore = "it writes files")]
fn of_two_versions_the_smaller_limit_counts() {
    let limits = |first, second| {
        of_eight(&[
            ("proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/b\n"),
            ("proc/self/mountinfo", &[FIRST, SECOND].concat()),
            ("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", first),
            ("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000"),
            ("sys/fs/cgroup/b/cpu.max", second),
        ])
    };
    assert_eq!(limits("300000", "500000 100000"), 3);
    assert_eq!(limits("300000", "200000 100000"), 2);
    assert_eq!(limits("300000", "max 100000"), 3);
}

#[test]
#[cfg_attr(miri, ignore = "it writes files")]
fn a_mount_of_an_inner_group_begins_there() {
    // As in a container: what lies at the mount point is the container's group.
    let mount = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n";
    let tree = |group| {
        of_eight(&[
            ("proc/self/cgroup", group),
            ("proc/self/mountinfo", mount),
            ("sys/fs/cgroup/cpu.max", "400000 100000\n"),
            ("sys/fs/cgroup/inner/cpu.max", "200000 100000\n"),
        ])
    };
    assert_eq!(tree("0::/docker/abc/inner\n"), 2);
    assert_eq!(tree("0::/docker/abc\n"), 4);
    // Of another namespace: the mount point alone is left.
    assert_eq!(tree("0::/elsewhere/inner\n"), 4);
    assert_eq!(tree("0::/docker/abc/../inner\n"), 4);
}

#[test]
#[cfg_attr(miri, ignore = "it writes files")]
fn odd_files_are_no_limit() {
    let odd = [
        "",
        "\n",
        "max",
        "100000",
        "x 100000",
        "100000 x",
        "100000 0",
        "-1 100000",
        "1 2 3",
        "18446744073709551615 100000",
    ];
    for odd in odd {
        let cores = of_eight(&[
            ("proc/self/cgroup", "0::/a\n"),
            ("proc/self/mountinfo", SECOND),
            ("sys/fs/cgroup/a/cpu.max", odd),
        ]);
        assert_eq!(cores, 8, "{odd:?}");
    }
    let lines = [
        "",
        "0",
        "0:",
        "::",
        "\u{fffd}",
        "0::",
        "0::relative",
        "0::/../..",
    ];
    for line in lines {
        for mounts in ["", "-", " - ", "1 2 3 - cgroup", " - cgroup2", SECOND] {
            let files = [("proc/self/cgroup", line), ("proc/self/mountinfo", mounts)];
            assert_eq!(of_eight(&files), 8, "{line:?} {mounts:?}");
        }
    }
    assert_eq!(of_eight(&[]), 8);
}

#[test]
#[cfg_attr(miri, ignore = "it writes files")]
fn a_mount_point_with_a_blank_is_found() {
    let cores = of_eight(&[
        ("proc/self/cgroup", "0::/\n"),
        (
            "proc/self/mountinfo",
            "30 23 0:26 / /my\\040groups rw - cgroup2 none rw\n",
        ),
        ("my groups/cpu.max", "200000 100000"),
    ]);
    assert_eq!(cores, 2);
}

#[test]
#[cfg_attr(miri, ignore = "it writes files")]
fn the_processors_that_the_thread_may_run_on_are_counted() {
    let of = |list: &str| {
        let status = format!("Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t{list}\n");
        of_eight(&[("proc/thread-self/status", &status)])
    };
    assert_eq!(of("0-2"), 3);
    assert_eq!(of("0-2,5,7-8"), 6);
    assert_eq!(of("4"), 1);
    assert_eq!(of("nonsense"), 8);
    assert_eq!(count("3-1"), None);
    assert_eq!(count("0-18446744073709551615"), None);
}

#[test]
fn there_is_one_core_at_least() {
    assert!(usable() >= 1);
    assert_eq!(usable_below(Path::new("/nowhere"), || 0), 1);
}
