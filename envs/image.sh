#!/usr/bin/env bash
# Put throng into a container image: the steps that envs/Dockerfile and envs/throng.def share (docs/containers.md).
#
#   image.sh system             Python and what it needs, from Debian
#   image.sh packages cuda|cpu  what throng needs at the versions of the lock, into .venv
#   image.sh project            throng itself, and a folder for caches that anyone may write
#
# The project's files lie around this one. UV_DEFAULT_INDEX names a package index other than PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."

LOCK=envs/requirements.lock
export VIRTUAL_ENV=$PWD/.venv UV_NO_CACHE=1 UV_LINK_MODE=copy PIP_DISABLE_PIP_VERSION_CHECK=1
[ -n "${UV_DEFAULT_INDEX:-}" ] || unset UV_DEFAULT_INDEX

uv() {
    "$VIRTUAL_ENV/bin/uv" "$@"
}

system() {
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ca-certificates python3 python3-venv
    rm -rf /var/lib/apt/lists/*
}

packages() {
    local backend=()
    case "${1:-}" in
        cuda) ;; # as the package index has them: PyTorch's builds for CUDA, which run without a GPU too
        cpu) backend=(--torch-backend cpu) ;; # PyTorch's own index has these, 4 GB smaller
        *)
            echo "image.sh: the variant is cuda or cpu, not ${1:-empty}" >&2
            exit 2
            ;;
    esac
    python3 -m venv "$VIRTUAL_ENV"
    "$VIRTUAL_ENV/bin/pip" install --quiet --no-cache-dir ${UV_DEFAULT_INDEX:+--index-url "$UV_DEFAULT_INDEX"} \
        "$(grep -o '^uv==[^ ]*' "$LOCK")"
    uv pip install --quiet --compile-bytecode "${backend[@]}" --constraints "$LOCK" -r pyproject.toml --extra s3
}

project() {
    uv pip install --quiet --no-deps --build-constraints "$LOCK" --editable .
    install -d -m 1777 /var/cache/throng
    chmod -R a+rX .
}

"$@"
