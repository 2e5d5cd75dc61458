#!/usr/bin/env bash
# The library crates build with the oldest Rust they promise.
. "$(dirname "$0")/lib.sh"
msrv="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)"
have rustup || pass_over "no rustup, hence no Rust $msrv"
rustup run "$msrv" rustc --version >/dev/null 2>&1 ||
    timeout 300 rustup toolchain install "$msrv" --profile minimal ||
    pass_over "Rust $msrv is not to be had"
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/msrv" run cargo "+$msrv" check --locked --all-features "${LIBRARIES[@]}"
