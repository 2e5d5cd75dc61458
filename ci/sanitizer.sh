# Shared by the sanitizer scripts, after `lib.sh`.

# sanitize NAME [TEST-ARGUMENT…]: runs integration tests under a sanitizer, with the
# standard library built for it too: those of the engine and of the runtime whose
# subject the script names in `subjects`, because all unsafe code and nearly all
# atomics are theirs. With SANITIZE_ALL=1, everything that the three library crates have.
sanitize() {
    local name="$1" packages=(-p hivework-stm -p hivework)
    shift
    need_nightly rust-src
    case "$(host)" in
    x86_64-*-linux-gnu | aarch64-*-linux-gnu) ;;
    *) pass_over "no $name sanitizer for $(host)" ;;
    esac
    if [ -n "${SANITIZE_ALL:-}" ]; then
        packages=("${LIBRARIES[@]}") subjects=()
    fi
    export RUSTFLAGS="${RUSTFLAGS:-} -Zsanitizer=$name"
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$name-sanitizer"
    # Enough for the lines of a report.
    export CARGO_PROFILE_DEV_DEBUG=line-tables-only
    # crossbeam-deque and what is beneath it use fences, which the thread sanitizer
    # does not see.
    export TSAN_OPTIONS="suppressions=$PWD/ci/thread-sanitizer.txt ${TSAN_OPTIONS:-}"
    run cargo +nightly test -Zbuild-std --target "$(host)" "${packages[@]}" --test integration -- "$@" "${subjects[@]}"
}
