# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal beside writers: the copy is equal and harmless, and the member goes on following."""

from __future__ import annotations

import shlex
import time

import pytest

from integration.waves.live import FOLDER, LOGIN_PASSWORD, Waves
from integration.waves.test_moves import Make, following, nothing_lost, serves

STEPS = ["pause", "drain", "hold", "clone", "follow", "carry", "files", "compare", "neutralize", "verify", "open"]
BUSY = """
import psycopg2, time
connection = psycopg2.connect("dbname=%s host=/var/run/postgresql user=odoo")
cursor = connection.cursor()
cursor.execute("INSERT INTO x_acks (text) VALUES ('busy')")
time.sleep(%s)
connection.rollback()
"""
# Written by hand, with the names that Odoo 14 has.
HARMLESS = {
    "SELECT count(*) FROM ir_mail_server WHERE active AND (smtp_host, smtp_port) <> ('127.0.0.1', 1025)": "0",
    "SELECT count(*) FROM ir_mail_server WHERE active": "1",
    "SELECT count(*) FROM mail_mail WHERE state IN ('outgoing', 'exception')": "0",
    "SELECT string_agg(cron_name, ',') FROM ir_cron WHERE active": "Base: Auto-vacuum internal data",
    "SELECT count(*) FROM fetchmail_server WHERE active": "0",
    "SELECT count(*) FROM payment_acquirer WHERE state NOT IN ('disabled', 'test')": "0",
    "SELECT count(*) FROM res_users_apikeys": "0",
    "SELECT value FROM ir_config_parameter WHERE key = 'database.is_neutralized'": "true",
    "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'": "https://rehearsal.invalid",
    "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url.freeze'": "True",
    "SELECT count(*) FROM res_company WHERE name NOT LIKE '%[REHEARSAL]'": "0",
}
PARAMETERS = "SELECT value FROM ir_config_parameter WHERE key IN ('database.uuid', 'database.secret') ORDER BY key"
ENABLED = "SELECT subenabled FROM pg_subscription WHERE subname = 'erpops_{0}'"
COPIES = "SELECT count(*) FROM pg_database WHERE datname LIKE '%__rehearsal'"


def follows(waves: Waves, member: str) -> None:
    """A row that is written now arrives."""
    assert waves.target_sql(ENABLED.format(member)) == "t"
    new = waves.source_sql("INSERT INTO x_acks (text) VALUES ('new') RETURNING id", f"{member}_old", "odoo")
    for _attempt in range(50):
        if waves.target_sql(f"SELECT 1 FROM x_acks WHERE id = {new}", member) == "1":
            return
        time.sleep(0.2)
    raise AssertionError("the row did not arrive")


def test_a_copy_is_equal_harmless_and_nothing_stops(waves: Waves, member: Make) -> None:
    name = member("acme", "acme_prod")
    old, copy = f"{name}_old", f"{name}__rehearsal"
    waves.source_sql(
        "UPDATE ir_mail_server SET active = true; UPDATE payment_acquirer SET state = 'enabled';"
        "INSERT INTO mail_mail (mail_message_id, state) SELECT min(id), 'outgoing' FROM mail_message;"
        "CREATE UNLOGGED TABLE x_unlogged (id int PRIMARY KEY); INSERT INTO x_unlogged VALUES (7)",
        old, "odoo",
    )  # fmt: skip
    following(waves, name)
    waves.source_sql("SELECT lo_from_bytea(0, 'large'); UPDATE x_unlogged SET id = 8", old, "odoo")
    with waves.writing(name, "source"):
        predicted = waves.run("rehearse", name, check=True)
        assert waves.target_sql(COPIES) == "0"
        done = waves.done("rehearse", name)
        assert (predicted["actions"], predicted["after"]) == (done["actions"], done["after"])
        for query, expected in HARMLESS.items():
            assert waves.target_sql(query, copy) == expected, query
        assert serves(waves, name) == {"source"}
        follows(waves, name)
        again = waves.done("rehearse", name)
        assert [action["verb"] for action in again["actions"]] == ["drop", "rehearse"]
        follows(waves, name)
    nothing_lost(waves, name, on_source=True)

    assert done["compared"]["tables"] > 400 and 0 < done["pause_seconds"] < 10
    assert done["neutralized"]["queued mails"] >= 1 and done["neutralized"]["crons"] > 5
    assert done["carried"]["unlogged_tables"] >= 1 and done["carried"]["large_objects"] >= 1
    assert {step["step"] for step in done["timings"]} >= set(STEPS)
    assert not set(waves.target_sql(PARAMETERS, copy).split()) & set(waves.target_sql(PARAMETERS, name).split())
    attached = "(SELECT * FROM ir_attachment WHERE name <> 'acknowledged')"  # whoever writes goes on with these
    for table in ("x_unlogged", "res_partner", "account_move_line", attached):
        rows = f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY id)) FROM {table} AS t"
        assert waves.source_sql(rows, old) == waves.target_sql(rows, copy), table
    assert done["users"] and len(done["users"]) <= 3
    logins = ", ".join(f"'{login}'" for login in done["users"])
    hashes = f"SELECT count(*) FROM res_users WHERE password LIKE '$pbkdf2-sha512$%' AND login IN ({logins})"
    assert waves.target_sql(hashes, copy) == str(len(done["users"]))
    assert waves.target_sql(f"SELECT has_database_privilege('{name}', '{copy}', 'CONNECT')") == "t"
    assert waves.target_sql(f"SELECT has_database_privilege('bi_reader', '{copy}', 'CONNECT')") == "f"
    assert LOGIN_PASSWORD not in str(done)

    dropped = waves.done("rehearse", name, state="absent")
    assert [action["verb"] for action in dropped["actions"]] == ["drop"]
    assert waves.done("rehearse", name, state="absent")["actions"] == []
    assert waves.done("cutover", name)["state"] == "live"
    refused = waves.run("rehearse", name)
    assert refused["failed"] and "following" in refused["msg"]
    print("rehearsal", done["pause_seconds"], done["window_seconds"], done["timings"])


def test_a_failure_drops_the_copy_and_a_killed_run_is_healed(waves: Waves, member: Make) -> None:
    name = member("failing", "birch")
    following(waves, name)
    with waves.writing(name, "source"):
        for step in STEPS:
            result = waves.run("rehearse", name, fail_at=step)
            assert result["failed"] and "for the test" in result["msg"], step
            assert waves.target_sql(COPIES) == "0", step
            assert waves.target_sql(ENABLED.format(name)) == "t", step
        follows(waves, name)
        for step in ("drain", "clone", "follow", "neutralize", "open"):
            assert waves.killed("rehearse", name, step), step
            closed = "SELECT count(*) FROM pg_database WHERE datname LIKE '%__rehearsal' AND datconnlimit <> 0"
            assert waves.target_sql(closed) == "0", step
        assert waves.done("rehearse", name)["state"] == "following"
        follows(waves, name)
    nothing_lost(waves, name, on_source=True)


def test_a_row_that_differs_is_told(waves: Waves, member: Make) -> None:
    name = member("differs", "birch")
    following(waves, name)
    waves.target_sql("UPDATE res_partner SET name = 'changed here' WHERE id = 1", name)
    refused = waves.run("rehearse", name)
    assert refused["failed"] and "table public.res_partner" in refused["msg"] and refused["state"] == "diverged"
    assert waves.target_sql(COPIES) == "0"
    follows(waves, name)
    assert waves.done("seed", name)["state"] == "following"
    assert waves.done("rehearse", name)["compared"]["rows"] > 1000


def test_a_copy_that_cannot_be_made_harmless_is_dropped(waves: Waves, member: Make) -> None:
    name = member("armed", "birch")
    waves.source_sql(
        "UPDATE ir_cron SET active = true WHERE id = (SELECT max(id) FROM ir_cron);"
        "CREATE FUNCTION x_armed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER x_armed BEFORE UPDATE ON ir_cron FOR EACH ROW EXECUTE FUNCTION x_armed();"
        "ALTER TABLE ir_cron ENABLE ALWAYS TRIGGER x_armed",
        f"{name}_old", "odoo",
    )  # fmt: skip
    following(waves, name)
    refused = waves.run("rehearse", name)
    assert refused["failed"] and "active crons" in refused["msg"], refused
    assert waves.target_sql(COPIES) == "0"


def test_a_writer_that_does_not_let_go_is_named_and_never_ended(waves: Waves, member: Make) -> None:
    name = member("busy", "birch")
    following(waves, name)
    busy = shlex.join(["python3", "-c", BUSY % (f"{name}_old", 30)])
    waves.legacy.shell(f"systemd-run --quiet --collect --unit=busy --uid=odoo {busy}; sleep 1")
    try:
        with waves.writing(name, "source"):
            refused = waves.run("rehearse", name, lock_tries=2)
            assert refused["failed"] and "of odoo" in refused["msg"] and "x_acks" in refused["msg"], refused
            assert waves.run("rehearse", name, pause_writers=False)["pause_seconds"] is None
        assert waves.legacy.shell("systemctl is-active busy").strip() == "active"
    finally:
        waves.legacy.shell("systemctl stop busy || true")
    nothing_lost(waves, name, on_source=True)


def test_the_source_goes_on_by_itself(waves: Waves, member: Make) -> None:
    """The target cannot follow while it is frozen, and the writers do not wait for it."""
    name = member("frozen", "birch")
    following(waves, name)
    pid = waves.target_sql(f"SELECT pid FROM pg_stat_subscription WHERE subname = 'erpops_{name}'")
    with waves.writing(name, "source"):
        waves.target.shell(f"kill -STOP {pid}")
        try:
            began = time.monotonic()
            refused = waves.run("rehearse", name, rest_seconds=2, drain_seconds=6)
            assert time.monotonic() - began < 60
        finally:
            waves.target.shell(f"kill -CONT {pid}")
        assert refused["failed"], refused
        gaps = waves.source_sql(
            "SELECT max(extract(epoch FROM gap)) < 5"
            " FROM (SELECT at - lag(at) OVER (ORDER BY id) AS gap FROM x_acks) AS gaps",
            f"{name}_old",
        )
        assert gaps == "t"
        follows(waves, name)
    nothing_lost(waves, name, on_source=True)


@pytest.fixture(autouse=True)
def folder(waves: Waves) -> None:
    waves.target.shell(f"install -d {FOLDER}/filestores")
