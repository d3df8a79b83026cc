#!/usr/bin/env bash
# ansible-playbook that leaves the processor to the rest: it alone keeps all of it busy, and on a small machine the leases of a
# chaos run, which are short, would run out meanwhile.
exec nice -n 5 ansible-playbook "$@"
