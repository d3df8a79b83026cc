#!/usr/bin/env bash
# Makes a certificate authority and certificates with openssl, for tools/stack.sh and tests. docs/security.md explains the
# commands. Keys get the mode 0600; each certificate is good for a year, or DAYS.
# Usage: certificates.sh authority DIR NAME                DIR/ca.pem and DIR/ca.key
#        certificates.sh server AUTHORITY_DIR PREFIX SAN   PREFIX.pem and PREFIX.key; SAN: DNS:localhost,IP:127.0.0.1
#        certificates.sh client AUTHORITY_DIR PREFIX SAN   the same for who dials; a worker's SAN: DNS:NAME
set -euo pipefail
umask 077
days=${DAYS:-365}

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2> /dev/null; }

authority() {
  local dir=$1 name=$2
  mkdir -p "$dir"
  new_key "$dir/ca.key"
  openssl req -x509 -new -key "$dir/ca.key" -subj "/CN=$name" -days "$days" -out "$dir/ca.pem" \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign
  chmod 755 "$dir"
  chmod 644 "$dir/ca.pem"
}

# USAGE AUTHORITY_DIR PREFIX SAN
certificate() {
  local usage=$1 dir=$2 prefix=$3 names=$4
  local first=${names%%,*} name
  name=${first#*:}
  new_key "$prefix.key"
  openssl req -new -key "$prefix.key" -subj "/CN=${name//\//_}" |
    openssl x509 -req -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -days "$days" -out "$prefix.pem" \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=%s\nkeyUsage=critical,digitalSignature\n' "$names" "$usage") \
      2> /dev/null
  chmod 644 "$prefix.pem"
}

case ${1:-} in
  authority) authority "$2" "$3" ;;
  server) certificate serverAuth "$2" "$3" "$4" ;;
  client) certificate clientAuth "$2" "$3" "$4" ;;
  *)
    sed -n '2,6s/^# //p' "$0" >&2
    exit 2
    ;;
esac
