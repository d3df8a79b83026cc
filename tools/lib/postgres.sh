#!/usr/bin/env bash
# A private PostgreSQL. Usage: postgres.sh init DIR [cached] | postgres.sh run DIR PORT
# `init` makes the cluster in DIR/data, `cached` as a copy of one in ~/.cache/longshore-postgres, which takes a twentieth of the
# time: tests make hundreds. `run` serves it on loopback and a socket in DIR, in the foreground, until it is killed.
# Everybody on the machine may connect as user longshore: for demonstrations and tests only.
set -euo pipefail

bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
action=$1
dir=$2
# PostgreSQL refuses to run as root.
as_owner=()
if [ "$(id -u)" = 0 ]; then as_owner=(setpriv --reuid=postgres --regid=postgres --clear-groups --); fi

# For `init DIR cached`.
version=${bin%/bin}
kept=${XDG_CACHE_HOME:-~/.cache}/longshore-postgres/${version##*/}

# The copy appears whole or not at all. Who makes one at the same time may be first.
keep() {
  local made
  mkdir -p "${kept%/*}" && made=$(mktemp -d "$kept.XXXXXX") && cp -a "$dir/data/." "$made" && sync -f "$made" || return
  mv -T "$made" "$kept" 2> /dev/null || rm -rf "$made"
}

case $action in
  init)
    mkdir -p "$dir"
    if [ "$(id -u)" = 0 ]; then chown postgres: "$dir"; fi
    if [ "${3:-}" = cached ] && [ -d "$kept" ]; then
      cp -a "$kept" "$dir/data"
      exit
    fi
    "${as_owner[@]}" "$bin/initdb" -D "$dir/data" -U longshore -A trust -E UTF8 --no-locale --no-sync > /dev/null
    [ "${3:-}" != cached ] || keep || echo "no copy of it is kept in $kept" >&2
    ;;
  run)
    # The sessions of a server that was killed outlive it by a moment, and keep its memory; they work in its data directory.
    while [ -n "$(find /proc/[0-9]*/cwd -maxdepth 0 -lname "$dir/data" 2> /dev/null)" ]; do sleep 0.1; done
    cd "$dir"
    # shellcheck disable=SC2086  # POSTGRES_OPTIONS are words.
    exec "${as_owner[@]}" "$bin/postgres" -D "$dir/data" -k "$dir" -p "$3" -c listen_addresses=127.0.0.1 \
      -c max_connections=200 -c shared_buffers=64MB -c logging_collector=off ${POSTGRES_OPTIONS:-}
    ;;
esac
