# Named parts of a run, each timed; sourced by the scripts beside this one.

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0

# section NAME COMMAND...: ends the run where the command fails.
section() {
  local name=$1 begin=$SECONDS
  shift
  echo
  echo "##### $name"
  # Not within a condition: bash would ignore set -e inside the command.
  "$@"
  passed=$((passed + 1))
  echo "##### $name: $((SECONDS - begin)) s"
}

finish() {
  echo
  echo "##### all in $SECONDS s"
  echo "$passed passed, 0 failed"
}
