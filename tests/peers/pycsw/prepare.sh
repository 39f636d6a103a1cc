#!/usr/bin/env bash
# Builds the environment of pycsw, and loads its catalogue once (half a minute).
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/peers/pycsw venv=.cache/peers/pycsw samples=fixtures/sources/iso/samples.tar.gz
tests/peers/venv.sh pycsw "$here/requirements.txt"
recipe=$(cat "$venv/.installed" "$here/prepare.sh" "$here/records.py" "$here/serve.py" "$samples" | sha256sum)
[ "$(cat "$venv/.loaded" 2>/dev/null)" = "$recipe" ] && exit 0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Two of the samples have one identifier, and pycsw takes but one of them.
tar -xzf "$samples" -C "$folder" --exclude owslib_iso_mi.xml
"$venv/bin/python" -W ignore "$here/serve.py" load "$venv/catalogue.db" "$folder"
printf '%s\n' "$recipe" >"$venv/.loaded"
