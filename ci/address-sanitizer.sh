#!/usr/bin/env bash
# Memory errors and leaks in the integration tests.
. "$(dirname "$0")/lib.sh"
. ci/sanitizer.sh
sanitize address
