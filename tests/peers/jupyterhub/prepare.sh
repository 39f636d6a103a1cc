#!/usr/bin/env bash
# Builds the environment of JupyterHub, with JupyterLab for its people, and the proxy that it starts.
set -euo pipefail
cd "$(dirname "$0")"
../venv.sh jupyterhub tests/peers/jupyterhub/requirements.txt
home=../../../.cache/peers/jupyterhub/proxy
cmp -s package-lock.json "$home/.installed" && exit 0
rm -rf "$home"
mkdir -p "$home"
cp package.json package-lock.json "$home/"
(cd "$home" && npm ci --silent --no-progress --omit=optional </dev/null)
cp package-lock.json "$home/.installed"
