#!/usr/bin/env bash
# Builds the environment of pycsw, apart from ours, for its pins are not ours, and loads its catalogue once (half a minute).
set -euo pipefail
cd "$(dirname "$0")/../../.."
venv=.cache/peers/pycsw
here=tests/peers/pycsw
recipe=$(cat "$here"/prepare.sh "$here"/requirements.txt "$here"/records.py "$here"/serve.py fixtures/sources/iso/samples.tar.gz | sha256sum)
[ "$(cat "$venv/.installed" 2>/dev/null)" = "$recipe" ] && exit 0
if ! cmp -s "$here/requirements.txt" "$venv/.pins"; then
    rm -rf "$venv"
    "${PYTHON:-python3.11}" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/.pins"
fi
samples=$(mktemp -d)
trap 'rm -rf "$samples"' EXIT
tar -xzf fixtures/sources/iso/samples.tar.gz -C "$samples"
"$venv/bin/python" -W ignore "$here/serve.py" load "$venv/catalogue.db" "$samples"
printf '%s\n' "$recipe" >"$venv/.installed"
