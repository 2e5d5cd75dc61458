# Shared by the scripts of this folder: `. "$(dirname "$0")/lib.sh"`.
#
# A script that finishes well ends with 0, or with 77 when the machine lacks
# something that the check needs and that could not be installed; it says what.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
# Many tests panic on purpose; under an interpreter or a sanitizer the backtrace of each
# takes seconds.
export RUST_BACKTRACE=0

# The cfg that puts loom under the library crates. It gets a target folder of
# its own: the same crates are built in both forms.
LOOM_FLAGS="--cfg hivework_loom"
LOOM_TARGET="${CARGO_TARGET_DIR:-target}/loom"

# The cfg that lets the judge look into the engine; likewise.
PROBE_FLAGS="--cfg hivework_probe"
PROBE_TARGET="${CARGO_TARGET_DIR:-target}/probe"

# The crates that ship.
LIBRARIES=(-p hivework-stm -p stm-ports -p hivework)

# Prints a command, then runs it.
run() {
    printf '+ %s\n' "$*"
    "$@"
}

# Ends the script as passed over.
pass_over() {
    printf 'passed over: %s\n' "$*"
    exit 77
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs cargo over the code as the models see it.
with_loom() {
    RUSTFLAGS="${RUSTFLAGS:-} $LOOM_FLAGS" CARGO_TARGET_DIR="$LOOM_TARGET" run "$@"
}

# Runs cargo over the code as the judge sees it.
with_probe() {
    RUSTFLAGS="${RUSTFLAGS:-} $PROBE_FLAGS" CARGO_TARGET_DIR="$PROBE_TARGET" run "$@"
}

# Needs the nightly toolchain with the named components; installs what is
# missing where that is possible.
need_nightly() {
    have rustup || pass_over "no rustup, hence no nightly toolchain"
    local component
    for component in "$@"; do
        rustup component list --toolchain nightly --installed 2>/dev/null |
            grep -q "^$component" && continue
        timeout 300 rustup toolchain install nightly --profile minimal \
            --component "$(IFS=,; echo "$*")" ||
            pass_over "the nightly toolchain with $* is not to be had"
        return
    done
}

# The triple of this machine, which sanitizers must be told.
host() {
    rustc -vV | sed -n 's/^host: //p'
}
