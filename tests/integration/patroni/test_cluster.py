# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess

import pytest
from contracts.harness import LabHost
from contracts.patroni_system import Tier

from . import live

CONNECT = (
    "import sys, psycopg; print(psycopg.connect(sys.argv[1], connect_timeout=5).execute(sys.argv[2]).fetchone()[0])"
)


def direct(tier: Tier, user: str, password: str, database: str = "postgres", **more: str) -> str:
    values = {
        "host": tier.cluster.server_name,
        "hostaddr": "127.0.0.1",
        "port": "5000",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/erpops/pki/ca.crt",
        "user": user,
        "password": password,
        "dbname": database,
        **more,
    }
    return " ".join(f"{name}={value}" for name, value in values.items())


def refused(host: LabHost, dsn: str) -> str:
    with pytest.raises(AssertionError) as raised:
        live.python(host, CONNECT, dsn, "SELECT 1")
    return str(raised.value)


def test_every_replica_streams_over_tls_with_checksums(tier: Tier) -> None:
    live.eventually("the cluster is whole", lambda: live.whole(tier))
    leader = tier.leader()
    streams = leader.sql(
        "SELECT count(*) FILTER (WHERE ssl), count(*) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)"
    )
    others = len(tier.members) - 1
    assert streams == f"{others}|{others}"
    assert leader.sql("SHOW data_checksums") == "on"
    assert leader.sql("SHOW wal_level") == "logical"


def test_the_package_made_no_cluster_of_its_own(tier: Tier) -> None:
    for host in tier.members.values():
        assert host.shell("ls /etc/postgresql") == ""
        assert host.shell("systemctl is-active postgresql@17-main.service || true").strip() == "inactive"


def test_a_tenant_works_through_the_pooler(tier: Tier, app: LabHost, tenant: None) -> None:
    found = live.python(app, CONNECT, live.socket_dsn(), "SELECT current_user || ' ' || current_database()")
    assert found.strip() == f"{live.ROLE} {live.DATABASE}"


def test_notifications_arrive_through_the_pooler(app: LabHost, tenant: None) -> None:
    code = """
import sys, psycopg
listener = psycopg.connect(sys.argv[1], autocommit=True)
listener.execute("LISTEN imbus")
with psycopg.connect(sys.argv[1], autocommit=True) as sender:
    for number in range(20):
        sender.execute("SELECT pg_notify('imbus', %s)", [str(number)])
print(sum(1 for _ in listener.notifies(timeout=10, stop_after=20)))
"""
    assert live.python(app, code, live.socket_dsn(database="postgres")).strip() == "20"


def test_a_wrong_password_is_refused(app: LabHost, tenant: None) -> None:
    assert "authentication failed" in refused(app, live.socket_dsn(password="wrong"))


@pytest.mark.parametrize("purpose", ["postgres_superuser", "erpops_admin", "replicator", "rewind"])
def test_powerful_roles_are_not_let_in_from_app_hosts(tier: Tier, app: LabHost, purpose: str) -> None:
    user = {"postgres_superuser": "postgres"}.get(purpose, purpose)
    assert "pg_hba.conf" in refused(app, direct(tier, user, tier.secret(purpose)))
    assert "no such user" in refused(app, live.socket_dsn("postgres", user, tier.secret(purpose)))


def test_nobody_comes_without_tls(tier: Tier, app: LabHost, tenant: None) -> None:
    open_dsn = direct(tier, live.ROLE, live.PASSWORD, live.DATABASE, sslmode="disable")
    assert "no encryption" in refused(app, open_dsn)


def test_the_certificate_bears_the_clusters_name(tier: Tier, app: LabHost, tenant: None) -> None:
    assert live.python(app, CONNECT, direct(tier, live.ROLE, live.PASSWORD, live.DATABASE), "SELECT 7").strip() == "7"
    other = direct(tier, live.ROLE, live.PASSWORD, live.DATABASE, host="other.postgres.internal")
    assert "certificate" in refused(app, other)


def test_a_tenant_may_listen_in_database_postgres_and_nothing_else(tier: Tier, app: LabHost, tenant: None) -> None:
    dsn = live.socket_dsn(database="postgres")
    for statement in (
        "CREATE TEMPORARY TABLE x ()",
        "CREATE TABLE public.x ()",
        "SELECT * FROM pg_authid",
        "SELECT * FROM erpops_pool.lookup('erpops_template')",
        "COPY pg_class TO PROGRAM 'true'",
    ):
        with pytest.raises(AssertionError, match=r"permission denied|must be"):
            live.python(app, CONNECT, dsn, statement)
    assert "permission denied for database" in refused(app, live.socket_dsn(database="template1"))


def test_the_template_role_can_make_databases_and_is_no_superuser(tier: Tier, app: LabHost) -> None:
    dsn = direct(tier, "erpops_template", tier.secret("erpops_template"))
    flags = "SELECT rolsuper || ' ' || rolcreatedb FROM pg_roles WHERE rolname = current_user"
    assert live.python(app, CONNECT, dsn, flags).strip() == "false true"


def test_the_store_asks_for_a_certificate(tier: Tier) -> None:
    host = next(host for host in tier.hosts.values() if "etcd" in host.groups)
    with pytest.raises((AssertionError, subprocess.CalledProcessError)):
        host.shell(
            f"ETCDCTL_API=3 etcdctl --endpoints=https://{host.address}:2379 --cacert=/etc/erpops/pki/ca.crt get /"
        )
    certificate = "--cert=/etc/erpops/pki/etcd/tls.crt --key=/etc/erpops/pki/etcd/tls.key"
    found = host.shell(
        f"etcdctl --endpoints=https://{host.address}:2379 --cacert=/etc/erpops/pki/ca.crt {certificate}"
        " get --prefix --keys-only /service/"
    )
    assert f"/service/{tier.cluster.name}/initialize" in found


def test_patroni_has_nothing_to_complain_of(tier: Tier) -> None:
    live.eventually("the cluster is whole", lambda: live.whole(tier))
    for host in tier.members.values():
        lines = host.shell("journalctl -u patroni.service --since=-15s --output=cat --no-pager")
        assert "INFO: no action" in lines, host.name
        # Patroni's own; PostgreSQL's log, where others are refused as they should be, has two spaces there.
        assert [line for line in lines.splitlines() if " ERROR: " in line and " ERROR:  " not in line] == [], host.name
