#!/usr/bin/env bash
# Brings torch from Debian's packages, for tests: it computes on the processor, and is a tenth of what the wheels are that
# come with libraries for GPUs. The tests run it by the system's Python, beside ours.
set -euo pipefail

/usr/bin/python3 -c 'import torch' 2>/dev/null && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "torch is not here, and this is no root on Debian; install python3-torch first" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
# Somebody else may be installing: their lock is waited for, and lists that they replace are read again.
for wait in 1 5 15 30 60 0; do
    if apt-get update -qq </dev/null &&
        apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 python3-torch </dev/null >/dev/null; then
        exit 0
    fi
    sleep "$wait"
done
echo "torch could not be installed" >&2
exit 1
