# Named parts of a run, each timed; sourced by the files beside this one.

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0

# A copy of what git knows, in a folder of its own.
copy_of_checkout() {
  mkdir -p "$1"
  git ls-files -z | xargs -0 cp --parents -t "$1"
}

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

# beside COMMAND...: runs while sections do, until `together`; its own sections are printed then.
beside() {
  beside_log=$scratch/beside.log
  ("$@") >"$beside_log" 2>&1 </dev/null &
  beside_pid=$!
}

# Waits for what runs beside, and shows what it printed.
together() {
  local failed=0
  wait "$beside_pid" || failed=$?
  cat "$beside_log"
  [ "$failed" = 0 ] || exit "$failed"
  passed=$((passed + $(grep -c '^##### .*: [0-9]* s$' "$beside_log")))
}

finish() {
  echo
  echo "##### all in $SECONDS s"
  echo "$passed passed, 0 failed"
}
