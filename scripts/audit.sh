#!/bin/sh
# Known advisories of everything that is pinned here. An advisory that does not reach us is named below with its reason; any
# other fails, and so does an index or a service of advisories that does not answer: nothing looked up is nothing known.
set -u
cd "$(dirname "$0")/.."
pip_audit=${PIP_AUDIT:-.venv-audit/bin/pip-audit}
status=0

# ecdsa (python-jose names it as a requirement), CVE-2024-23342: a side channel of signing. It is not in the layer, nothing
# here signs with it, and it will not be mended (docs/security.md).
ignored="--ignore-vuln CVE-2024-23342"

for lock in shared/requirements.txt requirements*.txt bench/requirements.txt; do
  echo "==> $lock"
  # The lock has every version and hash: nothing is installed or resolved to look.
  # shellcheck disable=SC2086 # two words
  "$pip_audit" --strict --require-hashes --disable-pip --progress-spinner=off $ignored --requirement "$lock" || status=1
done
# What only tests use is run here too.
echo "==> package-lock.json"
npm audit || status=1
[ "$status" = 0 ] || echo "Not all is well, or not all could be looked up: see above." >&2
exit "$status"
