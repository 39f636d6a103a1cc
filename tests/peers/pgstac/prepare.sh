#!/usr/bin/env bash
# Builds the environment of pgstac, a STAC server upon PostgreSQL; and brings PostGIS, which it needs, from Debian's packages,
# to the server that ../postgresql/prepare.sh has brought.
set -euo pipefail
cd "$(dirname "$0")/../../.."

if ! compgen -G "/usr/share/postgresql/*/extension/postgis.control" >/dev/null; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "PostGIS is not here, and this is no root on Debian; install it first" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # Somebody else may be installing: their lock is waited for, and lists that they replace are read again.
    for wait in 1 5 15 30 60 0; do
        if apt-get update -qq </dev/null &&
            apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 postgresql-15-postgis-3 \
                </dev/null >/dev/null; then
            break
        fi
        [ "$wait" -gt 0 ] || { echo "PostGIS could not be installed" >&2; exit 1; }
        sleep "$wait"
    done
fi

exec tests/peers/venv.sh pgstac tests/peers/pgstac/requirements.txt
