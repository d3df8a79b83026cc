# shellcheck shell=bash
# A part of a line is read only to be left out; a tilde is what the server sends for the home directory.
# shellcheck disable=SC2034,SC2088
#
# Longshore's remote runner: puts one payload's script in its place, starts it at most once on this instance, and lets whoever
# comes follow it.
#
# Run as: bash --norc -p -c RUNNER longshore MODE NONCE RUN REMOTE_PATH SHA256 TIMEOUT OFFSET HEAD TAIL GO_LIMIT UPLOAD
# Where another user becomes root, RUNNER is read from standard input by what is in its place (runner_command.cc).
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
# was), result (ends with "pending" until there is one), script (only where somebody else may write in the directory of
# REMOTE_PATH: what is run then).
# What has to be written at the end gets its space on the disk at the beginning, and is overwritten in one write.
#
# A run takes ten processes besides this shell and the script: stat (who may write where the script lies), sha256sum, mkdir (the
# run directory), flock, mv (the script to its place), the supervisor (a fork of this shell, which becomes the stat of the
# output's size), setsid twice (supervise says why), tail (sends the output), rm. All else is done by bash itself.
# remote_supervisor.sh, which comes before it, has the functions that see to the script's process group.
# Needs bash 4.4, coreutils and util-linux only.
ls_mode=$1 ls_nonce=$2 ls_run=$3 ls_path=$4 ls_sha=$5 ls_timeout=$6 ls_offset=$7 ls_head=$8 ls_tail=$9
shift 9
ls_go_limit=$1 ls_upload=$2
# The script sees what the login shell would have given it.
unset SHLVL OLDPWD
ls_umask=
while read -r ls_key ls_value; do
  if [ "$ls_key" = Umask: ]; then ls_umask=$ls_value; fi
done < /proc/self/status
# Kernels before 4.7 do not tell.
[ -n "$ls_umask" ] || ls_umask=$(umask)
umask 077
if [ "$EUID" = 0 ]; then
  ls_root=/var/lib/longshore/runs
else
  ls_root=$HOME/.local/state/longshore/runs
fi
ls_dir=$ls_root/$ls_run
ls_supervisor='' ls_safe=no

say() { printf '%s %s\n' "$ls_nonce" "$*" >&2; }

discard_upload() {
  if [ -e "$ls_upload" ] || [ -L "$ls_upload" ]; then rm -f -- "$ls_upload"; fi
}

# Ends with a record.
leave() {
  discard_upload
  say "$*"
  exit 0
}

fail() { leave "error $*"; }

# Hundredths of a second since the boot, as $ls_now.
look_at_clock() {
  read -r ls_now ls_rest < /proc/uptime
  ls_now=$((10#${ls_now%.*}${ls_now#*.}))
}

# When process $1 was started, as $ls_birth; empty if there is no such process.
look_at_process() {
  ls_birth=
  { read -r ls_line < "/proc/$1/stat"; } 2> /dev/null || return
  set -f
  # The name, in brackets, may have blanks.
  # shellcheck disable=SC2086
  set -- ${ls_line##*) }
  set +f
  ls_birth=${20}
}

# Everything the run will need on the disk, before anything is started.
prepare() {
  read -r ls_boot < /proc/sys/kernel/random/boot_id
  # Who follows a run that is named in the old way may be of a time that knows no header.
  case $ls_run in
    *.*) : > "$ls_dir/output" ;;
    *) echo "#longshore $ls_run" > "$ls_dir/output" && echo "#longshore $ls_run" > "$ls_dir/header" ;;
  esac && : > "$ls_dir/cause.none" && printf '%-20s\n' '' > "$ls_dir/pid" &&
    printf '%-80s\n' 'unknown 0 0 0 none pending' > "$ls_dir/result" && echo "$ls_boot" > "$ls_dir/boot"
}

# Looks at the script as it lies there, and at the directories on the way to it. $ls_safe: nobody but root and the login user can
# change what its name leads to. Each belongs to one of them, and others may write only in directories that are sticky. A symlink
# on the way counts as somebody else's.
inspect() {
  ls_file=${ls_upload:-$ls_path}
  # Who comes later and has sent nothing does not know what "~" stands for.
  case $ls_file in /*) ;; *) return ;; esac
  set -- "$ls_file"
  ls_walk=${ls_file%/*}
  while [ -n "$ls_walk" ]; do
    set -- "$@" "$ls_walk"
    ls_walk=${ls_walk%/*}
  done
  ls_seen=$(exec stat -c '%u %f %s' -- "$@" / 2> /dev/null) || return
  ls_words=$((3 * ($# + 1)))
  # shellcheck disable=SC2086
  set -- $ls_seen
  [ $# = $ls_words ] || return
  ls_type=8
  while [ $# -gt 0 ]; do
    ls_owner=$1 ls_mode=$((16#$2)) ls_size=$3
    shift 3
    [ "$ls_owner" = 0 ] || [ "$ls_owner" = "$EUID" ] || return
    [ $((ls_mode >> 12)) = $ls_type ] || return
    if [ $ls_type = 8 ]; then
      [ $((ls_mode & 8#22)) = 0 ] && [ "$ls_size" -le $((65 * 65536)) ] || return
    else
      [ $((ls_mode & 8#22)) = 0 ] || [ $((ls_mode & 8#1000)) != 0 ] || return
    fi
    ls_type=4
  done
  ls_safe=yes
}

# The script, where somebody else may have put what is no script, has no end, or is never written to.
read_script() {
  dd if="${ls_upload:-$ls_path}" iflag=nonblock,nofollow,fullblock bs=64k count=65 2> /dev/null
}

# Returns when the script is known to be the right one and "go" has come in time. Whatever changes the file at REMOTE_PATH, or
# starts it, comes after this, so that nobody does so whose lease is over.
wait_for_go() {
  # Another file that is there is replaced, and so is a symlink itself.
  if [ -n "$ls_upload" ] && [ ! -L "$ls_path" ]; then
    [ ! -d "$ls_path" ] || leave "refused $ls_path is a directory"
    [ ! -e "$ls_path" ] || [ -f "$ls_path" ] || leave "refused $ls_path is a device, a pipe or a socket"
  fi
  inspect
  if [ $ls_safe = yes ]; then
    ls_actual=$(exec sha256sum < "$ls_file")
  else
    ls_actual=$(read_script | sha256sum)
  fi
  [ "${ls_actual%% *}" = "$ls_sha" ] || leave need-script
  #fail_point ready
  say ready
  look_at_clock
  ls_ready=$ls_now
  read -r ls_go
  if [ "$ls_go" != go ]; then
    discard_upload
    exit 0
  fi
  is_in_time || leave late
  #fail_point go
}

# Whether "go" still counts. Looked at again after what may take long: bash tries for 15 s to start a process.
is_in_time() {
  look_at_clock
  [ $((ls_now - ls_ready)) -le "$ls_go_limit" ]
}

# Of a run directory in which nothing was started.
leave_late() {
  rm -rf "$ls_dir"
  leave late
}

# What is to be run as $ls_script: the file at REMOTE_PATH; or, where somebody else could replace that between the check of its
# sha256 and bash's look at it, a copy that is checked where nobody else can write.
choose_script() {
  ls_script=$ls_path
  [ $ls_safe = no ] || return
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
  ls_error=$(cd -P -- "${ls_path%/*}/" 2>&1 && exec mv -f -T -- "./${ls_upload##*/}" "./${ls_path##*/}" 2>&1) || {
    rm -rf "$ls_dir"
    leave "not-placed $ls_error"
  }
}

# Whether logind will end what runs when the connection ends: the login user, $ls_login, is not root, does not linger, and logind
# is set to do so. Drop-ins count after the file itself, those of the administrator last.
doomed_by_logind() {
  if [ "$EUID" != 0 ]; then
    [ -n "$XDG_SESSION_ID" ] || return 1
    ls_login=$(id -un)
  else
    # Root by way of sudo, which tells the user but not the session.
    ls_login=${SUDO_USER:-root}
    [ "$ls_login" != root ] || return 1
    IFS= read -r -d '' ls_groups < /proc/self/cgroup
    case $ls_groups in */session-*.scope*) ;; *) return 1 ;; esac
  fi
  [ ! -e "/var/lib/systemd/linger/$ls_login" ] || return 1
  ls_kill=$(cat /etc/systemd/logind.conf /usr/lib/systemd/logind.conf.d/*.conf /run/systemd/logind.conf.d/*.conf \
    /etc/systemd/logind.conf.d/*.conf 2> /dev/null | sed -n 's/^ *KillUserProcesses *= *//p' | tail -n 1)
  case $ls_kill in 1 | [yY]* | [tT]* | [oO][nN]) return 0 ;; *) return 1 ;; esac
}

# Returns when the script has been started, here or before.
start() {
  if doomed_by_logind; then
    fail "logind ends what $ls_login runs with its connection (KillUserProcesses=yes): loginctl enable-linger $ls_login"
  fi
  wait_for_go
  [ -d "$ls_root" ] || ls_error=$(mkdir -p "$ls_root" 2>&1) || fail "cannot create $ls_root: $ls_error"
  [ -d "$ls_dir" ] || ls_error=$(exec mkdir "$ls_dir" 2>&1) || [ -d "$ls_dir" ] ||
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
    is_in_time || leave_late
    place
    #fail_point placed
    if ! prepare 2> /dev/null; then
      ls_error=$(prepare 2>&1)
      rm -rf "$ls_dir"
      fail "cannot prepare $ls_dir: $ls_error"
    fi
    is_in_time || leave_late
    : > "$ls_dir/started"
    #fail_point prepared
    # In a process group of its own. It runs the pipe's end itself.
    shopt -s lastpipe
    set -m
    supervise 7>&2 < /dev/null > /dev/null 2>&1 &
    ls_supervisor=$!
    set +m
    look_at_process $ls_supervisor
    ls_supervisor_birth=$ls_birth
  fi
  exec 9>&-
  #fail_point started
  discard_upload
}

# Whether the supervisor that this shell has started is there.
is_supervised() {
  look_at_process "$ls_supervisor"
  [ -n "$ls_birth" ] && [ "$ls_birth" = "$ls_supervisor_birth" ]
}

# Also what an upload left behind whose link broke. Who asks for it waits for no result any more.
clean() {
  if [ -e "$ls_dir/started" ] && ! is_over; then
    cancel < /dev/null > /dev/null 2>&1
    flock -w 2 8 8< "$ls_dir/lock" 2> /dev/null
  fi
  if [ ! -d "$ls_dir" ]; then
    say cleaned
  elif ! is_over; then
    say "error the run in $ls_dir is not over"
  else
    remove
  fi
}

remove() {
  if ls_error=$(exec rm -rf "$ls_dir" 2>&1); then
    say cleaned
  else
    say "error cannot remove $ls_dir: $ls_error"
  fi
}

discard_all_uploads() {
  case $ls_path in "~/"*) ls_path=$HOME/${ls_path#"~/"} ;; esac
  for ls_upload in "${ls_path%/*}/.longshore-${ls_run%%.*}".*; do discard_upload; done
}

# How long the output is, without its header, as $ls_size.
measure() {
  ls_size=$(stat -c %s "$ls_dir/output" 2> /dev/null || echo 0)
  ls_size=$((ls_size - ls_skip))
  [ $ls_size -ge 0 ] || ls_size=0
}

read_header() {
  ls_header='' ls_skip=0
  { read -r ls_header < "$ls_dir/header"; } 2> /dev/null
  [ -z "$ls_header" ] || ls_skip=$((${#ls_header} + 1))
}

# Whether the output begins with its header, if it ever did.
has_header() {
  [ $ls_skip -gt 0 ] && [ -f "$ls_dir/output" ] || return 0
  ls_first=
  { IFS= read -r -N $ls_skip ls_first < "$ls_dir/output"; } 2> /dev/null
  [ "$ls_first" = "$ls_header"$'\n' ]
}

# Whether the output was cut short: its header is gone, or less is there than has been read before.
is_cut_short() {
  [ $ls_skip -gt 0 ] && [ -f "$ls_dir/output" ] || return 1
  ! has_header || [ "$ls_size" -lt "$ls_offset" ]
}

# Says how the run, which is over, has ended. Starts no shell of its own: the script may have replaced it.
tell_end() {
  measure
  if is_cut_short; then
    # Where in the file the end is does not tell any more when all of it has been read: tail is given time instead.
    sleep 1
    ls_size=0
    say truncated
  fi
  read -r ls_boot < /proc/sys/kernel/random/boot_id
  ls_boot_then='' ls_result=''
  { read -r ls_boot_then < "$ls_dir/boot"; } 2> /dev/null
  { read -r ls_result < "$ls_dir/result"; } 2> /dev/null
  case $ls_result in
    '' | *' pending')
      ls_why=vanished
      [ -z "$ls_boot_then" ] || [ "$ls_boot" = "$ls_boot_then" ] || ls_why=rebooted
      say "lost $ls_size $ls_why"
      ;;
    *) say "end $ls_size $ls_result" ;;
  esac
}

# Says that the run is over, once it is.
tell_end_when_over() {
  flock -s 8 2> /dev/null 8< "$ls_dir/lock" &
  ls_flock_pid=$!
  trap 'kill "$ls_flock_pid" 2> /dev/null; exit 0' TERM
  wait "$ls_flock_pid"
  tell_end
}

# Says from where on the output comes, and sends it.
send_output() {
  read_header
  # Of what has just been started, nothing has been read.
  if [ -z "$ls_supervisor" ] || [ "$ls_offset" -gt 0 ]; then measure; else ls_size=0; fi
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
}

# The next command as $ls_command. Fails at the end of the connection: then standard input ends. A supervisor that was killed
# tells no end, so this shell looks for it now and then.
read_command() {
  ls_command=
  while :; do
    IFS= read -r -t 5 ls_part
    ls_status=$?
    ls_command=$ls_command$ls_part
    [ $ls_status -gt 128 ] || return $ls_status
    if [ -n "$ls_supervisor" ] && ! is_supervised && is_over; then
      tell_end
      ls_supervisor=
    fi
  done
}

follow() {
  send_output
  ls_waiter=
  if [ -z "$ls_supervisor" ]; then
    tell_end_when_over &
    ls_waiter=$!
  fi
  while read_command; do
    case $ls_command in
      ping) say alive ;;
      cancel) cancel < /dev/null > /dev/null 2>&1 & ;;
      clean)
        kill "$ls_tail_pid"
        discard_all_uploads
        # The supervisor ends as it tells the end.
        if [ -n "$ls_supervisor" ] && is_supervised; then flock -w 2 -s 8 8< "$ls_dir/lock" 2> /dev/null; fi
        if [ -n "$ls_supervisor" ] && ! is_supervised; then remove; else clean; fi
        break
        ;;
    esac
  done
  # shellcheck disable=SC2086
  kill "$ls_tail_pid" $ls_waiter 2> /dev/null
  # shellcheck disable=SC2086
  wait "$ls_tail_pid" $ls_waiter
}

case $ls_mode in
  clean)
    discard_all_uploads
    clean
    ;;
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
