#!/bin/sh
# Makes the virtual environment, or brings it up to date: make_venv.sh FOLDER PYTHON...
# Takes the first PYTHON that is 3.11 or newer and can make environments.
set -eu

folder=$1
shift

suits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' </dev/null >/dev/null 2>&1
}

if ! suits "$folder/bin/python"; then
    chosen=
    for candidate in "$@"; do
        if suits "$candidate" && "$candidate" -m venv --clear "$folder" </dev/null; then
            chosen=$candidate
            break
        fi
    done
    if [ -z "$chosen" ]; then
        echo "No Python 3.11 or newer with venv was found (tried: $*)." >&2
        echo "Install one (Debian: apt-get install python3 python3-venv) or say make PYTHON=/path/to/it." >&2
        exit 1
    fi
fi

exec "$folder/bin/python" -m pip install -qq --no-input \
    --constraint constraints.txt --editable '.[dev]' </dev/null
