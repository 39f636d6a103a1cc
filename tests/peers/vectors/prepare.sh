#!/usr/bin/env bash
# Builds the environment of DuckDB, LanceDB and USearch, which find near vectors too. Only `make bench-embeddings` asks them.
exec "$(dirname "$0")/../venv.sh" vectors tests/peers/vectors/requirements.txt
