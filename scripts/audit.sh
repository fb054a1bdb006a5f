#!/bin/sh
# Look up known advisories for everything pinned here; `make audit` runs it. Below are the advisories that do not affect us,
# with the reason. Any other fails, and so does an index or an advisory service that does not answer.
set -u
cd "$(dirname "$0")/.."
pip_audit=${PIP_AUDIT:-.venv-audit/bin/pip-audit}
status=0

# ecdsa (python-jose requires it), CVE-2024-23342: a side channel when signing. The layer leaves it out, nothing here signs
# with it, and its authors will not fix it (docs/security.md).
ignored="--ignore-vuln CVE-2024-23342"

for lock in shared/requirements.txt requirements*.txt bench/requirements.txt; do
  echo "==> $lock"
  # The lock file has every version and hash, so this installs and resolves nothing.
  # shellcheck disable=SC2086 # two words
  "$pip_audit" --strict --require-hashes --disable-pip --progress-spinner=off $ignored --requirement "$lock" || status=1
done
# Packages that only tests use run here too.
echo "==> package-lock.json"
npm audit || status=1
[ "$status" = 0 ] || echo "Some packages have advisories or could not be looked up: see above." >&2
exit "$status"
