# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_dump and pg_restore of the target's version: the only commands that are run here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Server
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Login

# A killed module takes its children with it, so that no orphan goes on writing.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
NOT_OURS = ("--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions", "--no-security-labels")
# Extensions are made beforehand by a superuser, and belong to it.
MADE_BEFORE = re.compile(r"^\d+; \d+ \d+ (EXTENSION|COMMENT) - (EXTENSION )?")
SECTIONS = ("pre-data", "data", "post-data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """folder: of the binaries. spool: where a dump lies while it is under way. jobs: at once, on each side."""

    folder: str
    spool: str
    jobs: int
    seconds: float


@contextmanager
def dumped(tools: Tools, name: str, source: Login, database: str, snapshot: str) -> Iterator[Path]:
    """A dump of the source as of an exported snapshot, or of now; gone afterwards, as are those of killed runs."""
    spool = Path(tools.spool)
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in spool.glob(f"{name}.*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=spool) as folder:
        place = Path(folder, "dump")
        _run(tools, source.parameters(), [
            "pg_dump", "--format=directory", f"--jobs={tools.jobs}", "--compress=1", "--no-sync",
            *([f"--snapshot={snapshot}"] if snapshot else []), *NOT_OURS, f"--file={place}", f"--dbname={database}",
        ])  # fmt: skip
        yield place


def restore(tools: Tools, place: Path, server: Server, database: str, owner: str, sections: Sequence[str]) -> None:
    """Sections of a dump into a database, everything owned by ``owner``."""
    listing = place.with_suffix(".list")
    if not listing.exists():
        lines = _run(tools, {}, ["pg_restore", "--list", str(place)]).splitlines()
        listing.write_text("\n".join(line for line in lines if not _made_before(line)) + "\n")
    _run(tools, _parameters(server), [
        "pg_restore", "--exit-on-error", f"--jobs={tools.jobs}", f"--use-list={listing}", f"--role={owner}", *NOT_OURS,
        "--no-tablespaces", *(f"--section={section}" for section in sections), f"--dbname={database}", str(place),
    ])  # fmt: skip


def archived(tools: Tools, server: Server, database: str, snapshot: str, path: Path) -> None:
    """One file with everything of a database as of an exported snapshot, but what ties it to others."""
    _run(tools, _parameters(server), [
        "pg_dump", "--format=custom", f"--snapshot={snapshot}", "--no-publications", "--no-subscriptions",
        f"--file={path}", f"--dbname={database}",
    ])  # fmt: skip
    path.chmod(0o600)


def restore_whole(tools: Tools, server: Server, database: str, path: Path) -> None:
    """Such a file into an empty database, as anybody would after a disaster."""
    _run(tools, _parameters(server), [
        "pg_restore", "--exit-on-error", f"--jobs={tools.jobs}", f"--dbname={database}", str(path),
    ])  # fmt: skip


def _parameters(server: Server) -> dict[str, str]:
    return {
        "host": ",".join(server.hosts), "port": str(server.port), "user": server.user, "password": server.password,
        "sslmode": "verify-full", "sslrootcert": server.ca_file, "target_session_attrs": "read-write",
    }  # fmt: skip


def _made_before(line: str) -> bool:
    found = MADE_BEFORE.match(line)
    return bool(found and (found[1] == "EXTENSION" or found[2]))


VARIABLES = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "target_session_attrs": "PGTARGETSESSIONATTRS",
}  # fmt: skip


def _run(tools: Tools, parameters: dict[str, str], command: Sequence[str]) -> str:
    """The output. The connection goes by environment: arguments are seen by every user of the host."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment.update({VARIABLES[name]: value for name, value in parameters.items()}, PGCONNECT_TIMEOUT="10")
    line = [*DIE_WITH_PARENT, str(Path(tools.folder, command[0])), *command[1:]]
    try:
        done = subprocess.run(
            line, env=environment, capture_output=True, text=True, timeout=tools.seconds, check=False, cwd="/"
        )
    except FileNotFoundError as error:
        raise ErpopsError(f"{command[0]} is not in {tools.folder}: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise ErpopsError(f"{command[0]} took more than {tools.seconds:g} seconds.") from error
    if done.returncode != 0:
        raise ErpopsError(f"{command[0]} failed: {' '.join(done.stderr.split())[-2000:]}")
    return done.stdout
