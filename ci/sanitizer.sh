# Shared by the sanitizer scripts, after `lib.sh`.

# sanitize NAME [TEST-ARGUMENT…]: runs the integration tests of the library crates
# under a sanitizer, with the standard library built for it too.
sanitize() {
    local name="$1"
    shift
    need_nightly rust-src
    case "$(host)" in
    x86_64-*-linux-gnu | aarch64-*-linux-gnu) ;;
    *) pass_over "no $name sanitizer for $(host)" ;;
    esac
    export RUSTFLAGS="${RUSTFLAGS:-} -Zsanitizer=$name"
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$name-sanitizer"
    # crossbeam-deque and what is beneath it use fences, which the thread sanitizer
    # does not see.
    export TSAN_OPTIONS="suppressions=$PWD/ci/thread-sanitizer.txt ${TSAN_OPTIONS:-}"
    run cargo +nightly test -Zbuild-std --target "$(host)" "${LIBRARIES[@]}" --test integration -- "$@"
}
