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

# beside NAME COMMAND...: a section that runs while others do, until `together`.
beside() {
  local name=$1
  shift
  beside_name=$name
  beside_log=$scratch/beside.log
  local begin=$SECONDS
  (
    "$@"
    echo "##### $name: $((SECONDS - begin)) s"
  ) >"$beside_log" 2>&1 </dev/null &
  beside_pid=$!
}

# Waits for what runs beside, and shows what it printed.
together() {
  local failed=0
  wait "$beside_pid" || failed=$?
  echo
  echo "##### $beside_name"
  cat "$beside_log"
  [ "$failed" = 0 ] || exit "$failed"
  passed=$((passed + 1))
}

finish() {
  echo
  echo "##### all in $SECONDS s"
  echo "$passed passed, 0 failed"
}
