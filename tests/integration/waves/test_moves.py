# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One member from PostgreSQL 13 to 17 and back, with writers that note what was acknowledged to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from ansible_collections.erpops.odoo.plugins.module_utils.replication import source
from integration.estate.runs import eventually
from integration.waves.live import ADMIN_PASSWORD, FILESTORES, FOLDER, RENEW, Waves

Make = Callable[[str, str], str]
COUNT = "SELECT count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(max(id), 0) FROM x_acks"
ORDERS = "SELECT count(*), md5(string_agg(o::text, '|' ORDER BY id)) FROM sale_order AS o"
CONNECT = "SELECT has_database_privilege('{role}', '{database}', 'CONNECT')"


def restart_source(waves: Waves) -> None:
    waves.legacy.shell("systemctl restart postgresql@13-main")
    waves.target.shell(RENEW)


def prepared(waves: Waves, member: str) -> None:
    done = waves.done("prepare", member)
    if done["restart_needed"]:
        restart_source(waves)


def following(waves: Waves, member: str) -> None:
    prepared(waves, member)
    assert waves.done("seed", member)["state"] == "following"


def nothing_lost(waves: Waves, member: str, *, on_source: bool) -> None:
    """Every id and file that any side acknowledged is where the member now serves; the file once, with its content."""
    noted = waves.acknowledged(waves.legacy, member) | waves.acknowledged(waves.target, member)

    def told(query: str) -> list[str]:
        return (waves.source_sql(query, f"{member}_old") if on_source else waves.target_sql(query, member)).split()

    assert noted and noted - {int(line) for line in told("SELECT id FROM x_acks")} == set()
    attached = waves.attached(member)
    rows = told("SELECT checksum FROM ir_attachment WHERE name = 'acknowledged'")
    assert attached and [name for name in attached if rows.count(name) != 1] == []
    host, folder = waves.stores(member)[0 if on_source else 1]
    lines = host.shell(f"cd {folder} && find . -type f -exec sha1sum {{}} +").splitlines()
    files = {f"./{name[:2]}/{name}": name for name in attached}
    assert files.items() - {(place, found) for found, place in (line.split(maxsplit=1) for line in lines)} == set()


def rests(done: dict[str, Any]) -> bool:
    """Whether a run changed nothing but the files that users attached meanwhile."""
    return all(action["verb"] == "copy" for action in done["actions"])


def serves(waves: Waves, member: str) -> set[str]:
    """Which sides let the application in."""
    source = waves.source_sql(CONNECT.format(role="odoo", database=f"{member}_old"))
    there = waves.target_sql(f"SELECT 1 FROM pg_database WHERE datname = '{member}'")
    target = there and waves.target_sql(CONNECT.format(role=member, database=member))
    return ({"source"} if source == "t" else set()) | ({"target"} if target == "t" else set())


@pytest.mark.landing
def test_there_back_and_for_good(waves: Waves, member: Make) -> None:
    """The whole way of a database that was lived in for years, under writes on whichever side serves."""
    name = member("acme", "acme_prod")
    predicted = waves.run("prepare", name, check=True)
    prepared_ = waves.done("prepare", name)
    assert predicted["actions"] == prepared_["actions"]
    assert predicted["after"] == prepared_["after"]
    if prepared_["restart_needed"]:
        restart_source(waves)
    assert waves.done("prepare", name)["actions"] == []
    with waves.writing(name, "source"), waves.writing(name, "target"):
        seeded = waves.done("seed", name)
        assert seeded["state"] == "following" and serves(waves, name) == {"source"}
        assert rests(waves.done("seed", name))
        ready = waves.done("cutover", name, state="ready")
        assert ready["state"] == "following" and serves(waves, name) == {"source"}
        assert rests(waves.done("cutover", name, state="ready"))
        predicted = waves.run("cutover", name, check=True, state="following")
        taken_back = waves.done("cutover", name, state="following")
        assert predicted["actions"] == taken_back["actions"] != [] and taken_back["state"] == "following"
        assert waves.source_sql("SELECT count(*) FROM pg_replication_slots") == "1"  # what it is followed by
        assert waves.done("cutover", name, state="following")["actions"] == []
        waves.done("cutover", name, state="ready")
        cut = waves.done("cutover", name)
        assert cut["state"] == "live" and serves(waves, name) == {"target"}
        assert cut["compared"]["tables"] > 400
        waves.target.shell("sleep 1")
        back = waves.done("rollback", name)
        assert back["state"] == "rolled_back" and serves(waves, name) == {"source"}
        waves.target.shell("sleep 0.5")
    nothing_lost(waves, name, on_source=True)
    assert waves.source_sql(ORDERS, f"{name}_old") == waves.target_sql(ORDERS, name)

    with waves.writing(name, "source"), waves.writing(name, "target"):
        following(waves, name)
        waves.done("cutover", name)
        waves.target.shell("sleep 0.5")
        committed = waves.done("commit", name)
        assert committed["state"] == "committed" and committed["dump"]["rows"] > 1000
        assert waves.done("commit", name)["dump"] == committed["dump"]  # a run that was killed is told it too
        waves.target.shell("sleep 0.5")
    nothing_lost(waves, name, on_source=False)
    assert serves(waves, name) == {"target"}
    refused = waves.run("rollback", name)
    assert refused["failed"] and "no way back" in refused["msg"]
    assert waves.source_sql("SELECT count(*) FROM pg_replication_slots") == "0"
    assert waves.target_sql("SELECT count(*) FROM pg_replication_slots") == "0"
    print("cutover", cut["window_seconds"], cut["timings"], "rollback", back["window_seconds"])


def test_rows_are_compared_before_and_what_changed_since_again(waves: Waves, member: Make) -> None:
    name = member("ahead", "birch")
    old = f"{name}_old"
    waves.source_sql(
        "CREATE TABLE x_keyless (t text); INSERT INTO x_keyless VALUES ('a'); CREATE UNLOGGED TABLE x_u (id int)",
        old, "odoo",
    )  # fmt: skip
    following(waves, name)
    ready = waves.done("cutover", name, state="ready")["compared"]
    assert ready["tables"] > 200 and ready["rows"] > 1000
    assert waves.source_sql("SELECT plugin FROM pg_replication_slots WHERE slot_name = 'erpops_changes_ahead'") != ""
    # What changed while all was compared has been compared too: the slot stands behind the mark of the later moment.
    marks = "SELECT count(*) FROM pg_logical_slot_peek_changes('erpops_changes_ahead', NULL, NULL)"
    assert waves.source_sql(f"{marks} WHERE data ~ '^message: .* prefix: erpops'", old) == "0"
    waves.source_sql(
        "INSERT INTO res_partner (name) VALUES ('new, it''s'); UPDATE res_partner SET name = 'other' WHERE id = 1;"
        "INSERT INTO x_acks (text) VALUES ('one'), ('two'); DELETE FROM x_acks WHERE text = 'one';"
        "UPDATE x_keyless SET t = 'b'; INSERT INTO x_u VALUES (1)",
        old, "odoo",
    )  # fmt: skip
    again = waves.done("cutover", name)["compared"]
    assert (again["tables"], again["rows"]) == (ready["tables"], ready["rows"])
    assert 5 <= again["again"] < 100, "some rows of few tables"
    assert waves.target_sql("SELECT name FROM res_partner WHERE id = 1", name) == "other"
    assert waves.source_sql("SELECT count(*) FROM pg_replication_slots") == "0"


@pytest.mark.landing
def test_the_log_ends_behind_what_was_acknowledged_although_the_server_does_not_wait_for_its_disk(waves: Waves) -> None:
    """Nobody is sent what is in a server's memory alone: a position in front of it would leave it behind."""
    waves.target_sql("ALTER SYSTEM SET wal_writer_delay = '10s'")
    waves.target_sql("SELECT pg_reload_conf()")
    try:
        with psycopg.connect(
            host=waves.target.address, dbname="postgres", user="erpops_admin", password=ADMIN_PASSWORD,
            autocommit=True, row_factory=dict_row,
        ) as connection:  # fmt: skip
            connection.execute("SET synchronous_commit = off")
            connection.execute("CREATE TEMP TABLE x (a int)")
            connection.execute("COMMENT ON TABLE x IS 'acknowledged'")
            behind = "SELECT pg_current_wal_insert_lsn()::text AS end, pg_current_wal_flush_lsn()::text AS disk"
            row = connection.execute(behind).fetchone()
            assert row is not None and row["disk"] != row["end"]
            found = source.position(connection)
            reached = "SELECT %s::pg_lsn >= %s::pg_lsn AND pg_current_wal_flush_lsn() >= %s::pg_lsn AS reached"
            answer = connection.execute(reached, [found, row["end"], row["end"]]).fetchone()
            assert answer is not None and answer["reached"]
    finally:
        waves.target_sql("ALTER SYSTEM RESET wal_writer_delay")
        waves.target_sql("SELECT pg_reload_conf()")


def test_a_row_that_changed_and_is_not_equal_opens_nothing(waves: Waves, member: Make) -> None:
    name = member("spoiled", "birch")
    following(waves, name)
    assert waves.done("cutover", name, state="ready")["compared"]["rows"] > 1000
    waves.source_sql("INSERT INTO x_acks (text) VALUES ('told')", f"{name}_old", "odoo")
    arrived = "SELECT count(*) FROM x_acks WHERE text = 'told'"
    eventually(lambda: waves.target_sql(arrived, name) == "1", "the row arrives")
    waves.target_sql("UPDATE x_acks SET text = 'spoiled'", name)
    refused = waves.run("cutover", name)
    assert refused["failed"] and "x_acks: 1 rows" in refused["msg"] and serves(waves, name) == {"source"}
    only_a_new_copy_leads_on(waves, name, "x_acks: 1 rows")
    waves.target_sql("UPDATE res_partner SET name = 'spoiled' WHERE id = 1", name)
    refused = waves.run("cutover", name, state="ready")
    assert refused["failed"] and "res_partner" in refused["msg"] and serves(waves, name) == {"source"}
    assert waves.source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name ~ 'changes'") == "0"
    only_a_new_copy_leads_on(waves, name, "res_partner")


def test_a_row_that_changed_while_all_was_compared_and_is_not_equal_opens_nothing(waves: Waves, member: Make) -> None:
    name = member("meanwhile", "birch")
    following(waves, name)
    write = f"psql -Xq -h {waves.tunnel} -U postgres -d {name}_old -c \"INSERT INTO x_acks (text) VALUES ('told')\""
    spoil = f"runuser -u postgres -- psql -Xq -h {FOLDER}/pg -d {name} -c \"UPDATE x_acks SET text = 'spoiled'\""
    refused = waves.run("cutover", name, state="ready", at=("compare_changed", f"cd /; {write}; sleep 2; {spoil}"))
    assert refused["failed"] and "x_acks: 1 rows" in refused["msg"] and serves(waves, name) == {"source"}
    assert waves.source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name ~ 'changes'") == "0"
    only_a_new_copy_leads_on(waves, name, "x_acks: 1 rows")


def only_a_new_copy_leads_on(waves: Waves, name: str, differs: str) -> None:
    for verb in ("cutover", "rehearse"):
        refused = waves.run(verb, name)
        assert refused["failed"] and refused["state"] == "diverged" and "wave_seed" in refused["msg"]
    anew = waves.done("seed", name)
    assert anew["state"] == "following" and any(differs in reason for reason in anew["diverged"])
    assert waves.done("seed", name)["actions"] == []


def test_a_source_without_a_slot_to_spare_compares_in_the_window(waves: Waves, member: Make) -> None:
    name = member("spare", "birch")
    following(waves, name)
    free = "(SELECT current_setting('max_replication_slots')::int - count(*) FROM pg_replication_slots)"
    waves.source_sql(f"SELECT pg_create_physical_replication_slot('x_' || n) FROM generate_series(1, {free}) AS n")
    try:
        ready = waves.done("cutover", name, state="ready")
        assert ready["state"] == "following" and "all replication slots are in use" in ready["compared"]["reason"]
        cut = waves.done("cutover", name)
        assert cut["state"] == "live" and cut["compared"]["rows"] > 1000 and "again" not in cut["compared"]
    finally:
        waves.source_sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name ~ '^x_'")


@pytest.mark.landing
def test_what_replication_does_not_carry(waves: Waves, member: Make) -> None:
    name = member("carried", "birch")
    old = f"{name}_old"
    waves.source_sql(
        "CREATE UNLOGGED TABLE x_unlogged (id int PRIMARY KEY, v text); INSERT INTO x_unlogged VALUES (1, 'before');"
        "CREATE SEQUENCE x_free; CREATE SEQUENCE x_gone;"
        "CREATE MATERIALIZED VIEW x_view AS SELECT count(*) AS n FROM res_partner;"
        "CREATE TABLE \"x \"\"odd\"\" Name\" (id serial PRIMARY KEY, t text, f float8, b bytea, i interval, j jsonb);"
        "COMMENT ON DATABASE carried_old IS 'customer''s own';"
        "ALTER DATABASE carried_old SET statement_timeout = '9min'",
        old, "odoo",
    )  # fmt: skip
    large = waves.source_sql("SELECT lo_from_bytea(0, 'first')", old, "odoo")
    following(waves, name)
    waves.source_sql(
        "CREATE SEQUENCE x_later; SELECT nextval('x_later'); DROP SEQUENCE x_gone;"  # as Odoo does with its own
        f"UPDATE x_unlogged SET v = 'after'; SELECT setval('x_free', 41); SELECT lo_put({large}, 0, 'FIRST');"
        "SELECT lo_from_bytea(0, 'second'); INSERT INTO res_partner (name) VALUES ('one more');"
        "INSERT INTO \"x \"\"odd\"\" Name\" (t, f, b, i, j) SELECT 'ä\\n', 0.1::float8 * g, '\\xff00', '1 mon -3 days',"
        " '{\"a\": 1.50}' FROM generate_series(1, 50) AS g",
        old, "odoo",
    )  # fmt: skip
    waves.done("cutover", name)
    for query in (
        "SELECT v FROM x_unlogged",
        "SELECT nextval('x_free')",
        "SELECT nextval('x_later')",
        "SELECT count(*) FROM pg_class WHERE relname = 'x_gone'",
        "SELECT string_agg(lo_get(oid)::text, ',' ORDER BY oid) FROM pg_largeobject_metadata",
        'SELECT count(*), sum(f), max(b::text), max(j::text) FROM "x ""odd"" Name"',
        "SELECT nextval('res_partner_id_seq')",
    ):
        assert waves.source_sql(query, old) == waves.target_sql(query, name), query
    assert waves.target_sql("SELECT n = (SELECT count(*) FROM res_partner) FROM x_view", name) == "t"
    comment = f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'"
    assert waves.target_sql(comment) == "customer's own"
    assert waves.target_sql("SHOW statement_timeout", name) == "9min"
    assert waves.target_sql(f"SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner <> '{name}'",
                            name) == "0"  # fmt: skip


def test_what_was_made_on_the_target_goes_back(waves: Waves, member: Make) -> None:
    name = member("later", "birch")
    waves.source_sql("CREATE UNLOGGED TABLE x_unlogged (id int PRIMARY KEY)", f"{name}_old", "odoo")
    following(waves, name)
    waves.done("cutover", name)
    waves.target_sql(
        "SELECT lo_from_bytea(4711, 'later'); INSERT INTO x_unlogged VALUES (7); CREATE SEQUENCE x_later;"
        "SELECT setval('x_later', 7); GRANT SELECT ON res_partner TO bi_reader",
        name,
    )
    assert waves.source_sql("SELECT has_table_privilege('bi_reader', 'res_partner', 'SELECT')", f"{name}_old") == "f"
    assert waves.done("rollback", name)["left"] == []
    for query in (
        "SELECT lo_get(4711)",
        "SELECT id FROM x_unlogged",
        "SELECT nextval('x_later')",
        "SELECT has_table_privilege('bi_reader', 'res_partner', 'SELECT')",
    ):
        assert waves.source_sql(query, f"{name}_old") == waves.target_sql(query, name), query
    assert waves.source_sql("SELECT has_table_privilege('bi_reader', 'res_partner', 'SELECT')", f"{name}_old") == "t"


@pytest.mark.landing
def test_ddl_while_following_starts_anew(waves: Waves, member: Make) -> None:
    name = member("ddl", "birch")
    following(waves, name)
    waves.source_sql(
        "CREATE TABLE x_new (a int); INSERT INTO x_new VALUES (1); UPDATE x_new SET a = 2", f"{name}_old", "odoo"
    )
    refused = waves.run("cutover", name)
    assert refused["failed"] and "table public.x_new is only on the source" in refused["msg"]
    assert serves(waves, name) == {"source"}
    refused = waves.run("seed", name)
    assert refused["failed"] and "table public.x_new" in refused["msg"] and "Allow replica_identity" in refused["msg"]
    anew = waves.done("seed", name, allow=["replica_identity"])
    assert any("x_new" in reason for reason in anew["diverged"])
    waves.source_sql("CREATE OR REPLACE VIEW x_seen AS SELECT 1 AS one", f"{name}_old", "odoo")
    assert "x_seen" in waves.run("cutover", name)["msg"]
    waves.source_sql("DROP VIEW x_seen; UPDATE x_new SET a = 3", f"{name}_old", "odoo")
    assert waves.done("cutover", name)["state"] == "live"
    assert waves.target_sql("SELECT a FROM x_new", name) == "3"


def test_a_lost_slot_is_started_anew(waves: Waves, member: Make) -> None:
    name = member("lost", "birch")
    following(waves, name)
    waves.target_sql(f'ALTER SUBSCRIPTION "erpops_{name}" DISABLE', name)
    held = f"SELECT active FROM pg_replication_slots WHERE slot_name = 'erpops_{name}'"
    eventually(lambda: waves.source_sql(held) == "f", "nobody holds the slot")
    waves.source_sql(f"SELECT pg_drop_replication_slot('erpops_{name}')")
    refused = waves.run("cutover", name)
    assert refused["failed"] and "diverged" in refused["msg"]
    assert waves.done("seed", name)["diverged"] == ["its slot on the source is gone"]
    assert waves.done("cutover", name)["state"] == "live"


def test_a_row_that_differs_returns_to_the_source(waves: Waves, member: Make) -> None:
    name = member("differs", "birch")
    following(waves, name)
    waves.target_sql("UPDATE res_partner SET name = 'changed here' WHERE id = 1", name)
    refused = waves.run("cutover", name)
    assert (
        refused["failed"]
        and "table public.res_partner" in refused["msg"]
        and "returned to the source" in refused["msg"]
    )
    assert serves(waves, name) == {"source"}
    assert waves.source_sql("SELECT count(*) FROM pg_subscription") == "0"


def test_a_window_that_is_too_short_returns_to_the_source(waves: Waves, member: Make) -> None:
    name = member("short", "birch")
    following(waves, name)
    refused = waves.run("cutover", name, window_seconds=0.2)
    assert refused["failed"] and "returned to the source" in refused["msg"]
    assert serves(waves, name) == {"source"}
    assert waves.done("cutover", name)["state"] == "live"


def test_other_databases_of_the_host_go_on(waves: Waves, member: Make) -> None:
    name = member("fenced", "birch")
    following(waves, name)
    waves.done("cutover", name)
    assert waves.source_sql("SELECT 1", "birch", "odoo") == "1"
    with pytest.raises(AssertionError, match="permission denied for database"):
        waves.source_sql("SELECT 1", f"{name}_old", "odoo")


def test_withdrawing_leaves_nothing(waves: Waves, member: Make) -> None:
    name = member("withdrawn", "acme_prod")
    seen = (
        "SELECT relname, relreplident FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    functions = "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2"
    before = waves.source_sql(seen, f"{name}_old"), waves.source_sql(functions, f"{name}_old")
    following(waves, name)
    waves.done("cutover", name)
    refused = waves.run("rollback", name, withdraw=True)
    assert refused["failed"] and "Run wave_rollback first" in refused["msg"] and serves(waves, name) == {"target"}
    waves.done("rollback", name)
    prepared(waves, name)
    said, done = (waves.run("rollback", name, check=check, withdraw=True) for check in (True, False))
    assert said["actions"] == done["actions"] != [], "one that was live, and is prepared again"
    following(waves, name)
    assert waves.run("rollback", name, check=True)["actions"] == waves.done("rollback", name)["actions"]
    assert (waves.source_sql(seen, f"{name}_old"), waves.source_sql(functions, f"{name}_old")) == before
    assert waves.source_sql("SELECT count(*) FROM pg_publication", f"{name}_old") == "0"
    assert waves.source_sql("SELECT count(*) FROM pg_replication_slots") == "0"
    assert waves.target_sql(f"SELECT count(*) FROM pg_database WHERE datname LIKE '{name}%'") == "0"


def test_a_way_back_that_nobody_kept_open_is_bounded_and_refused(waves: Waves, member: Make) -> None:
    """The legacy host follows no longer; its slot keeps what max_slot_wal_keep_size allows, and not more."""
    name = member("bounded", "birch")
    following(waves, name)
    waves.done("cutover", name)
    waves.source_sql(f"ALTER SUBSCRIPTION erpops_back_{name} DISABLE", f"{name}_old")
    slot = f"SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'erpops_back_{name}'"
    waves.target_sql("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'")
    waves.target_sql("ALTER SYSTEM SET wal_keep_size = 0")
    waves.target_sql("SELECT pg_reload_conf()")
    try:
        for _segment in range(8):
            waves.target_sql("SELECT pg_logical_emit_message(true, 'x', repeat('x', 16000000)), pg_switch_wal()", name)
            waves.target_sql("CHECKPOINT")
        assert waves.target_sql(slot) == "lost", "control"
        refused = waves.run("rollback", name)
        assert refused["failed"] and "no way back" in refused["msg"] and "max_slot_wal_keep_size" in refused["msg"]
        assert serves(waves, name) == {"target"}
        committed = waves.done("commit", name)
        assert committed["state"] == "committed" and committed["dump"]["rows"] > 1000
        assert waves.done("commit", name)["dump"] == committed["dump"]  # a run that was killed is told it too
    finally:
        waves.target_sql("ALTER SYSTEM RESET max_slot_wal_keep_size")
        waves.target_sql("ALTER SYSTEM RESET wal_keep_size")
        waves.target_sql("SELECT pg_reload_conf()")


@pytest.mark.landing
def test_files_follow_there_and_back(waves: Waves, member: Make) -> None:
    """Over the restricted key; with a file that is gone and one that is not what its name says."""
    name = member("files", "acme_prod")
    old, new = f"{FILESTORES}/{name}_old", f"{FOLDER}/filestores/{name}"
    waves.legacy.shell(f"rm -rf {old}")
    waves.target.shell(f"rm -rf {new}")
    prepared(waves, name)
    for place, said in ((FILESTORES, "it has no file at all"), ("/srv", "this key may not reach folder /srv")):
        refused = waves.run("seed", name, filestore=waves.filestores(place))
        assert refused["failed"] and said in refused["msg"] and "filestores in wave_members" in refused["msg"], refused
    waves.legacy.shell(f"cp -a {FILESTORES}/acme_prod {old}")
    seeded = waves.done("seed", name, filestore=waves.filestores())["filestore"]
    assert seeded["missing_count"] >= 1 and seeded["corrupt_count"] >= 1
    assert seeded["copied"] == seeded["files"] > 100
    odd = "\"ab/$(printf 'a new\\nline')\""
    waves.legacy.shell(f"cd {old}; mkdir -p ab; echo late > {odd}")
    assert waves.done("cutover", name, filestore=waves.filestores())["filestore"]["copied"] == 1
    sums = "find . -type f ! -path './checklist/*' -exec sha1sum --zero {} + | sort --zero-terminated | sha1sum"
    assert waves.legacy.shell(f"cd {old}; {sums}") == waves.target.shell(f"cd {new}; {sums}")
    waves.target.shell(f"cd {new}; mkdir -p cd; echo written here > cd/here")
    assert waves.done("rollback", name)["filestore"]["copied"] == 1
    there, here = f"cd {old}; {sums}; stat -c %U cd/here", f"cd {new}; {sums}; echo odoo"
    assert waves.legacy.shell(there) == waves.target.shell(here)
    said = waves.target.shell("ssh -F /var/lib/erpops/sources/legacy1.conf filestore id 2>&1 || echo no")
    assert "uid=" not in said and said.strip().endswith("no")
    with pytest.raises(AssertionError, match="no Python on this host for root"):
        waves.legacy.shell("python3 --version")
    waves.legacy.shell(f"rm -rf {old}")
    waves.target.shell(f"rm -rf {new}")
