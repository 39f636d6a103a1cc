#!/usr/bin/env bash
# Builds the environment of pygeoapi.
exec "$(dirname "$0")/../venv.sh" pygeoapi tests/peers/pygeoapi/requirements.txt
