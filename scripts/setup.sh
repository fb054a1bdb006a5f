#!/bin/sh
# Install the tools of this project into this folder only: a virtual environment with Python 3.13 and, if named, the store,
# sam, the reference's viewer (docs), the npm packages of tests (npm), the scanners of template and workflows (lint), the
# advisory scanner (audit), the emulator of AWS (ministack), the generator of the Python client that tests call (clients) and the
# programs that benches compare with (bench). Prints nothing
# if everything is installed, and never to standard output: `make -s token` must print a token only.
#
#   scripts/setup.sh [store] [sam] [docs] [npm] [bench] [lint] [audit] [ministack] [clients]
set -eu
cd "$(dirname "$0")/.."
here=$(pwd -P)

say() { printf '%s\n' "$*" >&2; }

checksum() { cksum < "$1" | tr ' ' '-'; }

# Two commands must not install into the same folder at the same time. If the lock cannot be taken although no process holds
# it, give up after a few attempts; its owner may just have ended.
lock() {
  tries=0 failures=0
  while ! error=$(mkdir .venv.lock 2>&1); do
    owner=$(cat .venv.lock/pid 2>/dev/null || true)
    tries=$((tries + 1))
    if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then
      [ "$tries" -gt 1 ] || say "Another command is installing (process $owner); waiting for it"
    else
      failures=$((failures + 1))
      [ -w . ] && [ "$failures" -le 10 ] || cannot_write "$error"
      if [ -n "$owner" ] || [ "$failures" -gt 5 ]; then rm -rf .venv.lock 2>/dev/null || true; fi
    fi
    sleep 1
  done
  trap 'rm -rf .venv.lock' EXIT
  trap 'exit 130' INT HUP TERM
  printf '%s' "$$" 2>/dev/null > .venv.lock/pid || cannot_write "the folder is not writable"
}

# cannot_write REASON
cannot_write() {
  say "Nothing can be installed into $here: $1"
  say "Check that you may write to the folder and that the disk has space, then run the same command again."
  exit 1
}

find_python() {
  found=
  for candidate in "${PYTHON:-}" python3.13 python3 "$HOME"/.pyenv/versions/3.13.*/bin/python3; do
    [ -n "$candidate" ] || continue
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || {
      [ "$candidate" != "${PYTHON:-}" ] || say "$PYTHON, which PYTHON names, is not a working Python."
      continue
    }
    if [ "$version" != 3.13 ]; then
      found="$found, $candidate is $version"
    elif "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    else
      found="$found, $candidate has no venv"
    fi
  done
  say "Python 3.13 (with venv) is needed and was not found${found:+: ${found#, }}."
  say "Install it with 'pyenv install 3.13', 'brew install python@3.13' or 'apt install python3.13-venv',"
  say "or say where it is: make PYTHON=/path/to/python3.13 run"
  return 1
}

# explain LOGFILE: print why pip or npm failed, from its log.
explain() {
  if grep -qiE 'NewConnectionError|ConnectTimeout|name resolution|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH' "$1"; then
    say "The package index cannot be reached. The first start needs the network, later ones do not."
    say "Connect (behind a proxy, set HTTPS_PROXY), then run the same command again. The log is $1."
    return
  fi
  grep -iE '^ *(npm )?error' "$1" | head -n 5 >&2 || tail -n 5 "$1" >&2
  say "The packages could not be installed; the log is $1. Fix the problem, then run the same command again."
}

# ready NAME LOCKFILE: succeed if the environment exists, works and holds what the lock file pins.
ready() { [ -x "$1/bin/python" ] && [ "$(cat "$1/.stamp" 2>/dev/null || true)" = "$(checksum "$2")" ] && in_place "$1"; }

# An environment's scripts contain the path of its folder, so one that was copied or moved here does not work.
in_place() {
  case "$(sed -n 's/^command = //p' "$1/pyvenv.cfg" 2>/dev/null)" in
    *" $here/$1") return 0 ;;
    *) return 1 ;;
  esac
}

# Show the progress of pip on a terminal; reads its output.
progress() {
  if [ -t 2 ]; then show=1; else show=0; fi
  awk -v total="$1" -v show="$show" '
    { print }
    !show { next }
    /^(Collecting|Processing|Requirement already satisfied)/ { printf "\r  %d of %d packages ", ++n, total > "/dev/stderr" }
    /^Installing collected packages/ { printf "\r  unpacking %d packages  ", total > "/dev/stderr" }
    END { if (show) printf "\r%40s\r", "" > "/dev/stderr" }
  '
}

# environment NAME LOCKFILE: create a virtual environment with what the lock file pins.
environment() {
  if ready "$1" "$2"; then return; fi
  python=$(find_python)
  say "Installing $2 into $1 (half a minute or more, the first time)"
  rm -f "$1/.stamp"
  if ! [ -x "$1/bin/python" ] || ! in_place "$1"; then "$python" -m venv --clear "$1" >&2; fi
  {
    "$1/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes -r "$2" 2>&1 \
      && checksum "$2" > "$1/.stamp"
  } | progress "$(grep -c '^[A-Za-z0-9].*==' "$2")" > "$1/install.log" || true
  if ! ready "$1" "$2"; then
    explain "$1/install.log"
    exit 1
  fi
}

# Install the project itself: a path file, so that Python imports its packages from here, and sales as from a Lambda layer.
path_file=.venv/lib/python3.13/site-packages/sales-project.pth
path_lines() { printf '%s\n%s\n' "$here" "$here/shared"; }
project_ready() { [ "$(cat "$path_file" 2>/dev/null || true)" = "$(path_lines)" ]; }

# The packages that package-lock.json pins; `npm_ready dev` and `npm_packages dev` include those that only tests use.
npm_ready() {
  case "$(cat node_modules/.stamp 2>/dev/null || true)" in
    "$(checksum package-lock.json) dev") return 0 ;;
    "$(checksum package-lock.json)") [ -z "${1:-}" ] ;;
    *) return 1 ;;
  esac
}

npm_packages() {
  if npm_ready "${1:-}"; then return 0; fi
  if ! command -v npm >/dev/null 2>&1; then
    say "npm was not found. It comes with Node.js: run 'brew install node' or 'apt install npm', then the same command again."
    return 1
  fi
  say "Installing ${2:-packages} from npm"
  rm -f node_modules/.stamp
  if [ -n "${1:-}" ]; then set -- "$1" --include=dev; else set -- "" --omit=dev; fi
  if ! npm ci "$2" --no-fund --no-audit --no-progress --loglevel=error > .venv/npm-install.log 2>&1; then
    explain .venv/npm-install.log
    return 1
  fi
  printf '%s' "$(checksum package-lock.json)${1:+ $1}" > node_modules/.stamp
}

# The store: dynoxide where it has a build, else ministack. With DYNAMODB_ENDPOINT set, neither.
store() {
  if has_endpoint; then return; fi
  if has_dynoxide; then
    if npm_packages "" "the database (dynoxide) and the reference's viewer"; then return; fi
    say "Using ministack as the store instead; it loses its data when it is killed."
  elif [ "${LOCAL_STORE:-}" != ministack ] && ! ready .venv-ministack requirements-ministack.txt; then
    say "dynoxide has no build for $(uname -s) $(uname -m): the database is ministack, which loses its data when it is killed."
  fi
  environment .venv-ministack requirements-ministack.txt
}

has_dynoxide() { [ "${LOCAL_STORE:-}" != ministack ] && [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; }

# As in local/config.py, a variable in the environment overrides .env, even if it is empty.
has_endpoint() { [ -n "${DYNAMODB_ENDPOINT-$(endpoint_in_env_file)}" ]; }

endpoint_in_env_file() {
  [ ! -f .env ] || sed -nE "s/^[[:space:]]*(export[[:space:]]+)?DYNAMODB_ENDPOINT[[:space:]]*=[[:space:]]*[\"']?([^[:space:]\"'#]*).*/\\2/p" .env | tail -n 1
}

store_ready() {
  if has_endpoint; then return; fi
  if has_dynoxide; then npm_ready; else ready .venv-ministack requirements-ministack.txt; fi
}

# The reference's viewer for /docs: the files of swagger-ui-dist that a browser requests, and its licences. The large ones are
# there only compressed, so that no request can ask for four times as many bytes.
viewer=functions/serve_docs/swagger-ui
viewer_packed="swagger-ui-bundle.js swagger-ui.css"
viewer_files="oauth2-redirect.js favicon-32x32.png LICENSE NOTICE swagger-ui-bundle.js.LICENSE.txt"

docs() {
  if npm_packages "" "the reference's viewer"; then
    rm -rf "$viewer"
    mkdir -p "$viewer"
    for file in $viewer_files; do cp "node_modules/swagger-ui-dist/$file" "$viewer/"; done
    for file in $viewer_packed; do gzip -9 -n -c "node_modules/swagger-ui-dist/$file" > "$viewer/$file.gz"; done
  else
    say "So /docs has no viewer; everything else, such as /openapi.json, works."
  fi
}

docs_ready() {
  npm_ready || return 1
  for file in $viewer_files; do cmp -s "node_modules/swagger-ui-dist/$file" "$viewer/$file" || return 1; done
  for file in $viewer_packed; do
    [ -f "$viewer/$file.gz" ] || return 1
    gzip -dc "$viewer/$file.gz" | cmp -s "node_modules/swagger-ui-dist/$file" - || return 1
  done
}

all_ready() {
  ready .venv requirements-dev.txt && project_ready || return 1
  for part in "$@"; do
    case "$part" in
      store) store_ready || return 1 ;;
      docs) docs_ready || return 1 ;;
      npm) npm_ready dev || return 1 ;;
      sam) ready .venv-sam requirements-sam.txt || return 1 ;;
      audit) ready .venv-audit requirements-audit.txt || return 1 ;;
      bench) ready .venv-bench bench/requirements.txt || return 1 ;;
      lint) ready .venv-lint requirements-lint.txt || return 1 ;;
      ministack) ready .venv-ministack requirements-ministack.txt || return 1 ;;
      clients) ready .venv-clients requirements-clients.txt || return 1 ;;
    esac
  done
}

if all_ready "$@"; then exit 0; fi
lock
environment .venv requirements-dev.txt
mkdir -p "${path_file%/*}"
path_lines > "$path_file"
for part in "$@"; do
  case "$part" in
    store) store ;;
    docs) docs ;;
    npm) npm_packages dev "the packages of tests" || say "So the tests that need them are skipped." ;;
    sam) environment .venv-sam requirements-sam.txt ;;
    lint) environment .venv-lint requirements-lint.txt ;;
    audit) environment .venv-audit requirements-audit.txt ;;
    bench) environment .venv-bench bench/requirements.txt ;;
    ministack) environment .venv-ministack requirements-ministack.txt ;;
    clients) environment .venv-clients requirements-clients.txt ;;
    *) say "setup.sh knows store, docs, npm, sam, lint, audit, ministack, clients and bench, not $part"; exit 2 ;;
  esac
done
