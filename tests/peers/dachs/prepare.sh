#!/usr/bin/env bash
# Brings DaCHS, a TAP service of the Virtual Observatory, from Debian's packages, for tests: they make a cluster and a site
# of their own. Not `gavodachs2-server`: it makes a database on the default cluster, which is not made here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

"$here/../postgresql/prepare.sh"
python3 "$here/keep.py" --here && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "DaCHS is not here, and this is no root on Debian; install python3-gavo, pg_sphere and q3c first" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
# Somebody else may be installing: their lock is waited for, and lists that they replace are read again.
for wait in 1 5 15 30 60 0; do
    if apt-get update -qq </dev/null &&
        apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
            python3-gavo postgresql-15-pgsphere postgresql-15-q3c </dev/null >/dev/null; then
        exit 0
    fi
    sleep "$wait"
done
echo "DaCHS could not be installed" >&2
exit 1
