# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member whose copy does not fit onto the target as that is now: said before anything is written on either side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from contracts.harness import LabHost

from integration.waves.live import Waves
from integration.waves.test_check_mode import seen
from integration.waves.test_moves import restart_source

NAME = "unfit"
LOCALE = "xx_XX.UTF-8"
EXTENSIONS = "/usr/share/postgresql/13/extension"


def with_locale(host: LabHost) -> None:
    """A locale of the host's own: what C.UTF-8 is, by another name."""
    host.shell("rm -rf /usr/lib/locale/xx_XX.utf8; cp -a /usr/lib/locale/C.[Uu]* /usr/lib/locale/xx_XX.utf8")


@contextmanager
def unfit(waves: Waves) -> Iterator[None]:
    """A source with a locale and an extension that the target has never heard of."""
    with_locale(waves.legacy)
    control = "default_version = '1'\\nrelocatable = true\\n"
    waves.legacy.shell(f'printf "{control}" > {EXTENSIONS}/x_rare.control; : > {EXTENSIONS}/x_rare--1.sql')
    waves.remove(NAME)
    waves.source_sql(f"CREATE DATABASE {NAME}_old TEMPLATE template0 OWNER odoo ENCODING 'UTF8' LC_COLLATE '{LOCALE}'"
                     f" LC_CTYPE '{LOCALE}'")  # fmt: skip
    waves.source_sql("CREATE TABLE x_acks (id serial PRIMARY KEY, text text)", f"{NAME}_old", "odoo")
    waves.source_sql("CREATE EXTENSION x_rare", f"{NAME}_old")
    try:
        yield
    finally:
        waves.remove(NAME)
        for host in (waves.legacy, waves.target):
            host.shell(f"rm -rf /usr/lib/locale/xx_XX.utf8 {EXTENSIONS}/x_rare*")


def refused(waves: Waves, verb: str, **more: Any) -> str:
    before = seen(waves, NAME)
    for check in (True, False):
        said = waves.run(verb, NAME, check=check, **more)
        assert said.get("failed"), said
        assert seen(waves, NAME) == before, f"{verb}, check mode {check}: something was changed"
    return str(said["msg"])


def test_what_the_target_lacks_is_said_all_at_once(waves: Waves) -> None:
    disk = {"folder": "/srv/data", "free_bytes": 10**6, "size_bytes": 10**9, "device": "1"}
    with unfit(waves):
        said = refused(waves, "prepare", room={"db1": {"room": {"data": disk, "wal": disk}}})
        assert f"A copy of member {NAME} does not fit" in said
        assert f"the target's primary: locale is '{LOCALE}'" in said and "locale-gen" in said
        assert "the target's primary: extension is 'x_rare'" in said
        assert "host db1: /srv/data is '0 MB free'" in said
        with_locale(waves.target)
        waves.source_sql("DROP EXTENSION x_rare", f"{NAME}_old")
        if waves.done("prepare", NAME)["restart_needed"]:
            restart_source(waves)
        room = {"db1": {"room": {"spool": {**disk, "folder": "/srv/spool"}}}}
        assert "host db1: /srv/spool is '0 MB free'" in refused(waves, "seed", spool_room=room)
        waves.target.shell("rm -rf /usr/lib/locale/xx_XX.utf8")
        assert f"locale is '{LOCALE}'" in refused(waves, "seed")
        with_locale(waves.target)
        assert waves.done("seed", NAME, filestore=None)["state"] == "following"
        found = waves.target_sql(f"SELECT datcollate FROM pg_database WHERE datname = '{NAME}'")
        assert found == LOCALE
