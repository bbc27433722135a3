# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both sides of a member read by psql and sha1sum on the hosts themselves, and compared here."""

from __future__ import annotations

from dataclasses import dataclass

from integration.estate.live import Estate

Side = tuple[str, str]  # host and database
TENANTS = "/var/lib/erpops/tenants"
LEGACY = "/var/lib/odoo/.local/share/Odoo/filestore"
TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
    ORDER BY 1
"""
# Order and sum of whole rows as text: the same on every version of PostgreSQL for what Odoo stores.
SUM = (
    "SELECT '{table}|' || count(*) || '|' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '')"
    " FROM ONLY {table} AS t"
)


@dataclass(frozen=True)
class Difference:
    compared: int
    different: int


def rows(estate: Estate, source: Side, target: Side) -> Difference:
    """Rows of the source, and of tables that are not equal the rows of the larger side."""
    ours, theirs = (sums(estate, *side) for side in (source, target))
    different = 0
    for table in ours.keys() | theirs.keys():
        if ours.get(table) != theirs.get(table):
            different += max(ours.get(table, (1, ""))[0], theirs.get(table, (1, ""))[0], 1)
    return Difference(sum(count for count, _sum in ours.values()), different)


def sums(estate: Estate, host: str, database: str) -> dict[str, tuple[int, str]]:
    """Of each table the number of its rows, and one sum of them all."""
    tables = estate.psql(host, TABLES, database)
    lines = estate.psql(host, ";\n".join(SUM.format(table=table) for table in tables), database)
    parts = [line.split("|") for line in lines]
    return {name: (int(count), total) for name, count, total in parts}


def attachments(estate: Estate, source: Side, target: Side) -> Difference:
    """Files that the target's database knows: there, and with the content that their name is the sum of.

    What was missing or broken on the source before the move is no difference: it is looked up on both sides.
    """
    primary, name = target
    known = estate.psql(primary, "SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL", name)
    before, now = (_files(estate, *filestore(estate, side)) for side in (source, target))
    different = [
        each for each in known if now.get(each) != each.rpartition("/")[2] and now.get(each) != before.get(each)
    ]
    return Difference(len(known), len(different))


def filestore(estate: Estate, side: Side) -> tuple[str, str]:
    """The host and folder of one side's files."""
    host, database = side
    if host in estate.groups["legacy"]:
        return host, f"{LEGACY}/{database}"
    return estate.app_host(database), f"{TENANTS}/{database}/filestore/{database}"


def _files(estate: Estate, host: str, folder: str) -> dict[str, str]:
    """SHA-1 by name, as the host computes it."""
    asked = estate.run(host, "sh", "-c", f"cd {folder} && find . -type f -exec sha1sum {{}} +")
    assert asked.returncode == 0, asked.stderr
    lines = [line.split(maxsplit=1) for line in asked.stdout.splitlines()]
    return {name.removeprefix("./"): found for found, name in lines}


def not_once(estate: Estate, side: Side, names: list[str]) -> list[str]:
    """Contacts that are not there exactly once."""
    found = estate.psql(side[0], "SELECT name FROM res_partner WHERE name LIKE 'user at work %'", side[1])
    return [name for name in names if found.count(name) != 1]


def not_attached(estate: Estate, side: Side, attached: dict[str, str]) -> list[str]:
    """Attachments (name: SHA-1) without exactly one row that knows them, or without a file of that content."""
    query = (
        "SELECT name || '|' || checksum || '|' || store_fname FROM ir_attachment"
        " WHERE name LIKE 'user at work %' AND res_model = 'res.partner'"
    )
    found = [row.split("|") for row in estate.psql(side[0], query, side[1])]
    files = _files(estate, *filestore(estate, side))
    rows = [(name, checksum) for name, checksum, place in found if files.get(place) == checksum]
    known = [name for name, _checksum, _place in found]
    return [name for name, sent in attached.items() if known.count(name) != 1 or (name, sent) not in rows]
