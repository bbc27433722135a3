# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of legacy databases: ours against a dump and against pgcopydb, under a writer; many at once; discovery.

The databases have Odoo 14's schema and what the lab's legacy host has of rows, and are filled up with messages to
``ERPOPS_BENCH_GB`` gigabytes (by default 1 and 5). Whoever writes notes when; the longest time between two writes that
a server acknowledged, on whichever side, is how long nobody could; between two pages of Odoo, how long it was
unavailable. Filestores are left out of the other two ways.
"""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from comparison import CACHE, ROOT, Comparison, command, seconds
from contracts.harness import LabHost
from integration.waves import live
from integration.waves.live import ADMIN_PASSWORD, FOLDER, TENANT_PASSWORD, Waves
from pages import Login, Pages, watched

SIZES = [float(size) for size in os.environ.get("ERPOPS_BENCH_GB", "1,5").split(",")]
LIMIT = 3600
TOOLS = "/usr/lib/postgresql/17/bin"
JOBS = 2
TEMPLATE = "birch"
TOGETHER = 3  # members at once
MEMBERS = 6
GOAL_A_HOST, GOAL_A_DATABASE = 5.0, 0.2
BATCH = 50_000  # messages of about 1.3 KB with their indexes
FILL = """
    INSERT INTO mail_message (subject, date, body, message_type, model, res_id, create_date, write_date)
    SELECT 'message ' || n, now(), body, 'comment', 'res.partner', n %% 1000, now(), now()
    FROM generate_series(1, %d) AS n,
    LATERAL (SELECT string_agg(md5(n::text || random() || m), '') AS body FROM generate_series(1, 32) AS m) AS made
"""
GAP = """
    SELECT extract(epoch FROM max(gap)) FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap FROM x_acks) AS gaps
"""


def comparisons() -> Iterator[Comparison]:
    with lab():
        live.SECONDS = LIMIT  # a big database takes longer than those of the tests
        waves = live.prepared()
        yield discovery(waves)
        yield at_once(waves)
        for size in SIZES:
            fill(waves, filled(size), size)
        ours = {size: followed(waves, filled(size)) for size in SIZES}
        for size in SIZES:
            yield from against("the goal", GOAL, size, ours[size])
        for size in SIZES[1:]:
            yield Comparison(
                work=f"{under_a_writer(size)}: nobody can write", ours_seconds=ours[size].gap,
                reference=f"here with {SIZES[0]:g} GB", reference_seconds=ours[SIZES[0]].gap,
            )  # fmt: skip
        for size in SIZES:
            yield from otherwise(waves, size, ours[size])


@contextmanager
def lab() -> Iterator[None]:
    own = {"LAB_NAME": "bench-waves", "LAB_DIR": str(CACHE / "labs" / "bench-waves")}
    command("tests/lab/lab", "up", "benchmarks/waves.yml", environment=own)
    os.environ["ERPOPS_INVENTORY"] = f"{own['LAB_DIR']}/inventory.yml"
    try:
        yield
    finally:
        del os.environ["ERPOPS_INVENTORY"]
        command("tests/lab/lab", "down", environment=own)


def run(host: LabHost, text: str) -> None:
    command(*host.ssh, f"bash -euo pipefail -c {shlex.quote(text)}", limit=LIMIT)


def prepare(waves: Waves, *names: str) -> None:
    """With the one restart of the source's PostgreSQL, where it needs one."""
    needed = [waves.done("prepare", name, spare_slots=2 * MEMBERS)["restart_needed"] for name in names]
    if any(needed):
        waves.legacy.shell("systemctl restart postgresql@13-main")
        waves.target.shell("systemctl restart erpops-source-legacy1; sleep 1")


def discovery(waves: Waves) -> Comparison:
    """All of one host, in one call; the databases are those of the lab."""
    count = int(waves.source_sql("SELECT count(*) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"))
    with tempfile.TemporaryDirectory() as folder:
        groups = Path(folder, "groups.json")
        groups.write_text(json.dumps({"legacy": {"hosts": {waves.legacy.name: {}}}}))
        words = [
            str(ROOT / "build" / "venv" / "bin" / "ansible-playbook"), "erpops.odoo.wave_discover",
            "-i", waves.legacy.inventories[0], "-i", str(groups), "-e", f"wave_discover_folder={folder}",
            "-e", f"wave_discover_dispositions_folder={folder}/dispositions", "-e", "wave_discover_record=false",
            "-e", "estate_name=bench",
        ]  # fmt: skip
        ours = seconds(lambda: command(*words, environment={"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}))
    return Comparison(
        work=f"discovery of a host with {count} databases, playbook",
        ours_seconds=ours,
        reference=f"the goal: {GOAL_A_HOST:g} s a host, {GOAL_A_DATABASE} s a database",
        reference_seconds=GOAL_A_HOST + GOAL_A_DATABASE * count,
    )


def at_once(waves: Waves) -> Comparison:
    """From prepared to committed, without the proved dump."""

    def move(name: str) -> None:
        waves.done("seed", name)
        waves.done("cutover", name)
        waves.done("commit", name, proved_dump=False)

    took = []
    for prefix, width in (("together", TOGETHER), ("single", 1)):
        names = [f"{prefix}{number}" for number in range(MEMBERS)]
        for name in names:
            waves.remove(name)
            waves.make_source(name, TEMPLATE)
        prepare(waves, *names)
        with ThreadPoolExecutor(width) as pool:
            took.append(seconds(partial(list, pool.map(move, names))))
        for name in names:
            waves.remove(name)
    return Comparison(
        work=f"{MEMBERS} members moved, {TOGETHER} at once",
        ours_seconds=took[0],
        reference="one by one",
        reference_seconds=took[1],
    )


@dataclass(frozen=True, slots=True)
class Move:
    """seed: how long the copy took while the source served. gap: how long nobody could write. unavailable: how long
    Odoo served no page."""

    gap: float
    unavailable: float
    seed: float = 0.0


GOAL = Move(gap=1.0, unavailable=8.0)


def filled(size: float) -> str:
    """The database of that size, of which each way moves a copy."""
    return f"bench{size:g}".replace(".", "_")


def under_a_writer(size: float) -> str:
    return f"{size:g} GB, under a writer"


def against(reference: str, theirs: Move, size: float, ours: Move) -> Iterator[Comparison]:
    for what, here, there in (
        ("nobody can write", ours.gap, theirs.gap), ("Odoo unavailable", ours.unavailable, theirs.unavailable),
    ):  # fmt: skip
        yield Comparison(
            work=f"{under_a_writer(size)}: {what}", ours_seconds=here, reference=reference, reference_seconds=there
        )


def otherwise(waves: Waves, size: float, ours: Move) -> Iterator[Comparison]:
    bare = copied_whole(waves, filled(size), dump_and_restore)
    yield Comparison(
        work=f"{under_a_writer(size)}: copy while the source serves", ours_seconds=ours.seed,
        reference=f"bare pg_dump and pg_restore, {JOBS} jobs", reference_seconds=bare.gap,
    )  # fmt: skip
    for reference, way in (("pg_dump | pg_restore", piped), ("pgcopydb clone", pgcopydb)):
        yield from against(reference, copied_whole(waves, filled(size), way), size, ours)
    waves.source_sql(f"DROP DATABASE {filled(size)}")


def fill(waves: Waves, name: str, size: float) -> None:
    waves.source_sql(f'CREATE DATABASE {name} TEMPLATE "{TEMPLATE}" OWNER odoo')
    while int(waves.source_sql(f"SELECT pg_database_size('{name}')")) < size * 2**30:
        statement = shlex.quote(FILL % BATCH)
        run(waves.legacy, f"cd /; runuser -u odoo -- psql -Xq -v ON_ERROR_STOP=1 -d {name} -c {statement}")
    waves.source_sql("CHECKPOINT")


def followed(waves: Waves, template: str) -> Move:
    name = "followed"
    waves.remove(name)
    waves.make_source(name, template)
    prepare(waves, name)
    with waves.writing(name, "source", LIMIT), waves.writing(name, "target", LIMIT):
        seed = seconds(lambda: waves.done("seed", name, dump_seconds=LIMIT, catch_up_seconds=LIMIT))
        with users(waves, name) as pages:
            waves.done("cutover", name, state="ready", compare_seconds=LIMIT)
            waves.done("cutover", name, window_seconds=LIMIT)
        waves.target.shell("sleep 1")
    gap = float(waves.target_sql(GAP, name))
    waves.done("commit", name, proved_dump=False)
    waves.remove(name)
    return Move(gap=gap, unavailable=pages.longest_gap(), seed=seed)


def users(waves: Waves, name: str) -> AbstractContextManager[Pages]:
    source = Login(database=f"{name}_old", user="odoo")
    target = Login(database=name, user=name, host=waves.target.address, password=TENANT_PASSWORD)
    return watched(waves.legacy, source, target)


def copied_whole(waves: Waves, template: str, way: str) -> Move:
    """The source is closed, copied by these commands, and opened at its new place."""
    name = "whole"
    waves.remove(name)
    waves.make_source(name, template)
    waves.target_sql(f"DO $$ BEGIN CREATE ROLE {name} LOGIN PASSWORD '{TENANT_PASSWORD}';"
                     " EXCEPTION WHEN duplicate_object THEN NULL; END $$")  # fmt: skip
    waves.target_sql(f"CREATE DATABASE {name} OWNER {name}")  # Odoo sees no others
    waves.target_sql(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC, {name}")
    old = f"{name}_old"
    with waves.writing(name, "source", LIMIT), waves.writing(name, "target", LIMIT):
        with users(waves, name) as pages:
            waves.source_sql(f"REVOKE CONNECT ON DATABASE {old} FROM PUBLIC, odoo")
            waves.source_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{old}'")
            run(waves.target, way.format(
                source=f"host={waves.tunnel} user=postgres dbname={old}",
                target=f"host={waves.target.address} user=erpops_admin password='{ADMIN_PASSWORD}' dbname={name}",
                folder=f"{FOLDER}/bench", tools=TOOLS, jobs=JOBS,
            ))  # fmt: skip
            waves.target_sql(OPEN.format(name=name), name)
        waves.target.shell("sleep 1")
    gap = float(waves.target_sql(GAP, name))
    waves.remove(name)
    return Move(gap=gap, unavailable=pages.longest_gap())


OPEN = """
    GRANT ALL ON ALL TABLES IN SCHEMA public TO {name};
    GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name};
    GRANT CONNECT ON DATABASE {name} TO {name}
"""
NOT_OWNED = "--no-owner --no-privileges"
dump_and_restore = f"""
    rm -rf {{folder}}
    {{tools}}/pg_dump --format=directory --jobs={{jobs}} --compress=1 {NOT_OWNED} --file={{folder}} "{{source}}"
    {{tools}}/pg_restore --jobs={{jobs}} {NOT_OWNED} --dbname="{{target}}" {{folder}}
    rm -rf {{folder}}
"""
piped = f"""
    {{tools}}/pg_dump --format=custom --compress=0 {NOT_OWNED} "{{source}}" |
    {{tools}}/pg_restore {NOT_OWNED} --dbname="{{target}}"
"""
pgcopydb = """
    rm -rf {folder}
    PATH={tools}:$PATH pgcopydb clone --source "{source}" --target "{target}" --dir {folder} --no-owner --no-acl \\
        --table-jobs {jobs} --index-jobs {jobs} >/dev/null 2>&1
    rm -rf {folder}
"""
