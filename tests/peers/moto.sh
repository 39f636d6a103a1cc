#!/usr/bin/env bash
# Builds the environment of moto, an S3 service that runs here.
exec "$(dirname "$0")/venv.sh" moto tests/peers/moto.txt
