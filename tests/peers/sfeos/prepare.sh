#!/usr/bin/env bash
# Builds the environment of stac-fastapi-elasticsearch (SFEOS), a STAC server upon Elasticsearch, apart from ours, for its
# pins are not ours. Only `make bench-search` asks it; the server it needs is ../elasticsearch's.
set -euo pipefail
cd "$(dirname "$0")/../../.."

venv=.cache/peers/sfeos
pins=tests/peers/sfeos/requirements.txt
cmp -s "$pins" "$venv/.installed" && exit 0
rm -rf "$venv"
"${PYTHON:-python3.11}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$pins"
cp "$pins" "$venv/.installed"
