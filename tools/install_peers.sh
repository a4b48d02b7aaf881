#!/bin/sh
# Installs the Debian packages whose programs the interop tests and the benchmark talk to. Does nothing
# when all are there. No service that a package brings is started: the tests start their own.
set -eu

PEERS="curl haproxy iproute2 krb5-admin-server krb5-kdc krb5-user ldap-utils nginx postgresql python3-samba samba samba-ad-provision samba-dsdb-modules samba-vfs-modules slapd squid tshark winbind"
LIBRARIES="gcc libkrb5-dev libldap-dev libsasl2-dev python3-dev" # what the extras kerberos and ldap are built with

missing=
for package in $PEERS $LIBRARIES; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are needed; as root: apt-get install$missing" >&2
    exit 1
fi

echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
export RUNLEVEL=1 # invoke-rc.d starts no service in single-user mode
apt-get update -q </dev/null
# shellcheck disable=SC2086 # one word for each package
apt-get install -q -y -o Dpkg::Use-Pty=0 --no-install-recommends $missing </dev/null
