#!/usr/bin/env bash
# `venv.sh NAME PINS`: builds the environment of a peer in .cache/peers/NAME, apart from ours, for its pins are not ours.
# What .installed holds is there; other pins build it anew.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.cache/peers/$1 pins=$2
cmp -s "$pins" "$venv/.installed" && exit 0
rm -rf "$venv"
"${PYTHON:-python3.11}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$pins"
cp "$pins" "$venv/.installed"
