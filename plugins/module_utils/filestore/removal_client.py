# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a tenant's last copies: a dump that is restored and counted, a tar of its files; each with its checksum."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import (
    ErpopsError,
    Problem,
    Refused,
    Unreachable,
)
from ansible_collections.erpops.odoo.plugins.module_utils.common.files import checksum
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.removal import (
    Content,
    Kept,
    Kind,
    kept_from,
    require_same,
)
from ansible_collections.erpops.odoo.plugins.module_utils.host import unit_client
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import model, render
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server, connect, translated

with suppress(ImportError):  # ``postgres.client`` keeps the reason; modules report it
    from psycopg import sql

WORK = Path("/var/lib/erpops/removal")  # on the hosts that the copies are taken on
PROOF_SUFFIX = "__proof"
TOOL_SECONDS = 6 * 3600


def databases(server: Server, names: Sequence[str]) -> list[str]:
    """Those of the names that have a database; the others were dropped by an earlier run."""
    if not names:
        return []
    with connect(server, "postgres") as connection, translated("Looking for databases"):
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname = ANY(%s)", [list(names)]).fetchall()
    return sorted(str(row["datname"]) for row in rows)


def dump(server: Server, name: str) -> Kept:
    """Dump, restore beside, compare every table and sequence, drop the restored one."""
    _work()
    path = _place("dump", name)
    with _credentials(server) as target:
        _tool("pg_dump", "--format=custom", f"--file={path}", f"--dbname={target} dbname={name}")
        path.chmod(0o600)
        scratch = f"{name}{PROOF_SUFFIX}"
        _drop(server, scratch)
        try:
            _create(server, scratch)
            _tool("pg_restore", "--exit-on-error", "--jobs=2", f"--dbname={target} dbname={scratch}", str(path))
            source, restored = content(server, name), content(server, scratch)
        finally:
            _drop(server, scratch)
    require_same(name, source, restored)
    return Kept(
        tenant=name,
        kind="dump",
        path=str(path),
        sha256=checksum(path),
        size=path.stat().st_size,
        tables=len(restored.rows),
        rows=sum(restored.rows.values()),
    )


def predicted(kind: Kind, name: str) -> Kept:
    """What check mode knows of a copy: its place."""
    return Kept(tenant=name, kind=kind, path=str(_place(kind, name)), sha256="", size=0)


def _place(kind: Kind, name: str) -> Path:
    return WORK / (f"{name}.dump" if kind == "dump" else f"{name}-filestore.tar")


def _work() -> Path:
    WORK.mkdir(mode=0o700, parents=True, exist_ok=True)
    return WORK


@contextmanager
def _credentials(server: Server) -> Iterator[str]:
    """What libpq's tools are told; the password stands in a file that vanishes afterwards."""
    with tempfile.NamedTemporaryFile("w", prefix="erpops-", suffix=".pgpass") as passfile:
        passfile.write(render.pgpass(server.user, server.password))
        passfile.flush()
        yield (
            f"host={','.join(server.hosts)} port={server.port} user={server.user} passfile={passfile.name}"
            f" sslmode=verify-full sslrootcert={server.ca_file} target_session_attrs=read-write connect_timeout=10"
        )


def _tool(*command: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=TOOL_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise Unreachable(f"This host has no {command[0]}: run the step on a host of group postgres.") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{command[0]} did not end within {TOOL_SECONDS} seconds.") from error
    if done.returncode:
        raise ErpopsError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")


def _create(server: Server, name: str) -> None:
    with connect(server, "postgres") as connection, translated(f"Creating database {name}"):
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
        connection.execute(statement.format(sql.Identifier(name)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def _drop(server: Server, name: str) -> None:
    with connect(server, "postgres") as connection, translated(f"Dropping database {name}"):
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def content(server: Server, name: str) -> Content:
    """Every table counted and every sequence read, at one moment."""
    with connect(server, name) as connection, translated(f"Counting database {name}"), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows = {}
        for table in tables:
            identifier = sql.Identifier(table["schemaname"], table["tablename"])
            row = connection.execute(sql.SQL("SELECT count(*) AS rows FROM {}").format(identifier)).fetchone()
            rows[f"{table['schemaname']}.{table['tablename']}"] = int(row["rows"]) if row else 0
        sequences = connection.execute("SELECT schemaname, sequencename, last_value FROM pg_sequences").fetchall()
    return Content(rows, {f"{row['schemaname']}.{row['sequencename']}": row["last_value"] for row in sequences})


def filestores(names: Sequence[str]) -> list[str]:
    """Those of the names whose data lies on this host."""
    return sorted(name for name in names if Path(model.DATA_ROOT, name).is_dir())


def archive(name: str) -> Kept:
    """A tar of the tenant's data; its units must rest."""
    _require_stopped(name)
    _work()
    path = _place("filestore", name)
    files = 0
    path.touch(mode=0o600)
    with tarfile.open(path, "w") as tar:
        for member in sorted(Path(model.DATA_ROOT, name).rglob("*")):
            # Sessions and the garbage collector's marks are nothing to come back to.
            if member.relative_to(model.DATA_ROOT).parts[1] == "sessions" or "checklist" in member.parts:
                continue
            tar.add(member, arcname=str(member.relative_to(model.DATA_ROOT)), recursive=False)
            files += member.is_file()
    return Kept(
        tenant=name,
        kind="filestore",
        path=str(path),
        sha256=checksum(path),
        size=path.stat().st_size,
        files=files,
    )


def _require_stopped(name: str) -> None:
    services = [model.web_service(name), model.cron_service(name)]
    running = [
        service for service, unit in unit_client.show(services).items() if unit.active not in ("inactive", "failed")
    ]
    if running:
        cure = "Bring the tenant's units down first: 'state: absent', then tenant_units."
        raise Refused(
            "A tenant that is being removed still runs. Nothing was copied.",
            [Problem(f"tenant {name}", "unit", ", ".join(running), cure)],
        )


def is_kept(item: Kept, folder: Path) -> bool:
    place = folder / Path(item.path).name
    return (folder / f"{item.kind}.json").exists() and place.exists() and checksum(place) == item.sha256


def require_whole(item: Kept, arrived: Path) -> None:
    """What arrived is what was sent; in check mode it may not be there yet."""
    if not arrived.exists():
        return
    found = checksum(arrived)
    if found != item.sha256:
        raise Refused(
            "A copy did not arrive as it was sent. Nothing was dropped.",
            [Problem(f"tenant {item.tenant}", item.kind, found, f"It should be {item.sha256}: run again.")],
        )


def keep(item: Kept, incoming: Path, folder: Path) -> Kept:
    """What arrived, if it is what was sent, in its place. A file that is there already is compared again."""
    place = folder / Path(item.path).name
    arrived = incoming / Path(item.path).name
    require_whole(item, arrived)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if arrived.exists():
        _keep_older(place, item.sha256)
        arrived.replace(place)
        place.chmod(0o600)
    if not place.exists() or checksum(place) != item.sha256:
        raise Refused(
            "A copy is not in the store. Nothing was dropped.",
            [Problem(f"tenant {item.tenant}", item.kind, str(place), "Bring it there, or run the steps before again.")],
        )
    (folder / f"{item.kind}.json").write_text(json.dumps({**item.as_dict(), "path": str(place)}, indent=2) + "\n")
    os.sync()
    return Kept(**{**item.as_dict(), "path": str(place)})


def _keep_older(place: Path, sha256: str) -> None:
    """A tenant of the same name may have been removed before: its copy stays beside the new one."""
    if place.exists() and checksum(place) != sha256:
        number = next(number for number in range(1, 10_000) if not place.with_name(f"{place.name}.{number}").exists())
        place.rename(place.with_name(f"{place.name}.{number}"))


def kept_before(names: Sequence[str], store: Path) -> list[Kept]:
    """What an earlier run, which was killed after it dropped a database, has kept whole."""
    found = []
    for record in (store / name / f"{kind}.json" for name in names for kind in ("dump", "filestore")):
        if record.exists():
            item = kept_from(json.loads(record.read_text(encoding="utf-8")))
            if is_kept(item, record.parent):
                found.append(item)
    return found


def forget(name: str) -> None:
    """Delete a tenant's data and the copies that were only made to be taken away."""
    _require_stopped(name)
    shutil.rmtree(Path(model.DATA_ROOT, name))
    _place("filestore", name).unlink(missing_ok=True)
