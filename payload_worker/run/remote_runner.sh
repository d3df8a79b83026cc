# shellcheck shell=sh
# A part of a line is read only to be left out; a tilde is what the server sends for the home directory.
# shellcheck disable=SC2034,SC2088
#
# Longshore's remote runner: puts one payload's script in its place, starts it at most once on this instance, and lets whoever
# comes follow it.
#
# Run as: sh -c RUNNER longshore MODE NONCE RUN REMOTE_PATH SHA256 TIMEOUT OFFSET HEAD TAIL GO_LIMIT UPLOAD
#   MODE      start (start it, or follow what is there) | place (do not start it) | attach (follow only) |
#             clean (stop what still runs, and remove the run directory)
#   NONCE     begins every control record: no script knows it, so that what a script prints is not taken for one
#   RUN       name of the run directory: the run's random id (PAYLOAD.ATTEMPT for payloads from before runs had ids)
#   TIMEOUT   seconds that the script may run
#   OFFSET    output before this byte is not wanted
#   HEAD TAIL how much of the output is wanted when there is more
#   GO_LIMIT  hundredths of a second between "ready" and "go" after which "go" is refused: the lease may be over by then
#   UPLOAD    file that becomes REMOTE_PATH at "go", or is removed; empty: REMOTE_PATH is there
#
# Standard output: a line with NONCE, then the script's output from the offset of the record "running".
# Standard error: control records, one a line. Standard input: commands, one a line: go, ping, cancel, clean.
#
# In the run directory: lock (held by the supervisor for its lifetime: free means that the run is over, however it ended),
# started (made before the script is: without it the script never ran), output, header (the first line of output: a script, or
# who rotates logs, may cut the output short, and then it is gone from there), pid, boot, cause.NAME (why it was stopped, if it
# was), result (made by rename), script (only where somebody else may write in the directory of REMOTE_PATH: what is run then).
# What has to be written at the end gets its space on the disk at the beginning.
# Needs bash, coreutils and util-linux only.
ls_mode=$1 ls_nonce=$2 ls_run=$3 ls_path=$4 ls_sha=$5 ls_timeout=$6 ls_offset=$7 ls_head=$8 ls_tail=$9
shift 9
ls_go_limit=$1 ls_upload=$2
ls_umask=$(umask)
umask 077
ls_uid=$(id -u)
if [ "$ls_uid" = 0 ]; then
  ls_root=/var/lib/longshore/runs
else
  ls_root=$HOME/.local/state/longshore/runs
fi
ls_dir=$ls_root/$ls_run

# Stops the run in directory $1 because of $2 (timeout or cancel): TERM to the script's process group, KILL 5 s later. Looks at
# the lock each time, so that a process group of the same number that came later is never hit.
ls_stop='
over() { [ ! -e "$1/lock" ] || flock -n -s "$1/lock" true 2>/dev/null; }
over "$1" && exit 0
mv "$1/cause.none" "$1/cause.$2" 2>/dev/null
pid=
for try in 1 2 3 4 5 6 7 8 9 10; do
  read -r pid rest < "$1/pid"
  [ -z "$pid" ] || break
  sleep 0.2
done
[ -n "$pid" ] || exit 0
kill -s TERM -- "-$pid" 2>/dev/null
sleep 5
over "$1" || kill -s KILL -- "-$pid" 2>/dev/null
'

# Holds descriptor 9, the lock, and runs the script at $2 for the run in directory $1: at most $3 seconds, under umask $4.
# $5 is ls_stop. Two setsid wait one for the other, so that a script that kills the one above it cannot forge its own status.
ls_supervise='
read -r start rest < /proc/uptime
setsid sh -c "sleep \"\$3\"; exec sh -c \"\$4\" longshore \"\$1\" timeout" longshore "$1" x "$3" "$5" 9>&- &
timer=$!
child="umask \"\$3\"; printf %-20s \"\$\$\" 1<> \"\$1/pid\"; exec bash \"\$2\" >> \"\$1/output\" 2>&1 9>&-"
report=$( { setsid -f -w setsid -f -w sh -c "$child" longshore "$1" "$2" "$4"; } 2>&1 > /dev/null)
code=$?
#fail_point exited
read -r end rest < /proc/uptime
# Until it has made its own process group, there is none to kill.
until kill -s KILL -- "-$timer" 2>/dev/null; do
  kill -0 "$timer" 2>/dev/null || break
  sleep 0.01
done
read -r pid rest < "$1/pid"
case $report in
  "") kind=exit ;;
  *"child $pid "*) kind=signal code=$((code & 127)) ;;
  *) kind=unknown code=0 ;;
esac
cause=none
[ -e "$1/cause.timeout" ] && cause=timeout
[ -e "$1/cause.cancel" ] && cause=cancel
if [ -n "$pid" ] && { [ $cause != none ] || [ $kind = unknown ]; }; then
  kill -s TERM -- "-$pid" 2>/dev/null
  tries=0
  # After a KILL nobody is left to wait for.
  while [ $kind$code != signal9 ] && [ $tries -lt 50 ] && kill -s 0 -- "-$pid" 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -s KILL -- "-$pid" 2>/dev/null
fi
printf %-80s "$kind $code $start $end $cause" 1<> "$1/result.new"
#fail_point result
mv "$1/result.new" "$1/result"
'

say() { printf '%s %s\n' "$ls_nonce" "$*" >&2; }

fail() {
  discard_upload
  say "error $*"
  exit 0
}

uptime_centiseconds() {
  read -r ls_up ls_rest < /proc/uptime
  echo "${ls_up%.*}${ls_up#*.}"
}

# Everything the run will need on the disk, before anything is started.
prepare() {
  read -r ls_boot < /proc/sys/kernel/random/boot_id
  # Who follows a run that is named in the old way may be of a time that knows no header.
  case $ls_run in
    *.*) : > "$ls_dir/output" ;;
    *) echo "#longshore $ls_run" > "$ls_dir/output" && cp "$ls_dir/output" "$ls_dir/header" ;;
  esac && : > "$ls_dir/cause.none" && printf '%-20s\n' '' > "$ls_dir/pid" &&
    printf '%-80s\n' '' > "$ls_dir/result.new" && echo "$ls_boot" > "$ls_dir/boot" &&
    : > "$ls_dir/started"
}

discard_upload() { [ -z "$ls_upload" ] || rm -f -- "$ls_upload"; }

# Ends with a record.
leave() {
  discard_upload
  say "$1"
  exit 0
}

# The script as it lies there. Somebody else may have put there what is no script, has no end, or is never written to.
read_script() {
  dd if="${ls_upload:-$ls_path}" iflag=nonblock,nofollow,fullblock bs=64k count=65 2> /dev/null
}

# Returns when the script is known to be the right one and "go" has come in time. Whatever changes the file at REMOTE_PATH, or
# starts it, comes after this, so that nobody does so whose lease is over.
wait_for_go() {
  ls_actual=$(read_script | sha256sum)
  [ "${ls_actual%% *}" = "$ls_sha" ] || leave need-script
  #fail_point ready
  say ready
  ls_ready=$(uptime_centiseconds)
  read -r ls_go
  if [ "$ls_go" != go ]; then
    discard_upload
    exit 0
  fi
  [ $(($(uptime_centiseconds) - ls_ready)) -le "$ls_go_limit" ] || leave late
  #fail_point go
}

# Whether nobody but root and the login user can change what directory $1 leads to: each directory on its way belongs to one of
# them, and others may write there only where it is sticky. A symlink on its way counts as somebody else's.
is_safe() {
  ls_walk=$1
  [ "$(readlink -f -- "${ls_walk:-/}" 2> /dev/null)" = "${ls_walk:-/}" ] || return 1
  set -- /
  while [ -n "$ls_walk" ]; do
    set -- "$@" "$ls_walk"
    ls_walk=${ls_walk%/*}
  done
  ls_modes=$(stat -c '%u %a' -- "$@" 2> /dev/null) || return 1
  while read -r ls_owner ls_mode; do
    case $ls_owner in 0 | "$ls_uid") ;; *) return 1 ;; esac
    case $ls_mode in [1357]???) ;; *[2367]? | *[2367]) return 1 ;; esac
  done << END
$ls_modes
END
}

# What is to be run as $ls_script: the file at REMOTE_PATH; or, where somebody else could replace that between the check of its
# sha256 and bash's look at it, a copy that is checked where nobody else can write.
choose_script() {
  ls_script=$ls_path
  is_safe "${ls_path%/*}" && return
  ls_script=$ls_dir/script
  read_script > "$ls_script"
  ls_actual=$(sha256sum 2> /dev/null < "$ls_script")
  [ "${ls_actual%% *}" = "$ls_sha" ] && chmod 700 "$ls_script" && return
  rm -rf "$ls_dir"
  leave need-script
}

# Complete or not at all, in one step. Both names are looked up in one directory: where somebody else may swap a directory on the
# way, nothing of theirs is moved into another.
place() {
  [ -n "$ls_upload" ] || return 0
  ls_error=$(cd -P -- "${ls_path%/*}/" 2>&1 && mv -f -T -- "./${ls_upload##*/}" "./${ls_path##*/}" 2>&1) || {
    rm -rf "$ls_dir"
    leave "not-placed $ls_error"
  }
}

# Whether logind will end what runs when the connection ends: the login user is not root, does not linger, and logind is set to do
# so. Drop-ins count after the file itself, those of the administrator last.
doomed_by_logind() {
  [ "$(id -u)" != 0 ] && [ -n "$XDG_SESSION_ID" ] && [ ! -e "/var/lib/systemd/linger/$(id -un)" ] || return 1
  ls_kill=$(cat /etc/systemd/logind.conf /usr/lib/systemd/logind.conf.d/*.conf /run/systemd/logind.conf.d/*.conf \
    /etc/systemd/logind.conf.d/*.conf 2> /dev/null | sed -n 's/^ *KillUserProcesses *= *//p' | tail -n 1)
  case $ls_kill in 1 | [yY]* | [tT]* | [oO][nN]) return 0 ;; *) return 1 ;; esac
}

# Returns when the script has been started, here or before.
start() {
  if doomed_by_logind; then
    fail "logind ends what $(id -un) runs with its connection (KillUserProcesses=yes): loginctl enable-linger $(id -un)"
  fi
  wait_for_go
  ls_error=$(mkdir -p "$ls_root" 2>&1) || fail "cannot create $ls_root: $ls_error"
  [ -d "$ls_dir" ] || ls_error=$(mkdir "$ls_dir" 2>&1) || [ -d "$ls_dir" ] ||
    fail "cannot create $ls_dir: $ls_error"
  #fail_point made
  { exec 9>> "$ls_dir/lock"; } 2> /dev/null || {
    rmdir "$ls_dir" 2> /dev/null
    fail "cannot write in $ls_dir"
  }
  if ! flock -n 9; then
    [ -e "$ls_dir/started" ] || leave late
  elif [ ! -e "$ls_dir/started" ]; then
    choose_script
    place
    #fail_point placed
    if ! ls_error=$(prepare 2>&1); then
      rm -rf "$ls_dir"
      fail "cannot prepare $ls_dir: $ls_error"
    fi
    #fail_point prepared
    setsid -f sh -c "$ls_supervise" longshore "$ls_dir" "$ls_script" "$ls_timeout" "$ls_umask" "$ls_stop" \
      < /dev/null > /dev/null 2>&1 || { rm -rf "$ls_dir"; fail "cannot start a process"; }
  fi
  exec 9>&-
  #fail_point started
  discard_upload
}

# Also what an upload left behind whose link broke. Who asks for it waits for no result any more.
clean() {
  case $ls_path in "~/"*) ls_path=$HOME/${ls_path#"~/"} ;; esac
  rm -f -- "${ls_path%/*}/.longshore-${ls_run%%.*}".* 2> /dev/null
  if [ -e "$ls_dir/started" ] && ! flock -n "$ls_dir/lock" true 2> /dev/null; then
    sh -c "$ls_stop" longshore "$ls_dir" cancel < /dev/null > /dev/null 2>&1
    flock -w 2 "$ls_dir/lock" true 2> /dev/null
  fi
  if [ ! -d "$ls_dir" ]; then
    say cleaned
  elif ! flock -n "$ls_dir/lock" true 2> /dev/null; then
    say "error the run in $ls_dir is not over"
  elif ls_error=$(rm -rf "$ls_dir" 2>&1); then
    say cleaned
  else
    say "error cannot remove $ls_dir: $ls_error"
  fi
}

# How long the output is, without its header, as $ls_size.
measure() {
  ls_size=$(stat -c %s "$ls_dir/output" 2> /dev/null || echo 0)
  ls_size=$((ls_size - ls_skip))
  [ $ls_size -ge 0 ] || ls_size=0
}

# Whether the output was cut short: its header is gone, or less is there than has been read before.
is_cut_short() {
  [ $ls_skip -gt 0 ] && [ -e "$ls_dir/output" ] || return 1
  ls_first=$(head -c $ls_skip "$ls_dir/output" 2> /dev/null)
  [ "$ls_first" != "$ls_header" ] || [ $ls_size -lt "$ls_offset" ]
}

# Says that the run is over, once it is. Starts no shell of its own: the script may have replaced it.
tell_end() {
  flock -s "$ls_dir/lock" true 2> /dev/null &
  ls_flock_pid=$!
  trap 'kill "$ls_flock_pid" 2> /dev/null; exit 0' TERM
  wait "$ls_flock_pid"
  measure
  if is_cut_short; then
    # Where in the file the end is does not tell any more when all of it has been read: tail is given time instead.
    sleep 1
    ls_size=0
    say truncated
  fi
  read -r ls_boot < /proc/sys/kernel/random/boot_id
  { read -r ls_boot_then < "$ls_dir/boot"; } 2> /dev/null || ls_boot_then=
  if [ -e "$ls_dir/result" ]; then
    read -r ls_result < "$ls_dir/result"
    say "end $ls_size $ls_result"
  elif [ -n "$ls_boot_then" ] && [ "$ls_boot" != "$ls_boot_then" ]; then
    say "lost $ls_size rebooted"
  else
    say "lost $ls_size vanished"
  fi
}

follow() {
  ls_header='' ls_skip=0
  { read -r ls_header < "$ls_dir/header"; } 2> /dev/null
  [ -z "$ls_header" ] || ls_skip=$((${#ls_header} + 1))
  measure
  if is_cut_short; then
    # What was read before is kept. How much of what is there now was read is not known: nothing of it, or, when something was,
    # only what comes from now on.
    ls_from=1
    [ "$ls_offset" -eq 0 ] || ls_from=$((ls_size + ls_skip + 1))
    say "running $ls_offset"
    say truncated
  else
    if [ "$ls_offset" -ge "$ls_head" ] && [ $((ls_size - ls_offset)) -gt "$ls_tail" ]; then
      ls_offset=$((ls_size - ls_tail))
    fi
    ls_from=$((ls_offset + ls_skip + 1))
    say "running $ls_offset"
  fi
  echo "$ls_nonce"
  tail -c "+$ls_from" -f "$ls_dir/output" 2> /dev/null &
  ls_tail_pid=$!
  tell_end &
  ls_wait_pid=$!
  # Ends with the connection: then standard input does.
  while read -r ls_command; do
    case $ls_command in
      ping) say alive ;;
      cancel) setsid -f sh -c "$ls_stop" longshore "$ls_dir" cancel < /dev/null > /dev/null 2>&1 ;;
      clean)
        clean
        break
        ;;
    esac
  done
  kill "$ls_tail_pid" "$ls_wait_pid" 2> /dev/null
  wait
}

case $ls_mode in
  clean) clean ;;
  attach)
    discard_upload
    if [ -e "$ls_dir/started" ]; then follow; else say absent; fi
    ;;
  place)
    wait_for_go
    place
    say placed
    ;;
  start)
    if [ -e "$ls_dir/started" ]; then discard_upload; else start; fi
    follow
    ;;
esac
