#!/usr/bin/env bash
# Builds the environment of other people's readers of STAC GeoParquet.
exec "$(dirname "$0")/venv.sh" parquet-readers tests/peers/parquet_readers.txt
