# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two throwaway PostgreSQL clusters beside the test, as the source and the target of a member."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from integration.tenant_databases import live

from contracts.harness import System, local

SOURCE_PORT, TARGET_PORT = 5493, 5494
WAVE_PASSWORD = "the password of the subscriptions"
TENANT_PASSWORD = "the password of the tenant"
LOGIN_PASSWORD = "the password of sampled users"
SCHEMA = (
    "CREATE TABLE sale (id serial PRIMARY KEY, text text)",
    "INSERT INTO sale (text) SELECT 'row ' || g FROM generate_series(1, 20) AS g",
    "CREATE TABLE old_rel (a int NOT NULL, b int NOT NULL, UNIQUE (a, b))",
    "CREATE TABLE log (line text)",
    "CREATE FUNCTION lowered(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)'",
    "CREATE INDEX lowered ON sale (lowered(text))",
)
# As much of Odoo as a rehearsal needs to know.
ODOO = (
    "CREATE TABLE ir_config_parameter (id serial PRIMARY KEY, key varchar UNIQUE, value text)",
    "INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', 'one'), ('x.api_key', 'hunter2')",
    "CREATE TABLE ir_cron (id serial PRIMARY KEY, active boolean)",
    "INSERT INTO ir_cron (active) VALUES (true), (true)",
    "CREATE TABLE ir_mail_server (id serial PRIMARY KEY, name varchar, smtp_host varchar, smtp_pass varchar,"
    " active boolean)",
    "CREATE TABLE ir_model_data (id serial PRIMARY KEY, module varchar, name varchar, model varchar, res_id int)",
    "INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'autovacuum_job', 'ir.cron', 1)",
    "CREATE TABLE res_users (id serial PRIMARY KEY, login varchar, password varchar, active boolean, share boolean)",
    "INSERT INTO res_users (login, active) VALUES ('__system__', false), ('admin', true), ('anna', true)",
    "CREATE TABLE res_users_log (id serial PRIMARY KEY, create_uid int, create_date timestamp)",
    "CREATE TABLE res_groups_users_rel (gid int NOT NULL, uid int NOT NULL, PRIMARY KEY (gid, uid))",
)


def tools() -> str:
    """PostgreSQL's own tools on this machine, which must be as new as the clusters."""
    return str(max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/bin")))


def _login(cluster: live.LiveCluster, password: str, **more: Any) -> dict[str, Any]:
    return {"host": [cluster.address], "port": cluster.port, "password": password, "sslmode": "require", **more}


def arguments(system: System, verb: str, **more: Any) -> dict[str, Any]:
    source, target = system.facts["source"], system.facts["target"]
    own: dict[str, dict[str, Any]] = {
        "prepare": {"role_password": WAVE_PASSWORD, "allow": ["settings", "role", "replica_identity", "functions"]},
        "seed": {
            "feed": _login(source, WAVE_PASSWORD),
            "tenant_password": TENANT_PASSWORD,
            "tools": tools(),
            "spool": system.facts["folder"] + "/spool",
        },
        "cutover": {"back": _login(target, WAVE_PASSWORD)},
        "rollback": {},
        "commit": {},
        "rehearse": {"login_password": LOGIN_PASSWORD},
    }
    return {
        **target.access,
        "member": "acme",
        "database": "acme_prod",
        "source": _login(source, live.PASSWORD, user="erpops_admin"),
        **own[verb],
        **more,
    }


def movers(*verbs: str, schema: Sequence[str] = SCHEMA) -> Callable[[], AbstractContextManager[System]]:
    """Both clusters, the member brought through these verbs, such as ``seed`` or ``cutover=ready`` for a state; without
    any its source is as a legacy host's.
    """

    @contextlib.contextmanager
    def opened() -> Iterator[System]:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            clusters = []
            for number, port in enumerate((SOURCE_PORT, TARGET_PORT)):
                place = Path(folder, str(number))
                place.mkdir()
                clusters.append(live.start(place, port))
                stack.callback(live.stop, clusters[-1])
            source, target = clusters
            for cluster in clusters if verbs else [target]:
                cluster.do("postgres", "ALTER SYSTEM SET wal_level = logical")
                cluster.power("stop")
                cluster.power("start")
            source.do("postgres", "CREATE ROLE odoo LOGIN", "CREATE DATABASE acme_prod OWNER odoo")
            source.do("acme_prod", "SET ROLE odoo", *schema)
            system = local(source=source, target=target, folder=folder)
            for each in verbs:
                verb, _equals, state = each.partition("=")
                live.run_module(f"wave_{verb}", arguments(system, verb, **({"state": state} if state else {})))
            yield system

    return opened


def both(system: System) -> object:
    """Who may connect where, what is published, followed and kept, what is set, and every row of both sides."""
    return repr([_one(system.facts["source"], "acme_prod"), _one(system.facts["target"], "acme")])


def _one(cluster: live.LiveCluster, database: str) -> list[Any]:
    found: list[Any] = [
        cluster.rows("postgres", query)
        for query in (
            "SELECT rolname, rolcanlogin, rolpassword FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1",
            "SELECT datname, datacl::text FROM pg_database ORDER BY 1",
            "SELECT slot_name FROM pg_replication_slots ORDER BY 1",
            "SELECT subname, subenabled FROM pg_subscription ORDER BY 1",
            "SELECT name, setting FROM pg_file_settings WHERE sourcefile ~ 'auto' ORDER BY 1",
        )
    ]
    if any(row["datname"] == database for row in found[1]):
        found += [
            cluster.rows(database, query)
            for query in (
                "SELECT pubname, obj_description(oid, 'pg_publication') FROM pg_publication ORDER BY 1",
                "SELECT relname, relreplident::text FROM pg_class WHERE relkind = 'r'"
                " AND relnamespace = 'public'::regnamespace ORDER BY 1",
                "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
                "SELECT * FROM sale ORDER BY id",
                "SELECT last_value FROM sale_id_seq",
            )
        ]
    return found
