#!/usr/bin/env bash
# Checks the model with spin: what must hold holds in every state, every way to end is reached, and each planted bug is found.
# Usage: model_test.sh [--large] [PATTERN]; --large adds the check that takes minutes, PATTERN chooses checks by their names.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
large=false
[ "${1:-}" != --large ] || { large=true && shift; }
pattern=${1:-.}
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/model.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$here"/*.pml "$work" && cd "$work" || exit 1
failed=0

# Builds the checker for the macros given, with the compiler's flags of the first word, and runs it with the options of the
# second.
check() {
  local compile=$1 options=$2
  shift 2
  rm -f pan pan.* ./*.trail
  # shellcheck disable=SC2086  # Flags are lists of words.
  spin "$@" -a $model.pml > spin.log 2>&1 && gcc -w $compile -o pan pan.c 2> gcc.log &&
    (ulimit -v $most_memory && ./pan -m100000 $options) > pan.log 2>&1
}

# Every state was seen and none is wrong; all statements but PLACE_ONLY's and the planted bugs' were reached.
all_of_it() {
  grep -q 'errors: 0$' pan.log && grep -q 'Full statespace search' pan.log &&
    ! grep -Eiq 'not completed|truncated|max search depth|out of memory|error:|interrupted' pan.log
}
all_reached() {
  [ "$(grep -c 'unreached in proctype' pan.log)" -gt 0 ] && ! grep -E '^\s.*, state [0-9]+, ' pan.log | grep -qv '"-end-"'
}

report() {
  local verdict=$1 name=$2 begun=$3
  local took=$((($(date +%s%N) - begun) / 1000000))
  if [ "$verdict" = 0 ]; then
    echo "             $(grep -oE '[0-9.e+]+ states, stored' pan.log | head -n 1), $(grep -oE '[0-9.]+.total actual' pan.log |
      cut -f 1) MB"
    echo "[       OK ] $name ($took ms)"
  else
    failed=$((failed + 1))
    cat spin.log gcc.log 2> /dev/null
    grep -vE '^\s.*, state [0-9]+, "-end-"' pan.log
    [ ! -e $model.pml.trail ] || spin -t -p -g -l "${macros[@]}" $model.pml | head -n 2000
    echo "[  FAILED  ] $name ($took ms)"
  fi
}

run() {
  local name=$1 judge=$2
  shift 2
  [[ $name =~ $pattern ]] || return 0
  echo "[ RUN      ] $name"
  local begun
  begun=$(date +%s%N)
  check "$@"
  $judge
  report $? "$name" "$begun"
}

# holds NAME FAULTS TICKS [MACRO ...]: all assertions.
holds() {
  macros=(-DFAULTS="$2" -DTICKS="$3" "${@:4}")
  local judge=all_of_it
  [ $# -gt 3 ] || judge=all_of_it_and_all_reached
  run "$1" $judge "$optimize -DSAFETY $memory" "" "${macros[@]}"
}
all_of_it_and_all_reached() { all_of_it && all_reached; }

# becomes NAME FORMULA FAULTS TICKS OPTIONS [MACRO ...]: a formula of the model's end.
becomes() {
  macros=(-DLIVENESS -DFAULTS="$3" -DTICKS="$4" "${@:6}")
  run "$1" all_of_it "$optimize -DNFAIR=4 $memory" "-a $5 -N $2" "${macros[@]}"
}

# finds NAME ASSERTION FAULTS TICKS [MACRO ...]: the shortest way to break an assertion, and no other one.
finds() {
  macros=(-DFAULTS="$3" -DTICKS="$4" "${@:5}")
  expected=$2
  run "$1" found "-DSAFETY -DBFS" "" "${macros[@]}"
}
found() { grep -F 'assertion violated' pan.log | tr -d ' ' | grep -qF "$(tr -d ' ' <<< "$expected")"; }

# never_becomes NAME FORMULA FAULTS TICKS [MACRO ...]: a behaviour for which a formula does not hold.
never_becomes() {
  macros=(-DLIVENESS -DFAULTS="$3" -DTICKS="$4" "${@:5}")
  run "$1" cycle "-O1 -DREVERSE" "-a -N $2" "${macros[@]}"
}
cycle() { grep -q 'acceptance cycle' pan.log; }

model=protocol
# What is small is compiled longer than it runs.
optimize=-O2
memory=
most_memory=4000000 # kB
in_lease='((status==1)&&(epoch==e))&&(lease>0)'
holder='&&(holder=='
not_started='!(((result>=6)&&(result<=8)))||(script==0)'

holds safety_with_time 1 2
holds safety_with_two_faults 2 0
if $large; then
  memory=-DCOLLAPSE most_memory=16000000
  holds safety_with_time_and_two_faults 2 2
  memory='' most_memory=4000000
fi
becomes every_payload_ends_and_its_directory_goes_with_time removed 1 2 ""
becomes every_payload_ends_and_its_directory_goes_with_two_faults removed 2 0 ""

optimize=-O1
holds safety_of_placing_with_time 1 2 -DPLACE_ONLY
holds safety_of_placing_with_two_faults 2 0 -DPLACE_ONLY
holds safety_beside_a_foreign_run_with_time 0 2 -DFOREIGN_RUN
holds safety_beside_a_foreign_run_with_a_fault 1 0 -DFOREIGN_RUN
becomes every_payload_ends_and_its_directory_goes_beside_a_foreign_run removed 1 0 -f -DFOREIGN_RUN
becomes every_placing_ends ends 1 2 "" -DPLACE_ONLY

for end in COMPLETED CANCELLED_RUNNING INTERRUPTED UNREACHABLE CANCELLED_UNSTARTED DELIVERY_TIMEOUT INTERNAL; do
  finds "reaches_$end" "result!=" 1 2 -DREACHES=$end
done
finds reaches_TRANSFERRED "result!=" 0 0 -DREACHES=TRANSFERRED -DPLACE_ONLY

finds planted_NAME_BY_PAYLOAD '!(foreign[0])' 0 0 -DNAME_BY_PAYLOAD -DFOREIGN_RUN
finds planted_GO_WITHOUT_LEASE "$in_lease" 0 2 -DGO_WITHOUT_LEASE
finds harm_of_GO_WITHOUT_LEASE "$not_started" 0 2 -DGO_WITHOUT_LEASE -DHARM
finds planted_GO_WHILE_VALID_NOW "$in_lease" 0 2 -DGO_WHILE_VALID_NOW
finds planted_LATE_GO_IS_TAKEN "$in_lease" 0 2 -DLATE_GO_IS_TAKEN
finds planted_FINISHED_WITHOUT_EPOCH "$holder" 0 2 -DFINISHED_WITHOUT_EPOCH
finds harm_of_FINISHED_WITHOUT_EPOCH "$not_started" 1 2 -DFINISHED_WITHOUT_EPOCH -DHARM
finds planted_ANY_WORKER_SPEAKS "$holder" 0 0 -DANY_WORKER_SPEAKS
finds harm_of_ANY_WORKER_SPEAKS '(result!=1)||' 0 0 -DANY_WORKER_SPEAKS -DHARM
finds planted_RENEW_WITHOUT_EPOCH "$in_lease" 0 2 -DRENEW_WITHOUT_EPOCH
finds planted_REAP_FORGETS_DOUBT "$not_started" 0 2 -DREAP_FORGETS_DOUBT
finds planted_CANCEL_ENDS_DOUBT "$not_started" 1 0 -DCANCEL_ENDS_DOUBT
finds planted_GUARD_BY_MKDIR '(result!=4)||started_once' 2 0 -DGUARD_BY_MKDIR
finds planted_CLEAN_WITHOUT_LOCK '(script!=1)&&' 1 0 -DCLEAN_WITHOUT_LOCK
finds planted_ONE_UPLOAD_NAME '(upload[1]==2)' 1 2 -DONE_UPLOAD_NAME
finds planted_RELEASE_BY_TASK "$in_lease" 1 2 -DRELEASE_BY_TASK -DSPARE=1
finds harm_of_RELEASE_BY_TASK "$not_started" 1 2 -DRELEASE_BY_TASK -DSPARE=1 -DHARM
finds planted_RETRY_AT_ONCE "$in_lease" 1 0 -DRETRY_AT_ONCE
finds harm_of_RETRY_AT_ONCE "$not_started" 1 0 -DRETRY_AT_ONCE -DHARM
finds planted_RETRY_AT_ONCE_when_placing "$in_lease" 1 0 -DRETRY_AT_ONCE -DPLACE_ONLY
finds assumption_SLOW_INSTANCE "$in_lease" 0 2 -DSLOW_INSTANCE
finds harm_of_SLOW_INSTANCE "$not_started" 0 2 -DSLOW_INSTANCE -DHARM
never_becomes planted_LEASES_FOR_EVER ends 1 0 -DLEASES_FOR_EVER
never_becomes planted_CLEANUP_IS_ASKED_ONCE removed 2 0 -DCLEANUP_IS_ASKED_ONCE

model=groups
two_holders='(valid[0]==0)||!(given[0])'
holds groups_have_one_holder 0 2
finds planted_END_MOVES_BACK '(valid[i]==0)' 0 2 -DFEWER -DEND_MOVES_BACK
finds planted_JUDGED_BEFORE_LOCKED '(valid[i]==0)' 0 2 -DFEWER -DJUDGED_BEFORE_LOCKED
for bug in ENDED_IS_RENEWED TIME_INSTEAD_OF_MARK COUNTS_ARE_NOT_COMPARED CHANGES_ARE_NOT_COMPARED LEAVING_IS_NOT_COUNTED; do
  finds planted_$bug "$two_holders" 0 2 -DFEWER -D$bug
done

[ "$failed" = 0 ]
