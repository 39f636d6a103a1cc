#!/usr/bin/env bash
# Builds the environment of pygeoapi, apart from ours, for its pins are not ours.
set -euo pipefail
cd "$(dirname "$0")/../../.."
venv=.cache/peers/pygeoapi
pins=tests/peers/pygeoapi/requirements.txt
cmp -s "$pins" "$venv/.installed" && exit 0
rm -rf "$venv"
"${PYTHON:-python3.11}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$pins"
cp "$pins" "$venv/.installed"
