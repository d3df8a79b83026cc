# shellcheck shell=bash
# The variables are remote_runner.sh's. A part of a line is read only to be left out.
# shellcheck disable=SC2154,SC2034
#
# The part of Longshore's remote runner (remote_runner.sh) that runs the script, sees to its process group and tells how it ended.

is_over() { [ ! -e "$ls_dir/lock" ] || flock -n -s 8 8< "$ls_dir/lock" 2> /dev/null; }

# Sends TERM to the script's process group because of $1 (timeout or cancel). Leaves the group as $ls_pid; empty if the script is
# not there yet.
terminate() {
  mv "$ls_dir/cause.none" "$ls_dir/cause.$1" 2> /dev/null
  ls_pid=
  for ls_try in 1 2 3 4 5 6 7 8 9 10; do
    read -r ls_pid ls_rest < "$ls_dir/pid"
    [ -z "$ls_pid" ] || break
    sleep 0.2
  done
  [ -z "$ls_pid" ] || kill -s TERM -- "-$ls_pid" 2> /dev/null
}

# Cancels the run: TERM, and KILL 5 s later. Looks at the lock each time, so that a process group of the same number that came
# later is never hit. Is there no longer than the run.
cancel() {
  is_over && return
  terminate cancel
  [ -n "$ls_pid" ] || return
  flock -w 5 -s 8 8< "$ls_dir/lock" 2> /dev/null
  is_over || kill -s KILL -- "-$ls_pid" 2> /dev/null
}

# Reads standard input to its end, as $ls_report. Returns 1 if $1 seconds were over first: by the clock that nobody sets, which
# read -t does not look at.
await_end() {
  look_at_clock
  ls_deadline=$((ls_now + $1 * 100))
  while [ "$ls_now" -lt "$ls_deadline" ]; do
    ls_left=$((ls_deadline - ls_now))
    IFS= read -r -d '' -t "$((ls_left / 100)).$((ls_left / 10 % 10))$((ls_left % 10))" ls_part
    ls_status=$?
    ls_report=${ls_report:0:1000}$ls_part
    [ $ls_status -ne 1 ] || return 0
    look_at_clock
  done
  return 1
}

# Runs the script, with descriptor 9, the lock, and tells the end on descriptor 7. The first setsid waits for the second and that
# for the script: what they say tells signals from exit statuses, and a script that kills the one above it cannot forge its own
# status. They run in front: what bash runs in the background ignores SIGINT and SIGQUIT.
supervise() {
  ls_child='umask "$3"; printf %-20s "$$" 1<> "$1/pid"; exec bash "$2" >> "$1/output" 2>&1'
  ls_report=
  read -r ls_start ls_rest < /proc/uptime
  setsid -f -w setsid -f -w sh -c "$ls_child" longshore "$ls_dir" "$ls_script" "$ls_umask" \
    2>&1 > /dev/null < /dev/null 7>&- 9>&- | {
    if ! await_end "$ls_timeout"; then
      terminate timeout
      await_end 5 || kill -s KILL -- "-$ls_pid"
      until await_end 3600; do :; done
    fi
  }
  ls_code=${PIPESTATUS[0]}
  #fail_point exited
  read -r ls_end ls_rest < /proc/uptime
  ls_pid=
  read -r ls_pid ls_rest < "$ls_dir/pid"
  case $ls_report in
    '') ls_kind='exit' ;;
    *" $ls_pid "*) ls_kind=signal ls_code=$((ls_code & 127)) ;;
    *) ls_kind=unknown ls_code=0 ;;
  esac
  ls_cause=none
  [ ! -e "$ls_dir/cause.timeout" ] || ls_cause=timeout
  [ ! -e "$ls_dir/cause.cancel" ] || ls_cause=cancel
  if [ $ls_cause != none ] || [ $ls_kind = unknown ]; then end_group; fi
  #fail_point result
  printf '%-80s\n' "$ls_kind $ls_code $ls_start $ls_end $ls_cause" 1<> "$ls_dir/result"
  read_header
  if [ "$ls_offset" -eq 0 ] && has_header; then
    exec stat -c "$ls_nonce end %s-$ls_skip $ls_kind $ls_code $ls_start $ls_end $ls_cause" "$ls_dir/output" >&7
  fi
  tell_end 2>&7
}

# Ends what is left of the script's process group: TERM, and KILL 5 s later.
end_group() {
  [ -n "$ls_pid" ] || return
  kill -s TERM -- "-$ls_pid"
  ls_tries=0
  # After a KILL nobody is left to wait for.
  while [ "$ls_kind $ls_code" != "signal 9" ] && [ $ls_tries -lt 50 ] && kill -s 0 -- "-$ls_pid"; do
    sleep 0.1
    ls_tries=$((ls_tries + 1))
  done
  kill -s KILL -- "-$ls_pid"
}
