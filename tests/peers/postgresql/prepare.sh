#!/usr/bin/env bash
# Brings the programs of PostgreSQL from Debian's packages, for tests: they make a cluster of their own, and no other is
# started or made.
set -euo pipefail

compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null && exit 0
command -v initdb >/dev/null && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "PostgreSQL is not here, and this is no root on Debian; install its server first" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
# Somebody else may be installing: their lock is waited for, and lists that they replace are read again.
install() {
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" </dev/null >/dev/null
}
for wait in 1 5 15 30 60 0; do
    # The default cluster would be made while the package is set up; this file says not to.
    if apt-get update -qq </dev/null && install postgresql-common &&
        { grep -qs '^create_main_cluster = false' /etc/postgresql-common/createcluster.conf ||
            echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf; } &&
        install postgresql-15; then
        exit 0
    fi
    sleep "$wait"
done
echo "PostgreSQL could not be installed" >&2
exit 1
