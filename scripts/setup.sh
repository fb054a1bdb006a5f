#!/bin/sh
# Makes what the commands need, in this folder only: a virtual environment with Python 3.13 and the store from npm.
# Says nothing when everything is there already.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

stamp() { cat "$@" | cksum | tr ' ' '-'; }

find_python() {
  for candidate in "${PYTHON:-}" python3.13 python3 "$HOME"/.pyenv/versions/3.13.*/bin/python3; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    fi
  done
  say "Python 3.13 is needed and was not found."
  say "Install it (for example 'pyenv install 3.13', 'brew install python@3.13' or 'apt install python3.13-venv'),"
  say "or name it: PYTHON=/path/to/python3.13 make run"
  exit 1
}

# environment NAME REQUIREMENTS: a virtual environment with exactly what the lock file says.
environment() {
  want=$(stamp "$2")
  [ "$(cat "$1/.stamp" 2>/dev/null || true)" = "$want" ] && return
  python=$(find_python)
  say "Installing $2 into $1 (a minute or two the first time)"
  [ -x "$1/bin/python" ] || "$python" -m venv "$1"
  "$1/bin/python" -m pip install --disable-pip-version-check --require-hashes --progress-bar on -q -r "$2" >&2 || {
    say "The packages could not be installed. The first start needs the network; then try again."
    exit 1
  }
  printf '%s' "$want" > "$1/.stamp"
}

store() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64)
      if [ -n "${DYNAMODB_ENDPOINT:-}" ]; then return; fi
      want=$(stamp package-lock.json)
      [ "$(cat node_modules/.stamp 2>/dev/null || true)" = "$want" ] && return
      if command -v npm >/dev/null 2>&1; then
        say "Installing the store (dynoxide) with npm"
        if npm ci --no-fund --no-audit --loglevel=error >&2; then
          printf '%s' "$want" > node_modules/.stamp
          return
        fi
        say "npm could not install the store; using ministack instead, which forgets what it has when it is killed."
      else
        say "npm was not found; using the store ministack instead, which forgets what it has when it is killed."
        say "Install Node.js with npm for the durable one."
      fi
      ;;
  esac
  environment .venv-ministack requirements-ministack.txt
}

environment .venv requirements-dev.txt
for part in "$@"; do
  case "$part" in
    store) store ;;
    sam) environment .venv-sam requirements-sam.txt ;;
  esac
done
