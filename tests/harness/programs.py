"""Where the programs under test are."""

import glob
import os

ROOT = os.getcwd()  # run.sh goes to the top of the runfiles.
# The shipped ones, and those with fail points.
PROGRAMS = {name: f"{ROOT}/{name}/{name}" for name in ("api_server", "payload_worker")}
FAIL_POINTS = {name: f"{ROOT}/tests/fault/{name}" for name in PROGRAMS}
LONGSHORE = f"{ROOT}/cli/longshore"
PLAYBOOK = f"{ROOT}/ansible/main.yml"
LOCAL_INSTANCE = f"{ROOT}/api_server/providers/local_instance.sh"
CERTIFICATES = f"{ROOT}/tools/lib/certificates.sh"
POSTGRES = f"{ROOT}/tools/lib/postgres.sh"
# Not Debian's wrapper of it, which is in Perl and costs more than it: tests look often.
PSQL = glob.glob("/usr/lib/postgresql/*/bin/psql")[0]
