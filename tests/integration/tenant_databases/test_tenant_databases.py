# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tenant_databases on a real PostgreSQL, read back by SQL of the tests' own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from passlib.hash import pbkdf2_sha512

from ansible_collections.erpops.odoo.plugins.module_utils.estate.secrets import derive

from .live import ODOO, PASSWORD, TEMPLATE, LiveCluster, build_template, process, run_module

SECRET = "the estate's secret of the tests, long enough"
# Names that PostgreSQL takes and that a careless statement would not survive.
HOSTILE = ("o'brien", 'say "hi"', "a; drop role postgres", "100%s", "UPPER case", "$$x$$", "a.b-c")


def tenant(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "instance": "shared14", "hostnames": [f"t{len(name)}.example.test"], **values}


def arguments(cluster: LiveCluster, *tenants: Any, **values: Any) -> dict[str, Any]:
    instance = {"name": "shared14", "environment": "production", "version": "14.0", "image": "r/odoo@sha256:1"}
    return {
        **cluster.access,
        "estate_secret": SECRET,
        "instances": [instance],
        "tenants": [each if isinstance(each, dict) else tenant(each) for each in tenants],
        "app_hosts": ["app1", "app2"],
        "templates": [{"instance": "shared14", "database": TEMPLATE}],
        **values,
    }


def run(cluster: LiveCluster, *tenants: Any, check: bool = False, fails: bool = False, **values: Any) -> dict[str, Any]:
    return run_module("tenant_databases", arguments(cluster, *tenants, **values), check=check, fails=fails)


def steps(result: dict[str, Any]) -> list[str]:
    return [f"{action['verb']} {action['subject']}" for action in result["actions"]]


def as_tenant(cluster: LiveCluster, name: str, database: str = "", version: int = 1) -> psycopg.Connection[Any]:
    return cluster.connect(database or name, name, derive(SECRET, "postgres", name, version))


def parameters(cluster: LiveCluster, name: str) -> dict[str, str]:
    return {row["key"]: row["value"] for row in cluster.rows(name, "SELECT key, value FROM ir_config_parameter")}


def databases(cluster: LiveCluster) -> set[str]:
    return {row["datname"] for row in cluster.rows("postgres", "SELECT datname FROM pg_database")}


def wipe(cluster: LiveCluster) -> None:
    kept = "'postgres', 'template0', 'template1'"
    found = cluster.rows("postgres", f"SELECT datname, datistemplate FROM pg_database WHERE datname NOT IN ({kept})")
    quote = psycopg.sql.Identifier
    with cluster.connect("postgres") as connection:
        for row in found:
            name = quote(row["datname"])
            connection.execute(psycopg.sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(name))
            connection.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        kept = "'postgres', 'erpops_admin', 'erpops_template'"
        roles = f"SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname NOT IN ({kept})"
        for row in connection.execute(roles.encode()).fetchall():
            connection.execute(psycopg.sql.SQL("DROP ROLE {}").format(quote(row["rolname"])))


@pytest.fixture
def fresh(cluster: LiveCluster) -> Iterator[LiveCluster]:
    """The server with nothing but a template."""
    wipe(cluster)
    build_template(cluster)
    yield cluster


def test_check_mode_predicts_what_the_run_does_and_a_second_run_does_nothing(fresh: LiveCluster) -> None:
    before = databases(fresh)
    predicted = run(fresh, "acme", "birch", check=True)
    assert databases(fresh) == before
    done = run(fresh, "acme", "birch")
    again = run(fresh, "acme", "birch", deep=True)
    assert predicted["actions"] == done["actions"] and predicted["diff"] == done["diff"]
    assert again["actions"] == [] and again["changed"] is False
    assert done["diff"]["after"] == again["diff"]["before"] == again["diff"]["after"]
    assert predicted["allocations"] == done["allocations"] == again["allocations"]
    assert [(each["name"], each["number"], each["app_host"]) for each in again["allocations"]] == [
        ("acme", 1, "app1"), ("birch", 2, "app2"),
    ]  # fmt: skip
    assert all(each["database_bytes"] > 1_000_000 for each in again["sizes"])
    text = json.dumps([predicted, done])
    for secret in (SECRET, PASSWORD, derive(SECRET, "postgres", "acme"), "SCRAM-SHA"):
        assert secret not in text


def test_evidence_of_absence_is_the_only_reason_to_take_silence_for_emptiness(cluster: LiveCluster) -> None:
    silent = {"postgres_port": 1, "postgres_password": "x"}
    predicted = run(cluster, "acme", check=True, postgres_evidence_of_absence=True, **silent)
    assert steps(predicted)[0] == "create database erpops" and predicted["allocations"][0]["number"] == 1
    for check, evidence in ((True, False), (False, True)):
        result = run(cluster, "acme", check=check, postgres_evidence_of_absence=evidence, fails=True, **silent)
        assert cluster.address in result["msg"]


def test_a_new_database_is_the_tenants_own(fresh: LiveCluster) -> None:
    run(fresh, tenant("acme", hostnames=["ERP.Acme.test"], login="boss"), "birch")
    acme, birch = parameters(fresh, "acme"), parameters(fresh, "birch")
    assert acme["web.base.url"] == "https://erp.acme.test" and acme["web.base.url.freeze"] == "True"
    assert "ir_attachment.location" not in acme
    for key in ("database.uuid", "database.secret"):
        assert len({acme[key], birch[key], "template"}) == 3
    users = fresh.rows("acme", "SELECT id, login, password FROM res_users ORDER BY id")
    assert users[1]["login"] == "boss"
    assert pbkdf2_sha512.verify(derive(SECRET, "odoo_admin", "acme"), users[1]["password"])
    assert [user["password"] for user in users if user["id"] != 2] == [None, None]
    for table in ("res_users_log", "res_users_apikeys", "ir_logging"):
        assert fresh.rows("acme", f"SELECT * FROM {table}") == []
    owners = fresh.rows("acme", "SELECT DISTINCT pg_get_userbyid(relowner) AS o FROM pg_class"
                                " WHERE relnamespace = 'public'::regnamespace")  # fmt: skip
    assert owners == [{"o": "acme"}]
    (schema,) = fresh.rows("acme", "SELECT pg_get_userbyid(nspowner) AS o, nspacl::text AS acl FROM pg_namespace"
                                   " WHERE nspname = 'public'")  # fmt: skip
    assert schema["o"] == "acme" and ",=C" not in schema["acl"] and "=UC/" not in schema["acl"].replace("acme=UC/", "")
    (template,) = fresh.rows("postgres", "SELECT pg_get_userbyid(datdba) AS o, datallowconn, datistemplate"
                                         " FROM pg_database WHERE datname = %s", [TEMPLATE])  # fmt: skip
    assert template == {"o": "erpops_admin", "datallowconn": False, "datistemplate": True}


def test_tenants_are_walled_off(fresh: LiveCluster) -> None:
    run(fresh, tenant("acme", limits={"connections": 2, "statement_timeout_seconds": 7}), "birch")
    with as_tenant(fresh, "acme") as connection:
        connection.execute("CREATE TABLE mine (id int)")
        assert connection.execute("SHOW statement_timeout").fetchone() == {"statement_timeout": "7s"}
        with as_tenant(fresh, "acme"), pytest.raises(psycopg.OperationalError, match="too many connections"):
            as_tenant(fresh, "acme")
    for database in ("birch", "erpops", TEMPLATE):
        with pytest.raises(psycopg.OperationalError, match=r"permission denied|not currently accepting"):
            as_tenant(fresh, "acme", database)
    with as_tenant(fresh, "acme", "postgres") as connection:
        for statement in ("CREATE DATABASE x", "CREATE ROLE x", "SELECT * FROM pg_authid", "ALTER ROLE birch LOGIN"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_the_reader_reads_and_nothing_else(fresh: LiveCluster) -> None:
    run(fresh, "acme")
    with fresh.connect("erpops", "erpops_registry", derive(SECRET, "erpops_registry")) as connection:
        found = connection.execute("SELECT app_host, state FROM registry.tenant WHERE name = 'acme'").fetchone()
        assert found == {"app_host": "app1", "state": "present"}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE registry.tenant SET app_host = 'x'")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        fresh.connect("acme", "erpops_registry", derive(SECRET, "erpops_registry"))


def test_hostile_names_are_only_names(fresh: LiveCluster) -> None:
    names = [tenant(name, hostnames=[f"h{number}.test"]) for number, name in enumerate(HOSTILE)]
    run(fresh, *names, extensions=["pg_trgm", "unaccent"])
    assert run(fresh, *names, deep=True)["actions"] == []
    for name in HOSTILE:
        with as_tenant(fresh, name) as connection:
            assert connection.execute("SELECT current_user AS u").fetchone() == {"u": name}
    gone = [{**each, "state": "absent"} for each in names]
    proof = {name: {"dump": "x", "restored": True} for name in HOSTILE}
    run(fresh, *gone, confirm_removal=list(HOSTILE), removal_proof=proof)
    assert not set(HOSTILE) & databases(fresh)


DRIFTS = (
    "ALTER ROLE acme SUPERUSER",
    "ALTER ROLE acme NOLOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS",
    "ALTER ROLE acme CONNECTION LIMIT 3",
    "ALTER ROLE acme SET statement_timeout = '1s'",
    "ALTER ROLE acme PASSWORD 'known to somebody'",
    "SET password_encryption = md5; ALTER ROLE acme PASSWORD 'known to somebody'",
    "GRANT pg_read_all_data TO acme",
    "GRANT CONNECT ON DATABASE acme TO PUBLIC",
    "ALTER DATABASE acme OWNER TO birch",
    f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS true",
    "GRANT CONNECT ON DATABASE erpops TO PUBLIC",
    "ALTER ROLE erpops_registry SUPERUSER",
)


def test_every_drift_is_predicted_mended_and_then_gone(fresh: LiveCluster) -> None:
    run(fresh, "acme", "birch")
    settled = run(fresh, "acme", "birch")["diff"]["before"]
    for drift in DRIFTS:
        fresh.do("postgres", drift)
        predicted = run(fresh, "acme", "birch", check=True)
        assert predicted["actions"], drift
        done = run(fresh, "acme", "birch")
        assert done["actions"] == predicted["actions"] and done["diff"] == predicted["diff"], drift
        again = run(fresh, "acme", "birch")
        assert again["actions"] == [] and again["diff"]["before"] == settled, drift


def test_deep_finds_what_only_the_database_knows(fresh: LiveCluster) -> None:
    run(fresh, "acme")
    fresh.do("acme", "UPDATE ir_config_parameter SET value = 'http://elsewhere' WHERE key = 'web.base.url'",
             "DROP EXTENSION unaccent")  # fmt: skip
    assert run(fresh, "acme")["actions"] == []
    assert steps(run(fresh, "acme", deep=True)) == ["extend database acme", "alter database acme"]
    assert parameters(fresh, "acme")["web.base.url"] == "https://t4.example.test"
    assert run(fresh, "acme", deep=True)["actions"] == []


def test_birth_data_is_never_written_again(fresh: LiveCluster) -> None:
    run(fresh, "acme")
    fresh.do("acme", "UPDATE res_users SET login = 'me', password = 'mine' WHERE id = 2")
    before = parameters(fresh, "acme")
    run(fresh, tenant("acme", secret_version=2, login="other", hostnames=["new.test"]), deep=True)
    after = parameters(fresh, "acme")
    assert fresh.rows("acme", "SELECT login, password FROM res_users WHERE id = 2") == [
        {"login": "me", "password": "mine"}
    ]
    assert {key for key in before if before[key] != after[key]} == {"web.base.url"}
    assert after["web.base.url"] == "https://new.test"
    as_tenant(fresh, "acme", version=2).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        as_tenant(fresh, "acme")


def test_a_tenants_triggers_never_run_as_a_superuser(fresh: LiveCluster) -> None:
    run(fresh, "acme")
    with as_tenant(fresh, "acme") as connection:
        connection.execute(
            "CREATE TABLE who (name text); CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RESET ROLE; INSERT INTO who VALUES (current_user), (session_user); RETURN NEW; END $$;"
            " CREATE TRIGGER trap BEFORE UPDATE ON ir_config_parameter FOR EACH ROW EXECUTE FUNCTION trap()"
        )
    run(fresh, tenant("acme", hostnames=["new.test"]))
    assert {row["name"] for row in fresh.rows("acme", "SELECT name FROM who")} == {"acme"}


def test_a_template_that_is_being_built_stays_its_builders(fresh: LiveCluster) -> None:
    fresh.do("postgres", "CREATE DATABASE tpl__building TEMPLATE template0", user="erpops_template")
    run(fresh, "acme", "birch", "cedar")
    (row,) = fresh.rows(
        "postgres", "SELECT pg_get_userbyid(datdba) AS o FROM pg_database WHERE datname = 'tpl__building'"
    )
    assert row == {"o": "erpops_template"}


def test_a_shortened_list_prunes_nothing(fresh: LiveCluster) -> None:
    names = [f"t{number}" for number in range(5)]
    run(fresh, *names)
    before = databases(fresh)
    result = run(fresh, fails=True)
    assert "5 of 5" in result["msg"] and all(f"tenant {name}" in result["msg"] for name in names)
    assert "2 of 5" in run(fresh, *names[2:], fails=True)["msg"]
    result = run(fresh, *names[1:])
    assert result["undeclared"] == ["t0"] and result["actions"] == []
    assert [each["name"] for each in result["undeclared_allocations"]] == ["t0"]
    result = run(fresh, shrink_limit_percent=100)
    assert result["actions"] == [] and len(result["undeclared"]) == 5
    assert databases(fresh) == before


def test_removal_wants_proof_and_keeps_the_number(fresh: LiveCluster) -> None:
    run(fresh, "acme", "birch")
    gone, proof = tenant("acme", state="absent"), {"acme": {"dump": "/x", "restored": True}}
    result = run(fresh, gone, "birch")
    assert result["actions"] == [] and result["awaiting_removal"] == ["acme"]
    assert "removal_proof" in run(fresh, gone, "birch", confirm_removal=["acme"], fails=True)["msg"]
    assert {"acme", "birch"} <= databases(fresh)
    with as_tenant(fresh, "acme"):  # a session that is still open is no obstacle
        result = run(fresh, gone, "birch", confirm_removal=["acme"], removal_proof=proof)
    assert [each["name"] for each in result["allocations"]] == ["birch"]
    assert "acme" not in databases(fresh)
    assert fresh.rows("postgres", "SELECT 1 FROM pg_roles WHERE rolname = 'acme'") == []
    assert run(fresh, gone, "birch", confirm_removal=["acme"], removal_proof=proof)["actions"] == []
    assert {each["name"]: each["number"] for each in run(fresh, "acme", "birch")["allocations"]} == {
        "acme": 3, "birch": 2,
    }  # fmt: skip


def test_a_lost_database_is_not_replaced_by_an_empty_one(fresh: LiveCluster) -> None:
    run(fresh, "acme")
    fresh.do("postgres", "DROP DATABASE acme")
    assert "restore it" in run(fresh, "acme", fails=True)["msg"]
    assert "acme" not in databases(fresh)


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(fresh: LiveCluster) -> None:
    names = [f"t{number}" for number in range(6)]
    given, killed = arguments(fresh, *names), 0
    for delay in (0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5, 3.0):
        running = process("tenant_databases", given)
        time.sleep(delay)
        killed += running.poll() is None
        running.kill()
        running.communicate()
    assert killed
    run(fresh, *names)
    result = run(fresh, *names, deep=True)
    assert result["actions"] == []
    assert [each["number"] for each in result["allocations"]] == [1, 2, 3, 4, 5, 6]
    assert not {name for name in databases(fresh) if name.endswith("__new")}
    assert len({parameters(fresh, name)["database.uuid"] for name in names} | {"template"}) == 7


def test_two_runs_at_once_make_one_estate(fresh: LiveCluster) -> None:
    run(fresh)
    given = arguments(fresh, "acme", "birch")
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: process("tenant_databases", given).communicate(timeout=120)[0], range(2)))
    changes = [len(json.loads(result)["actions"]) for result in results]
    assert sorted(changes) == [0, 6]
    assert run(fresh, "acme", "birch")["actions"] == []


def test_one_bad_template_leaves_the_other_tenants_born(fresh: LiveCluster) -> None:
    build_template(fresh, "no_odoo", "CREATE TABLE x (id int)")
    build_template(fresh, "no_admin", f"{ODOO} DELETE FROM ir_model_data;")
    instances = [
        {"name": name, "environment": "production", "version": "14.0", "image": "x"}
        for name in ("shared14", "no_odoo", "no_admin")
    ]
    templates = [{"instance": each["name"], "database": each["name"]} for each in instances[1:]]
    given = {
        "instances": instances,
        "templates": [*templates, {"instance": "shared14", "database": TEMPLATE}],
    }
    tenants = [tenant("acme"), tenant("birch", instance="no_odoo"), tenant("cedar", instance="no_admin")]
    result = run(fresh, *tenants, fails=True, **given)
    assert "no Odoo database" in result["msg"] and "base.user_admin" in result["msg"] and "2 of 3" in result["msg"]
    assert "acme" in databases(fresh) and not {"birch", "cedar"} & databases(fresh)
    fresh.do("postgres", "DROP DATABASE IF EXISTS birch__new")
    assert run(fresh, "acme", tenant("birch"), tenant("cedar"))["changed"]
    assert run(fresh, "acme", tenant("birch"), tenant("cedar"))["actions"] == []


def test_an_extension_that_postgres_does_not_trust_is_made_too(fresh: LiveCluster) -> None:
    run(fresh, "acme")
    wanted = ["pg_trgm", "unaccent", "pageinspect"]
    assert "extend database acme" in steps(run(fresh, "acme", "birch", extensions=wanted))
    for name in ("acme", "birch"):
        found = {row["extname"] for row in fresh.rows(name, "SELECT extname FROM pg_extension")}
        assert set(wanted) <= found
    assert run(fresh, "acme", "birch", extensions=wanted, deep=True)["actions"] == []
