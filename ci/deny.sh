#!/usr/bin/env bash
# Licences, bans and sources of everything that is depended on: `deny.toml`.
. "$(dirname "$0")/lib.sh"
have cargo-deny || run cargo install cargo-deny --locked ||
    pass_over "cargo-deny is not to be had"
run cargo deny --log-level error check licenses bans sources
