# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is beside the rows and changes after the seed: rights, settings, comments and files; and what a source keeps of
all that was done to it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integration.waves.live import ALLOWED, FILESTORES, FOLDER, Waves
from integration.waves.test_moves import following, prepared, restart_source, serves

Make = Callable[[str, str], str]
FOREIGN = "x_foreign"  # a role that the target does not have
MAY = "SELECT has_table_privilege('{role}', 'public.{table}', '{right}')"
NAMES = "('wal_level', 'max_replication_slots', 'max_wal_senders')"
AUTOMATIC = f"SELECT name, setting FROM pg_file_settings WHERE sourcefile ~ 'auto' AND name IN {NAMES} ORDER BY 1"
ROLE = "SELECT count(*) FROM pg_roles WHERE rolname = 'erpops_wave'"


@pytest.fixture
def foreign(waves: Waves) -> Iterator[None]:
    waves.source_sql(f"CREATE ROLE {FOREIGN}")
    yield
    databases = waves.source_sql("SELECT datname FROM pg_database WHERE datname ~ '_old$'").split()
    for database in databases:
        waves.source_sql(f"DROP OWNED BY {FOREIGN}", database)
    waves.source_sql(f"DROP ROLE {FOREIGN}")


def may(run: Callable[..., str], database: str, table: str, right: str = "SELECT", role: str = "bi_reader") -> bool:
    return run(MAY.format(role=role, table=table, right=right), database) == "t"


def by_default(run: Callable[..., str], database: str, owner: str) -> bool:
    """Whether the reader may read what the owner makes."""
    run(f'SET ROLE "{owner}"; CREATE TABLE public.x_made (id int)', database)
    found = may(run, database, "x_made")
    run("DROP TABLE public.x_made", database)
    return found


def test_rights_settings_and_comments_of_after_the_seed_go_there_and_back(
    waves: Waves, member: Make, foreign: None
) -> None:
    name = member("granted", "birch")
    old, ours, theirs = f"{name}_old", waves.source_sql, waves.target_sql
    following(waves, name)
    ours(
        f"GRANT SELECT ON res_partner TO bi_reader; GRANT SELECT, INSERT ON res_users TO {FOREIGN};"
        "ALTER DEFAULT PRIVILEGES FOR ROLE odoo IN SCHEMA public GRANT SELECT ON TABLES TO bi_reader;"
        f"ALTER DATABASE {old} SET work_mem = '7MB'; ALTER ROLE bi_reader IN DATABASE {old} SET work_mem = '9MB';"
        "COMMENT ON TABLE res_partner IS 'of the source'; COMMENT ON COLUMN res_partner.name IS 'it''s';"
        f"COMMENT ON DATABASE {old} IS 'later'",
        old,
    )  # fmt: skip
    assert not may(theirs, name, "res_partner"), "control"
    left = ["role x_foreign: INSERT on table public.res_users and 1 more: there is no such role on the target"]
    assert waves.done("seed", name)["left"] == left, "also of a member that is followed already"
    assert waves.done("cutover", name, state="ready")["left"] == left
    assert may(theirs, name, "res_partner") and serves(waves, name) == {"source"}
    assert by_default(theirs, name, name)
    assert theirs("SHOW work_mem", name) == "7MB"
    assert theirs("SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'bi_reader'::regrole") == "{work_mem=9MB}"
    assert theirs("SELECT obj_description('res_partner'::regclass)", name) == "of the source"
    assert waves.done("cutover", name, state="ready")["actions"] == []

    ours("REVOKE SELECT ON res_partner FROM bi_reader; GRANT SELECT ON res_company TO bi_reader", old)
    said = waves.run("cutover", name, check=True, state="ready")
    assert [action["verb"] for action in said["actions"]] == ["carry"] and may(theirs, name, "res_partner")
    assert waves.done("cutover", name)["left"] == left
    assert not may(theirs, name, "res_partner") and may(theirs, name, "res_company"), "changed since it was ready"

    theirs(
        "REVOKE SELECT ON res_company FROM bi_reader; GRANT ALL ON res_partner TO bi_reader;"
        f"ALTER DATABASE \"{name}\" SET work_mem = '8MB'; COMMENT ON TABLE res_partner IS NULL;"
        f"COMMENT ON DATABASE \"{name}\" IS 'last';"
        f"ALTER DEFAULT PRIVILEGES FOR ROLE \"{name}\" IN SCHEMA public REVOKE SELECT ON TABLES FROM bi_reader",
        name,
    )  # fmt: skip
    back = waves.done("rollback", name)["left"]
    assert back == ["MAINTAIN on table public.res_partner to bi_reader: PostgreSQL of the source does not know it"]
    assert may(ours, old, "res_partner", "DELETE") and not may(ours, old, "res_company")
    assert may(ours, old, "res_users", "INSERT", FOREIGN), "of others nothing is touched"
    assert ours("SHOW work_mem", old) == "8MB" and not by_default(ours, old, "odoo")
    assert ours("SELECT obj_description('res_partner'::regclass) IS NULL", old) == "t"
    assert ours(f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{old}'") == "last"


def test_nothing_is_taken_away_of_a_role_that_was_named_later(waves: Waves, member: Make) -> None:
    name = member("named", "birch")
    waves.source_sql("GRANT SELECT ON res_partner TO bi_reader", f"{name}_old")
    prepared(waves, name)
    waves.done("seed", name, roles={})
    waves.done("cutover", name, roles={})
    waves.target_sql("GRANT SELECT ON res_company TO bi_reader", name)
    waves.done("rollback", name)
    assert may(waves.source_sql, f"{name}_old", "res_partner") and may(waves.source_sql, f"{name}_old", "res_company")


def test_files_are_copied_before_anybody_is_turned_away(waves: Waves, member: Make) -> None:
    name = member("early", "birch")
    old, new = f"{FILESTORES}/{name}_old", f"{FOLDER}/filestores/{name}"
    waves.legacy.shell(f"rm -rf {old}; mkdir -p {old}/ab; echo one > {old}/ab/one; chown -R odoo {old}")
    waves.target.shell(f"rm -rf {new}")
    following(waves, name)
    assert waves.done("seed", name)["actions"] == []
    waves.legacy.shell(f"echo two > {old}/ab/two")
    said, done = waves.run("seed", name, check=True), waves.done("seed", name)
    assert said["actions"] == done["actions"] != [] and not done["copied"], "a member that is followed has more files"
    assert [action["detail"] for action in done["actions"]] == ["1 files"]
    waves.legacy.shell(f"echo three > {old}/ab/three")
    ready = waves.done("cutover", name, state="ready")
    assert ready["filestore"]["copied"] == 1 and serves(waves, name) == {"source"}
    assert waves.target.shell(f"cat {new}/ab/three") == "three\n"
    waves.legacy.shell(f"echo four > {old}/ab/four")
    again = [waves.run("cutover", name, check=check, state="ready")["actions"] for check in (True, False)]
    assert again[0] == again[1] != []
    waves.legacy.shell(f"echo five > {old}/ab/five")
    assert waves.done("cutover", name)["filestore"]["copied"] == 1
    assert waves.target.shell(f"cat {new}/ab/*") == waves.legacy.shell(f"cat {old}/ab/*")
    waves.legacy.shell(f"rm -rf {old}")
    waves.target.shell(f"rm -rf {new}")


# While tar sends: the last of what was listed goes, new files come, and one is written slowly.
CHANGING = r"""
cd {old}
until pgrep -x tar >/dev/null; do sleep 0.005; done
find ff -type f | sort | tail -n 40 >/tmp/{name}.gone
xargs rm -f </tmp/{name}.gone
for i in $(seq 60); do
    echo "new $i" >/tmp/{name}.new; sum=$(sha1sum </tmp/{name}.new | cut -c1-40)
    mkdir -p $(echo $sum | cut -c1-2); cp /tmp/{name}.new $(echo $sum | cut -c1-2)/$sum
    echo "part $i" >>ff/{slow}; sleep 0.02
done
touch /tmp/{name}.done
"""
MANY = r"""
import hashlib, os, sys
for number in range(1500):
    content = (b"%d " % number) * 3000
    name = hashlib.sha1(content).hexdigest()
    folder = os.path.join(sys.argv[1], "ff" if number % 20 == 0 else name[:2])
    os.makedirs(folder, exist_ok=True)
    open(os.path.join(folder, name), "wb").write(content)
"""


def test_a_filestore_that_changes_while_it_is_copied(waves: Waves, member: Make) -> None:
    name = member("moving", "birch")
    old, new, slow = f"{FILESTORES}/{name}_old", f"{FOLDER}/filestores/{name}", "f" * 40
    waves.legacy.shell(f"rm -rf {old} /tmp/{name}.*; mkdir -p {old}/ff; echo begun > {old}/ff/{slow}")
    # Nobody else has Python there.
    waves.legacy.shell(f"chown -R odoo {old}; cd /; runuser -u odoo -- python3 -c {shlex.quote(MANY)} {old}")
    waves.target.shell(f"rm -rf {new}")
    script = CHANGING.format(old=old, name=name, slow=slow)
    waves.legacy.shell(f"cat >/tmp/{name}.sh <<'END'\n{script}\nEND\nsystemd-run --quiet --collect bash /tmp/{name}.sh")
    following(waves, name)
    waves.legacy.shell(f"until [ -e /tmp/{name}.done ]; do sleep 0.1; done")
    gone = waves.legacy.shell(f"cat /tmp/{name}.gone").split()
    assert len(gone) == 40
    there = waves.target.shell(f"cd {new}; ls {' '.join(gone)} 2>/dev/null | wc -l")
    assert int(there) < 40, "some went between the list and the sending"
    again = waves.done("seed", name)
    assert again["actions"] == [] or again["filestore"]["copied"] <= 61
    sums = "find . -type f -exec sha1sum {} + | sort -k2"
    source = dict(reversed(line.split()) for line in waves.legacy.shell(f"cd {old}; {sums}").splitlines())
    target = dict(reversed(line.split()) for line in waves.target.shell(f"cd {new}; {sums}").splitlines())
    assert {path: target.get(path) for path in source} == source, "every file is there as it is"
    assert waves.target.shell(f"ls -A {FOLDER}/filestores | grep -c erpops-{name} || true") == "0\n"
    waves.legacy.shell(f"rm -rf {old} /tmp/{name}.*")
    waves.target.shell(f"rm -rf {new}")


def untouched(waves: Waves) -> None:
    """A server on which nobody is prepared, with settings that following cannot do with."""
    waves.source_sql("DROP ROLE IF EXISTS erpops_wave")
    for setting in ("wal_level", "max_replication_slots"):
        waves.source_sql(f"ALTER SYSTEM RESET {setting}")
    waves.source_sql("ALTER SYSTEM SET max_wal_senders = 1")
    restart_source(waves)
    assert waves.source_sql("SHOW wal_level") == "replica"


def test_what_was_done_to_a_server_is_known_and_goes_with_the_last_member(waves: Waves, member: Make) -> None:
    untouched(waves)
    first, second = member("firstone", "birch"), member("secondone", "birch")
    before = waves.source_sql(AUTOMATIC)
    assert before == "max_wal_senders|1"
    refused = waves.run("prepare", first, allow=[one for one in ALLOWED if one != "restart"])
    assert refused["failed"] and "Allow restart: nothing is written before" in refused["msg"]
    assert (waves.source_sql(AUTOMATIC), waves.source_sql(ROLE)) == (before, "0")

    done = waves.done("prepare", first)
    again = waves.done("prepare", first)
    assert again["actions"] == [] and again["undo"] == done["undo"] and again["restart_needed"]
    undo = "\n".join(done["undo"])
    assert "ALTER SYSTEM RESET wal_level; -- was replica" in undo and "SET max_wal_senders = '1'" in undo
    assert "DROP ROLE" in undo and "DROP PUBLICATION" in undo
    restart_source(waves)
    assert waves.done("prepare", first)["undo"] == done["undo"], "after the restart"
    assert waves.done("prepare", second)["undo"][-1] == f'DROP PUBLICATION "erpops_{second}";'
    following(waves, first)

    left: dict[str, Any] = waves.done("rollback", first)
    assert left["left"] == [
        f"setting max_wal_senders, setting wal_level, role erpops_wave stays for database {second}_old"
    ]
    assert waves.source_sql("SHOW wal_level") == "logical" and "wal_level|logical" in waves.source_sql(AUTOMATIC)
    waves.source_sql("SELECT pg_create_logical_replication_slot('x_others', 'test_decoding')", f"{second}_old")
    said = waves.run("rollback", second, check=True)
    assert any("wal_level stays" in one for one in said["left"]), "PostgreSQL would not start without it"
    waves.source_sql("SELECT pg_drop_replication_slot('x_others')")
    said, done = waves.run("rollback", second, check=True), waves.done("rollback", second)
    assert said["actions"] == done["actions"] != [] and said["left"] == done["left"]
    assert any(one.startswith("setting wal_level: logical until the next restart") for one in done["left"])
    assert (waves.source_sql(AUTOMATIC), waves.source_sql(ROLE)) == (before, "0")
    assert waves.done("rollback", second)["actions"] == []
    restart_source(waves)
    assert waves.source_sql("SHOW wal_level") == "replica"


def test_a_role_that_was_there_stays_and_has_its_comment_back(waves: Waves, member: Make) -> None:
    untouched(waves)
    waves.source_sql("CREATE ROLE erpops_wave; COMMENT ON ROLE erpops_wave IS 'made by hand'")
    name = member("handmade", "birch")
    prepared(waves, name)
    waves.done("rollback", name)
    comment = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'erpops_wave'"
    assert waves.source_sql(comment) == "made by hand"
    waves.source_sql("DROP ROLE erpops_wave")
