# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's tables, appending to them, and locks. One transaction under one advisory lock for every write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.chain import chained
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import START, Entry, Head, Lock, Pending
from ansible_collections.erpops.odoo.plugins.module_utils.postgres import client
from ansible_collections.erpops.odoo.plugins.module_utils.postgres.client import Row, Server

if TYPE_CHECKING:
    import psycopg

CHAIN_LOCK = 7_310_102  # a number that only this collection uses
BATCH = 1000

SCHEMA: LiteralString = r"""
    CREATE SCHEMA ledger;
    CREATE TABLE ledger.entry (
        position bigint PRIMARY KEY CHECK (position > 0),
        body text NOT NULL,
        prev_hash text NOT NULL UNIQUE,
        hash text NOT NULL UNIQUE,
        id text NOT NULL UNIQUE GENERATED ALWAYS AS (body::jsonb ->> 'id') STORED,
        operation text NOT NULL GENERATED ALWAYS AS (body::jsonb ->> 'operation') STORED,
        event text NOT NULL GENERATED ALWAYS AS (body::jsonb ->> 'event') STORED,
        CONSTRAINT entry_hash CHECK (hash = encode(sha256(convert_to(prev_hash || E'\n' || body, 'UTF8')), 'hex')),
        CONSTRAINT entry_position CHECK ((body::jsonb ->> 'position')::bigint = position)
    );
    CREATE INDEX entry_operation ON ledger.entry (operation);
    COMMENT ON TABLE ledger.entry IS 'Append-only: each entry is hashed with the hash of the one before';
    CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only: % on ledger.entry is refused', TG_OP;
    END $$;
    CREATE FUNCTION ledger.follow() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        last record;
    BEGIN
        SELECT position, hash INTO last FROM ledger.entry ORDER BY position DESC LIMIT 1;
        IF NEW.position <> coalesce(last.position, 0) + 1 OR NEW.prev_hash <> coalesce(last.hash, repeat('0', 64)) THEN
            RAISE EXCEPTION 'entry % does not follow the last one of the ledger', NEW.position;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER follow BEFORE INSERT ON ledger.entry FOR EACH ROW EXECUTE FUNCTION ledger.follow();
    CREATE TRIGGER refuse_rows BEFORE UPDATE OR DELETE ON ledger.entry
        FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger.entry
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
    ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER follow;
    ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER refuse_rows;
    ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER refuse_truncate;
    CREATE TABLE ledger.lock (
        name text PRIMARY KEY,
        operation text NOT NULL,
        owner text NOT NULL,
        playbook text NOT NULL,
        since timestamptz NOT NULL DEFAULT now()
    );
    CREATE VIEW ledger.operation AS
        SELECT begun.operation AS id,
               begun.body::jsonb #>> '{content,playbook}' AS playbook,
               begun.body::jsonb #>> '{content,operator}' AS operator,
               begun.body::jsonb #>> '{content,change_ticket}' AS change_ticket,
               begun.body::jsonb #>> '{content,commit}' AS commit,
               (begun.body::jsonb ->> 'at')::timestamptz AS started_at,
               (ended.body::jsonb ->> 'at')::timestamptz AS ended_at,
               ended.body::jsonb #>> '{content,result}' AS result
        FROM ledger.entry AS begun
        LEFT JOIN ledger.entry AS ended ON ended.operation = begun.operation AND ended.event = 'end'
        WHERE begun.event = 'begin';
"""
EXISTS: LiteralString = """
    SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'ledger' AND c.relname = 'entry'
"""
HEAD: LiteralString = "SELECT position, hash FROM ledger.entry ORDER BY position DESC LIMIT 1"
LOCKED: LiteralString = """
    SELECT name, operation, owner, playbook, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') AS since,
           extract(epoch FROM now() - since)::int AS age_seconds
    FROM ledger.lock WHERE name = %s
"""
TAKE: LiteralString = """
    INSERT INTO ledger.lock (name, operation, owner, playbook) VALUES (%s, %s, %s, %s)
    ON CONFLICT (name) DO UPDATE
    SET operation = excluded.operation, owner = excluded.owner, playbook = excluded.playbook, since = now()
"""


@contextmanager
def opened(server: Server) -> Iterator[psycopg.Connection[Row]]:
    """A connection to the ledger, whose database and tables are made when they are not there."""
    connection, there = client.connect_estate(server)
    if not there:
        connection.close()
        client.create_estate_database(server)
        connection = client.connect(server, client.ESTATE_DATABASE)
    with connection, client.translated("Writing to the ledger"):
        if not _exists(connection):
            with writing(connection):
                if not _exists(connection):  # another host may have been first
                    connection.execute(SCHEMA)
        yield connection


def _exists(connection: psycopg.Connection[Row]) -> bool:
    """Asks the tables of the catalogue: ``to_regclass`` may answer from before a lock was waited for."""
    return connection.execute(EXISTS).fetchone() is not None


@contextmanager
def writing(connection: psycopg.Connection[Row]) -> Iterator[None]:
    """One transaction at a time, over all hosts."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
        yield


def append(connection: psycopg.Connection[Row], pending: Sequence[Pending]) -> int:
    """Chain what is not there yet; within ``writing``. Returns how many were."""
    ids = [entry.id for entry in pending]
    found = connection.execute("SELECT id FROM ledger.entry WHERE id = ANY(%s)", [ids]).fetchall()
    known = {row["id"] for row in found}
    last, added = head(connection), 0
    for one in pending:
        if one.id not in known:
            entry = chained(one, last)
            connection.execute(
                "INSERT INTO ledger.entry (position, body, prev_hash, hash) VALUES (%s, %s, %s, %s)",
                [entry.position, entry.body, entry.prev_hash, entry.hash],
            )
            known.add(one.id)
            last, added = Head(position=entry.position, hash=entry.hash), added + 1
    return added


def head(connection: psycopg.Connection[Row]) -> Head:
    row = connection.execute(HEAD).fetchone()
    return Head(position=row["position"], hash=row["hash"]) if row else START


def lock_of(connection: psycopg.Connection[Row], name: str) -> Lock | None:
    row = connection.execute(LOCKED, [name]).fetchone()
    return Lock(**row) if row else None


def take_lock(connection: psycopg.Connection[Row], name: str, operation: str, owner: str, playbook: str) -> None:
    connection.execute(TAKE, [name, operation, owner, playbook])


def release_locks(connection: psycopg.Connection[Row], operation: str) -> list[str]:
    """Every lock of an operation; returns their names."""
    rows = connection.execute("DELETE FROM ledger.lock WHERE operation = %s RETURNING name", [operation]).fetchall()
    return sorted(row["name"] for row in rows)


def release_lock(connection: psycopg.Connection[Row], name: str) -> None:
    connection.execute("DELETE FROM ledger.lock WHERE name = %s", [name])


def entries(server: Server) -> Iterator[Entry]:
    """The whole chain in order, a batch at a time. Nothing is made: a ledger that is not there is an error."""
    with client.connect(server, client.ESTATE_DATABASE) as connection, client.translated("Reading the ledger"):
        if not _exists(connection):
            raise ErpopsError(f"Database {client.ESTATE_DATABASE} has no ledger. It was never written to, or removed.")
        with connection.transaction(), connection.cursor(name="ledger") as cursor:
            cursor.itersize = BATCH
            cursor.execute("SELECT position, body, prev_hash, hash FROM ledger.entry ORDER BY position")
            for row in cursor:
                yield Entry(**row)
