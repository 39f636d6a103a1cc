#!/usr/bin/env bash
# Builds the environment of stac-api-validator.
exec "$(dirname "$0")/venv.sh" stac-api-validator tests/peers/stac_validator.txt
