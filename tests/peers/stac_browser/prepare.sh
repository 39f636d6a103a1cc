#!/usr/bin/env bash
# Builds STAC Browser into .cache/peers/stac-browser/dist (three minutes, and 400 MB that go again).
# Its npm package holds the source alone, and that wants what it is built with beside itself.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=$PWD/tests/peers/stac_browser home=$PWD/.cache/peers/stac-browser
recipe=$(cat "$here/package-lock.json" "$here/prepare.sh" | sha256sum)
[ "$(cat "$home/.installed" 2>/dev/null)" = "$recipe" ] && exit 0
rm -rf "$home"
mkdir -p "$home"
cp "$here/package.json" "$here/package-lock.json" "$home"
cd "$home"
# The lock names every package by its digest; none of them runs anything while it is installed.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
cp -r node_modules/@radiantearth/stac-browser app
ln -s ../node_modules app/node_modules
cd app
SB_noSourceMaps=true SB_historyMode=hash SB_pathPrefix=./ node node_modules/@vue/cli-service/bin/vue-cli-service.js build \
    --dest "$home/dist" >"$home/build.log" 2>&1 || { tail -n 40 "$home/build.log" >&2; exit 1; }
cd "$home"
rm -rf node_modules app
printf '%s\n' "$recipe" >.installed
