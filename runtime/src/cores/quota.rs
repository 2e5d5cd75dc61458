//! What control groups allow.
//!
//! 1. `proc/self/cgroup` names the group that the process is in: one line for each hierarchy of
//!    the first version, one that begins with `0::` for the second.
//! 2. `proc/self/mountinfo` says where the hierarchies are mounted, and which of their groups
//!    is the one at the mount point: in a container that may be an inner one.
//! 3. From the process's group up to the mount point each directory is asked for its
//!    limit: `cpu.max` in the second version, `cpu.cfs_quota_us` and `cpu.cfs_period_us` in
//!    the first. The smallest counts. Where both versions are mounted both are asked.
//!
//! A group that cannot be seen below the mount point (the path comes from another
//! namespace) leaves the mount point alone. A file that is absent or says something
//! odd is no limit.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The smallest quota of all groups around this process, in cores, rounded up.
pub(super) fn smallest(root: &Path) -> Option<usize> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let mut smallest = None;
    for mount in mounts.lines().filter_map(Mount::parse) {
        let Some(group) = groups.lines().find_map(|line| mount.version.group(line)) else {
            continue;
        };
        for directory in mount.directories(group) {
            let quota = mount.version.quota(&root.join(directory));
            smallest = match (smallest, quota) {
                (Some(one), Some(other)) => Some(usize::min(one, other)),
                (one, other) => one.or(other),
            };
        }
    }
    smallest
}

#[derive(Clone, Copy, Debug)]
enum Version {
    First,
    Second,
}

impl Version {
    /// The group that a line of `proc/self/cgroup` names, if it is of this version and has to
    /// do with processors.
    fn group(self, line: &str) -> Option<&str> {
        let mut fields = line.splitn(3, ':');
        let (number, controllers) = (fields.next()?, fields.next()?);
        let group = fields.next()?;
        let matches = match self {
            Version::First => controllers.split(',').any(|name| name == "cpu"),
            Version::Second => number == "0" && controllers.is_empty(),
        };
        matches.then_some(group)
    }

    /// What a group allows, in cores.
    fn quota(self, directory: &Path) -> Option<usize> {
        let read = |name| fs::read_to_string(directory.join(name)).ok();
        match self {
            Version::First => cores(&read("cpu.cfs_quota_us")?, &read("cpu.cfs_period_us")?),
            Version::Second => {
                let limit = read("cpu.max")?;
                let (quota, period) = limit.trim().split_once(char::is_whitespace)?;
                cores(quota, period)
            }
        }
    }
}

/// `max`, -1 and whatever is no number are no limit.
fn cores(quota: &str, period: &str) -> Option<usize> {
    let quota = quota.trim().parse::<u64>().ok()?;
    let period = period.trim().parse::<u64>().ok()?;
    let cores = quota
        .checked_add(period)?
        .checked_sub(1)?
        .checked_div(period)?;
    usize::try_from(cores.max(1)).ok()
}

/// Where a hierarchy is mounted.
#[derive(Debug)]
struct Mount {
    version: Version,
    /// The group at the mount point.
    group: PathBuf,
    /// The mount point, without the slash that it begins with.
    place: PathBuf,
}

impl Mount {
    /// A line of `proc/self/mountinfo`, if it is about a hierarchy that may have to do with processors.
    fn parse(line: &str) -> Option<Mount> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let (group, place) = (before.next()?, before.next()?);
        let mut after = after.split(' ');
        let version = match after.next()? {
            "cgroup2" => Version::Second,
            "cgroup" if after.nth(1)?.split(',').any(|option| option == "cpu") => Version::First,
            _ => return None,
        };
        Some(Mount {
            version,
            group: PathBuf::from(unescaped(group)),
            place: PathBuf::from(unescaped(place).trim_start_matches('/')),
        })
    }

    /// The directories of a group and of those around it, as far as they can be seen here.
    fn directories(&self, group: &str) -> Vec<PathBuf> {
        let inner = Path::new(group)
            .strip_prefix(&self.group)
            .ok()
            .filter(|inner| {
                inner
                    .components()
                    .all(|part| matches!(part, Component::Normal(_)))
            })
            .unwrap_or(Path::new(""));
        inner
            .ancestors()
            .map(|inner| self.place.join(inner))
            .collect()
    }
}

/// A path of `mountinfo`, where blanks, tabs, line ends and backslashes are written as a backslash
/// and three octal digits.
fn unescaped(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some(place) = rest.find('\\') {
        plain.push_str(&rest[..place]);
        let digits = rest.get(place + 1..place + 4);
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if byte.is_ascii() => {
                plain.push(char::from(byte));
                rest = &rest[place + 4..];
            }
            _ => {
                plain.push('\\');
                rest = &rest[place + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}
