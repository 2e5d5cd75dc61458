#!/usr/bin/env bash
# Data races in the integration tests. The sanitizer does not understand fences,
# which is one reason why the shipped commit is made of SeqCst accesses.
. "$(dirname "$0")/lib.sh"
. ci/sanitizer.sh
sanitize thread
