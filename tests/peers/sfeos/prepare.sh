#!/usr/bin/env bash
# Builds the environment of stac-fastapi-elasticsearch (SFEOS), a STAC server upon Elasticsearch. Only `make bench-search`
# asks it; the server it needs is ../elasticsearch's.
exec "$(dirname "$0")/../venv.sh" sfeos tests/peers/sfeos/requirements.txt
