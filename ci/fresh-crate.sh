#!/usr/bin/env bash
# A crate written from the README alone, outside of the workspace: it depends on
# `hivework`, puts work, joins it, awaits it, makes a put part of a transaction of
# its own, puts what waits, forks, loops and borrows, fills a queue, turns a clock, puts a
# team, answers events and changes the number of workers.
. "$(dirname "$0")/lib.sh"
root="$PWD"
crate="$(mktemp -d)"
trap 'rm -rf "$crate"' EXIT
mkdir "$crate/src"
cp ci/fresh-crate/main.rs "$crate/src/main.rs"
cp Cargo.lock "$crate/Cargo.lock"
cat >"$crate/Cargo.toml" <<TOML
[package]
name = "fresh-crate"
version = "0.1.0"
edition = "2024"

[dependencies]
hivework = { path = "$root/runtime" }
TOML
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}/fresh-crate"
cd "$crate"
run cargo run
