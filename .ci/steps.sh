# Shared by `run` and `deep`: runs steps, times them, and draws the table.

results=()

# Runs one script within its minutes; keeps how it ended.
step() {
    local name="$1" minutes="$2" began ended outcome
    printf '\n=== %s\n' "$name"
    began="$(date +%s)"
    timeout --kill-after=30 "${minutes}m" "ci/$name.sh" </dev/null 2>&1
    case $? in
    0) outcome=passed ;;
    77) outcome="passed over" ;;
    124 | 137) outcome="FAILED (over ${minutes} min)" ;;
    *) outcome=FAILED ;;
    esac
    ended="$(date +%s)"
    printf '=== %s: %s, %d s\n' "$name" "$outcome" "$((ended - began))"
    results+=("$(printf '%-20s %6d s  %s' "$name" "$((ended - began))" "$outcome")")
}

# Prints what was kept.
table() {
    printf '%s\n' "${results[@]}"
}

# steps TITLE [NAME…]: runs the named steps of `all`, or all of them; answers
# whether none failed.
steps() {
    local title="$1" entry name known
    shift
    for name in "$@"; do
        known=no
        for entry in "${all[@]}"; do [ "${entry% *}" = "$name" ] && known=yes; done
        [ "$known" = yes ] || { echo "no such step: $name" >&2; return 2; }
    done
    for entry in "${all[@]}"; do
        name="${entry% *}"
        [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
        step "$name" "${entry##* }"
    done
    printf '\n=== %s, %d s in all\n' "$title" "$SECONDS"
    table
    ! table | grep -q FAILED
}
