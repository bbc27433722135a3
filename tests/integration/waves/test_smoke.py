# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsed copy, tried with its image on an app host without any network.

It wants a host ``app1`` with containers in the lab of the waves, and in ``ERPOPS_SMOKE_IMAGE`` the reference of an
Odoo 14 image that is in its store; without them it is skipped. The pooler is made here by hand.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from contracts.harness import LabHost

from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import allocation_from
from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive
from integration.waves.live import FILESTORES, LOGIN_PASSWORD, Waves
from integration.waves.test_moves import prepared

NAME, NUMBER, UID = "smoke", 3999, 23999
SECRET = "the secret of the estate of the trial"
DATA = f"/var/lib/erpops/tenants/{NAME}"
POOLER = """
mkdir -p /etc/containers /etc/trial /run/erpops-pgbouncer
cat >/etc/containers/storage.conf <<X
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
[storage.options]
additionalimagestores = ["/srv/images"]
X
printf '[containers]\\npids_limit = 0\\n' >/etc/containers/containers.conf
cat >/etc/trial/pgbouncer.ini <<X
[databases]
* = host={target}
[pgbouncer]
listen_addr =
unix_socket_dir = /run/erpops-pgbouncer
unix_socket_mode = 0777
pool_mode = transaction
auth_type = scram-sha-256
auth_file = /etc/trial/users
server_tls_sslmode = require
ignore_startup_parameters = extra_float_digits
X
echo '"{name}" "{password}"' >/etc/trial/users
chown -R postgres /etc/trial /run/erpops-pgbouncer
systemctl stop trial-pooler tpooler 2>/dev/null || true
systemd-run --quiet --collect --unit=trial-pooler --uid=postgres /usr/sbin/pgbouncer /etc/trial/pgbouncer.ini
sleep 1; systemctl is-active trial-pooler
"""

COPY = f"{NAME}__rehearsal"
UNIT = f"""podman run --detach --name trial-unit --network host --user {UID}:{UID} --env HOME=/data \\
  --env PGPASSWORD={{password}} --tmpfs /data:mode=1777 --volume /run/erpops-pgbouncer:/run/postgresql:ro \\
  --volume {DATA}/filestore/{NAME}:/data/filestore/{COPY}:O --entrypoint odoo {{image}} \\
  --db_host=/run/postgresql --db_port=6432 --db_user={NAME} --database={COPY} '--db-filter=^{COPY}$' \\
  --no-database-list --data-dir=/data --max-cron-threads=0 --http-port={{port}}"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    app: LabHost
    waves: Waves
    users: list[str]
    image: str

    def run(self, *, check: bool = False, **more: Any) -> dict[str, Any]:
        arguments = {
            "tenant": NAME,
            "users": self.users,
            "login_password": LOGIN_PASSWORD,
            "instances": [{"name": "old", "environment": "test", "version": "14.0", "image": self.image}],
            "tenants": [{"name": NAME, "instance": "old", "hostnames": ["smoke.test"]}],
            "allocations": [{"name": NAME, "number": NUMBER, "app_host": self.app.name}],
            "host": self.app.name,
            "estate_secret": SECRET,
            **more,
        }
        return self.app.run("odoo_smoke", arguments, check)


def by_name(result: dict[str, Any]) -> dict[str, str]:
    assert result.get("probes"), result
    return {probe["name"]: probe["status"] for probe in result["probes"]}


@pytest.fixture(scope="module")
def trial(waves: Waves) -> Iterator[Trial]:
    app, image = LabHost.all().get("app1"), os.environ.get("ERPOPS_SMOKE_IMAGE", "")
    if app is None or not image:
        pytest.skip("no host app1, or ERPOPS_SMOKE_IMAGE is not set")
    password = derive(SECRET, "postgres", NAME)
    app.shell(POOLER.format(target=waves.target.address, name=NAME, password=password))
    waves.remove(NAME)
    waves.target_sql(f"DROP ROLE IF EXISTS {NAME}")
    waves.make_source(NAME, "acme_prod")
    prepared(waves, NAME)
    waves.done("seed", NAME, filestore=None, tenant_password=password)
    done = waves.done("rehearse", NAME)
    app.shell(f"rm -rf {DATA}; mkdir -p {DATA}/filestore/{NAME}")
    packed = subprocess.run(
        [*waves.legacy.ssh, f"tar -C {FILESTORES}/acme_prod -cf - ."], capture_output=True, check=True, timeout=120
    )
    subprocess.run(
        [*app.ssh, f"tar -C {DATA}/filestore/{NAME} -xf -; chown -R {UID}:{UID} {DATA}; chmod 700 {DATA}"],
        input=packed.stdout, check=True, timeout=120,
    )  # fmt: skip
    yield Trial(app=app, waves=waves, users=done["users"], image=image)
    app.shell(f"systemctl stop trial-pooler; rm -rf {DATA} /etc/trial")
    waves.remove(NAME)
    waves.target_sql(f"DROP ROLE IF EXISTS {NAME}")


def test_a_copy_is_tried_and_nothing_of_it_stays(trial: Trial) -> None:
    files = f"cd {DATA} && find . -type f -printf '%p %s %T@\\n' | sort | sha1sum"
    before, predicted = trial.app.shell(files), trial.run(check=True)
    found = trial.run()
    assert predicted["actions"][0]["verb"] == "try" and predicted["probes"] == []
    probes = by_name(found)
    good = {"network", "boot", "projects", "timesheets", "attachments", "sequence", "crons", "mail"}
    assert {name for name, status in probes.items() if status == "ok"} >= good
    assert {name for name, status in probes.items() if status == "failed"} == {"log", "modules"}
    assert found["failed"] and "x_acme_timesheet" in found["msg"] and len(found["problems"]) == 2
    assert trial.app.shell(files) == before
    assert trial.app.shell("podman ps -aq; find /run/erpops/smoke /var/lib/erpops/smoke -mindepth 1").strip() == ""
    assert LOGIN_PASSWORD not in str(found) and derive(SECRET, "postgres", NAME) not in str(found)


def test_what_is_wrong_is_found(trial: Trial) -> None:
    assert by_name(trial.run(login_password="not theirs"))[f"login {trial.users[0]}"] == "failed"
    trial.app.shell(f"mv {DATA}/filestore {DATA}/away")
    try:
        assert by_name(trial.run())["attachments"] == "failed"
    finally:
        trial.app.shell(f"rm -rf {DATA}/filestore; mv {DATA}/away {DATA}/filestore")
    trial.waves.target_sql("UPDATE ir_cron SET active = true", COPY)
    assert by_name(trial.run())["crons"] == "failed"
    trial.waves.target_sql("DELETE FROM ir_config_parameter WHERE key = 'database.is_neutralized'", COPY)
    refused = trial.run()
    assert refused["failed"] and "not a neutralized copy" in refused["msg"] and not refused.get("probes")


def test_modules_are_updated_first(trial: Trial) -> None:
    trial.waves.done("rehearse", NAME)
    probes = by_name(trial.run(update=["base"]))
    assert probes["update"] == "ok" and probes["boot"] == "ok"


def test_a_unit_that_serves_is_only_looked_at(trial: Trial) -> None:
    """Stood in for by a container that serves the copy; then by nothing."""
    port = allocation_from({"name": NAME, "number": NUMBER, "app_host": trial.app.name}).http_port
    trial.waves.done("rehearse", NAME)
    asked: dict[str, Any] = {"mode": "running", "address": trial.app.address, "database": COPY}
    server = UNIT.format(image=trial.image, port=port, password=derive(SECRET, "postgres", NAME))
    trial.app.shell(server + " && sleep 5")
    try:
        for _attempt in range(8):
            found = trial.run(**asked)
            if by_name(found)["login page"] == "ok":
                break
        probes = by_name(found)
        assert probes == {"login page": "ok", "asset": "ok", "modules": "failed", "crons": "ok"}, found["probes"]
    finally:
        trial.app.shell("podman logs --tail 20 trial-unit; podman rm --force --time 2 trial-unit")
    assert by_name(trial.run(**asked))["login page"] == "failed"
