#!/usr/bin/env bash
# Load a release with each of its users' libraries, in a new environment that has nothing of this project in it
# (called by `make consumers RELEASE=folder`). The environment holds today's versions, as a user would get them, and is
# deleted in the end.
set -euo pipefail
if [ ! -f "${1:-}/index.json" ]; then
    echo "consumers: name the folder of a release: make consumers RELEASE=results/release/throng-demo" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
uv=$here/../.venv/bin/uv
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$uv" venv --quiet --python "$here/../.venv/bin/python" "$scratch/venv"
libraries=$(sed -n 's/^LIBRARIES = (\(.*\))$/\1/p' "$here/consumers.py" | tr -d '",')
VIRTUAL_ENV=$scratch/venv "$uv" pip install --quiet $libraries
release=$(cd "$1" && pwd)
if "$scratch/venv/bin/python" -I -c 'import throng' 2>/dev/null; then
    echo "consumers: throng is in the new environment, so this would prove nothing" >&2
    exit 1
fi
# from a folder and with a path that hold nothing of the project
cd "$scratch" && env -u PYTHONPATH "$scratch/venv/bin/python" -I "$here/consumers.py" "$release"
