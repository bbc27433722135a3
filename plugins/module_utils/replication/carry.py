# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What logical replication does not carry, from one side to the other: sequences, large objects, unlogged tables,
materialized views. Rights, settings and comments: ``beside``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import translated
from ansible_collections.erpops.odoo.plugins.module_utils.replication import client, statements
from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import execute, one, rows
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import OLDEST_LOGICAL, Table

with suppress(ImportError):  # the client reports it
    from psycopg import sql

if TYPE_CHECKING:
    from ansible_collections.erpops.odoo.plugins.module_utils.replication.client import Connection

CHUNK = 4 * 1024 * 1024
WRITE = 0x20000  # INV_WRITE


def sequences(giver: Connection, taker: Connection, owner: str) -> int:
    """Every sequence, owned or free, as it is on the giver: what is new there is made, what is gone there is dropped.

    Returns how many.
    """
    return set_sequences(client.sequences(giver), taker, owner)


def set_sequences(found: Sequence[client.Row], taker: Connection, owner: str) -> int:
    there = {(row["schema"], row["name"]) for row in client.sequences(taker)}
    typed = taker.info.server_version >= OLDEST_LOGICAL
    with translated("Setting sequences"), taker.pipeline(), taker.transaction():
        for gone in sorted(there - {(row["schema"], row["name"]) for row in found}):
            taker.execute(sql.SQL("DROP SEQUENCE {}").format(sql.Identifier(*gone)))
        for row in found:
            name = sql.Identifier(row["schema"], row["name"])
            if (row["schema"], row["name"]) not in there:
                taker.execute(_create_sequence(name, row, typed))
                taker.execute(sql.SQL("ALTER SEQUENCE {} OWNER TO {}").format(name, sql.Identifier(owner)))
            value = row["start"] if row["last"] is None else row["last"]
            taker.execute(
                "SELECT setval((quote_ident(%s) || '.' || quote_ident(%s))::regclass, %s, %s)",
                [row["schema"], row["name"], value, row["last"] is not None],
            )
    return len(found)


def _create_sequence(name: sql.Identifier, row: client.Row, typed: bool) -> sql.Composed:
    kind, cycle = f"AS {row['type']} " if typed else "", "CYCLE" if row["cycle"] else "NO CYCLE"
    form = f"CREATE SEQUENCE {{}} {kind}INCREMENT {{}} MINVALUE {{}} MAXVALUE {{}} START {{}} CACHE {{}} {cycle}"
    values = [sql.Literal(row[key]) for key in ("increment", "min", "max", "start", "cache")]
    return sql.SQL(form).format(name, *values)


def raise_owned(connection: Connection) -> tuple[int, list[str]]:
    """Where nobody can be asked how far a sequence is: at least as far as the column that it numbers.

    Returns how many were raised, and the names of those that number no column.
    """
    known = {(row["schema"], row["name"]): row for row in client.sequences(connection)}
    raised, owned = 0, set[tuple[str, str]]()
    with translated("Raising sequences"):
        for row in rows(connection, statements.OWNED_SEQUENCES):
            place = (row["schema"], row["name"])
            owned.add(place)
            given = known[place]
            if given["increment"] > 0:
                least = given["min"] if given["last"] is None else given["last"] + 1
                table = Table(schema=row["table_schema"], name=row["table_name"])
                name, column = sql.Identifier(*place), row["column_name"]
                text = statements.raise_sequence(name, table, column, least, given["max"])
                raised += len(rows(connection, text))
    return raised, [f"{schema}.{name}" for schema, name in sorted(known.keys() - owned)]


def large_objects(giver: Connection, taker: Connection, owner: str) -> int:
    """Those that differ, and none that the giver does not have. Returns how many were written or removed."""
    with translated("Copying large objects"):
        wanted = {row["oid"]: row["sum"] for row in rows(giver, statements.LARGE_OBJECTS)}
        there = {row["oid"]: row["sum"] for row in rows(taker, statements.LARGE_OBJECTS)}
        gone = [oid for oid in there if wanted.get(oid) != there[oid]]
        written = [oid for oid in wanted if there.get(oid) != wanted[oid]]
        with taker.transaction():
            for oid in gone:
                taker.execute("SELECT lo_unlink(%s)", [oid])
            for oid in written:
                _large_object(giver, taker, oid, owner)
    return len(set(gone) | set(written))


def _large_object(giver: Connection, taker: Connection, oid: int, owner: str) -> None:
    taker.execute("SELECT lo_create(%s)", [oid])
    offset = 0
    while True:
        row = one(giver, "SELECT lo_get(%s, %s, %s) AS data", [oid, offset, CHUNK])
        data = bytes(row["data"]) if row else b""
        if not data:
            break
        taker.execute("SELECT lo_put(%s, %s, %s)", [oid, offset, data])
        offset += len(data)
    form = sql.SQL("ALTER LARGE OBJECT {} OWNER TO {}")
    taker.execute(form.format(sql.Literal(oid), sql.Identifier(owner)))


def unlogged(giver: Connection, taker: Connection) -> int:
    """The rows of unlogged tables, anew. Returns how many tables."""
    names = [facts.table for facts, persistence in client.tables(giver) if persistence == "u"]
    with translated("Copying unlogged tables"), taker.transaction():
        execute(taker, "SET LOCAL session_replication_role = replica")  # no triggers, no foreign keys
        for table in names:
            copy_rows(giver, taker, table)
    return len(names)


def copy_rows(giver: Connection, taker: Connection, table: Table) -> None:
    """All rows of a table, anew, inside the taker's transaction."""
    name = statements.name_of(table)
    taker.execute(sql.SQL("DELETE FROM ONLY {}").format(name))
    columns = rows(
        giver,
        "SELECT attname FROM pg_attribute WHERE attrelid = (quote_ident(%s) || '.' || quote_ident(%s))::regclass"
        " AND attnum > 0 AND NOT attisdropped AND coalesce(to_jsonb(pg_attribute) ->> 'attgenerated', '') = ''"
        " ORDER BY attnum",
        [table.schema, table.name],
    )
    listed = sql.SQL(", ").join(sql.Identifier(row["attname"]) for row in columns)
    out = sql.SQL("COPY (SELECT {} FROM ONLY {}) TO STDOUT").format(listed, name)
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(name, listed)
    with giver.cursor() as reader, taker.cursor() as writer, reader.copy(out) as given, writer.copy(into) as taken:
        for data in given:
            taken.write(data)


def materialized_views(connection: Connection) -> int:
    found = rows(connection, statements.MATERIALIZED)
    with translated("Refreshing materialized views"):
        for row in found:
            name = sql.Identifier(row["schema"], row["name"])
            execute(connection, sql.SQL("REFRESH MATERIALIZED VIEW {}").format(name))
    return len(found)
