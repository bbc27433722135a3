# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis of their own for the cases of Redis modules, beside the estate's on a host of group redis."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from contracts.harness import LabHost, System

FOLDER = "/srv/contract-redis"
UNIT = "contract-redis.service"
PORT = 16379
ADMIN_PASSWORD = "password-of-the-administrator"
CLEAN = f"systemctl stop {UNIT} 2>/dev/null || true; systemctl reset-failed {UNIT} 2>/dev/null || true; rm -rf {FOLDER}"
ACCESS = {
    "host": "127.0.0.1",
    "admin_password": ADMIN_PASSWORD,
    "ca_file": f"{FOLDER}/tls.crt",
    "state_folder": FOLDER,
}
BEGIN = f"""{CLEAN}
mkdir -p {FOLDER}/sessions; cd {FOLDER}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.crt -days 2 \\
  -subj /CN=contract -addext subjectAltName=IP:127.0.0.1 2>/dev/null
hash=$(printf %s {ADMIN_PASSWORD} | sha256sum | cut -d' ' -f1)
printf 'user default off resetchannels -@all\\nuser erpops_admin on #%s ~* &* +@all\\n' $hash > base.acl
cp base.acl sessions/users.acl
: > sessions/redis.conf
systemd-run --quiet --unit={UNIT} --property=Type=notify redis-server {FOLDER}/sessions/redis.conf --port 0 \\
  --tls-port {PORT} --bind 127.0.0.1 --tls-cert-file {FOLDER}/tls.crt --tls-key-file {FOLDER}/tls.key \\
  --tls-ca-cert-file {FOLDER}/tls.crt --tls-auth-clients no --aclfile {FOLDER}/sessions/users.acl \\
  --dir {FOLDER}/sessions --supervised systemd --daemonize no"""
ASK = f"REDISCLI_AUTH={ADMIN_PASSWORD} redis-cli --user erpops_admin --tls --cacert {FOLDER}/tls.crt -p {PORT}"


def own_redis(*more: str) -> Callable[[], AbstractContextManager[System]]:
    @contextlib.contextmanager
    def opened() -> Iterator[System]:
        hosts = {name: host for name, host in LabHost.all().items() if "redis" in host.groups}
        if not hosts:
            pytest.skip("no host of the lab is in group redis")
        host = hosts.get(os.environ.get("ERPOPS_CONTRACT_HOST", "")) or hosts[min(hosts)]
        try:
            for command in (BEGIN, *more):
                host.shell(command)
            yield System(run=host.run, shell=host.shell)
        finally:
            host.shell(CLEAN)

    return opened
