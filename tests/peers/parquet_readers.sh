#!/usr/bin/env bash
# Builds the environment of other people's readers of STAC GeoParquet, apart from ours, for their pins are not ours.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.cache/peers/parquet-readers
pins=tests/peers/parquet_readers.txt
cmp -s "$pins" "$venv/.installed" && exit 0
rm -rf "$venv"
"${PYTHON:-python3.11}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$pins"
cp "$pins" "$venv/.installed"
