#!/usr/bin/env bash
# Make .venv in the project root from envs/requirements.lock (called by `make setup`).
#
# Nothing is written outside .venv, unless Python cannot make a virtual environment at all: then, as root on Debian or
# Ubuntu, python3-venv is installed with apt-get, and else one sentence says what to type. Set UV_CACHE_DIR to share
# downloads between checkouts.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
LOCK=envs/requirements.lock
PROBE='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'

die() { echo "setup: $*" >&2; exit 1; }
say() { echo "setup: $*"; }

# The Python that PYTHON names and no other, or the first that will do.
find_python() {
    local name names=(python3 python3.13 python3.12 python3.11)
    [ -z "${PYTHON:-}" ] || names=("$PYTHON")
    for name in "${names[@]}"; do
        if command -v "$name" >/dev/null && "$name" -c "$PROBE" 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

refuse_python() {
    local version
    version=$("$1" --version 2>&1) || version="no Python that runs"
    die "$1 is $version, but throng needs Python 3.11, 3.12 or 3.13; install one, or name it:" \
        "make setup PYTHON=/path/to/python3.12"
}

apt_install() {
    local as_root="apt-get install -y --no-install-recommends $*"
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "missing: $*; install it (sudo $as_root) and repeat"
    say "installing the Debian packages $*"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root; } >&2
}

# An environment with pip in it; ensurepip is a separate package on Debian, and a pip outside can stand in for it.
make_venv() {
    rm -rf "$VENV"
    if "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
        "$PYTHON" -m venv "$VENV"
    elif "$PYTHON" -m pip --version >/dev/null 2>&1; then
        "$PYTHON" -m venv --without-pip "$VENV"
    else
        apt_install "$(basename "$(readlink -f "$PYTHON")")-venv"
        "$PYTHON" -m venv "$VENV"
    fi
}

pip() {
    if "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        "$VENV/bin/python" -m pip "$@"
    else
        "$PYTHON" -m pip --python "$VENV/bin/python" "$@"
    fi
}

[ ! -L "$VENV" ] || die "$VENV is a link: what is installed through it would be another checkout's; set up there, or" \
    "delete the link and repeat"
if ! FOUND=$(find_python); then
    [ -z "${PYTHON:-}" ] && ! command -v python3 >/dev/null && apt_install python3 python3-venv
    FOUND=$(find_python) || refuse_python "${PYTHON:-python3}"
fi
PYTHON=$FOUND
say "making $VENV with $("$PYTHON" --version): about 6 GB, one to five minutes, nothing outside it"

[ -x "$VENV/bin/python" ] && "$VENV/bin/python" -c "$PROBE" 2>/dev/null || make_venv
[ -x "$VENV/bin/uv" ] ||
    pip install --quiet --disable-pip-version-check --no-cache-dir "$(grep -o '^uv==[^ ]*' "$LOCK")"

export UV_CACHE_DIR=${UV_CACHE_DIR:-$PWD/$VENV/cache} VIRTUAL_ENV=$PWD/$VENV
"$VENV/bin/uv" pip sync --quiet --compile-bytecode "$LOCK"
"$VENV/bin/uv" pip install --quiet --no-deps --no-build-isolation --editable .
rm -rf "$VENV/cache" "$VENV"/.lock-*
touch "$VENV/.lock-$(sha256sum "$LOCK" | cut -c1-16)"
say "done; activate it with: source $VENV/bin/activate"
