#!/usr/bin/env bash
# Makes $VENV with the first Python from 3.11 to 3.13 that is here, or with $PYTHON. Leaves one that works alone.
set -eu

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

if [ -x "$VENV/bin/python" ] && fits "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
  exit 0
fi

for python in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
  if fits "$python"; then found=$python; break; fi
done
if [ -z "${found:-}" ]; then
  echo "No Python from 3.11 to 3.13 was found${PYTHON:+ at PYTHON=$PYTHON}. Install one, or say where: make setup PYTHON=/path/to/python3.13" >&2
  exit 1
fi

version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "$found has no venv module with pip. On Debian or Ubuntu: apt-get install python$version-venv" >&2
  exit 1
fi
echo "Making $VENV with Python $version"
"$found" -m venv --clear "$VENV"
