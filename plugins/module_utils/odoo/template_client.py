# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds template databases: as ``<name>__building``, finished and sealed, then renamed. A killed build starts anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.estate.allocation import FIRST_UID
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import podman, render
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.database import Login, connection
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.podman import OneShot
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.template import PREFIX, Cluster, DatabaseLive, Template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

with suppress(ImportError):  # ``postgres.client`` keeps the reason; modules report it
    from psycopg import sql

BUILD_ROOT = Path("/var/lib/erpops/templates")
BUILD_UID = FIRST_UID - 1  # no tenant has it
BUILD_SECONDS = 3600
EXTENSIONS = ("pg_trgm", "unaccent")
# The role that owns template databases, where it exists: then a clone's REASSIGN OWNED does not take them along.
OWNER_ROLE = "erpops_template_owner"

# Runs in ``odoo shell``: files into the database, so that a clone needs none; the assets that a login needs made
# beforehand (all that there are would be 60 MB to copy, most of them for tests).
FINISH = """\
parameters = env["ir.config_parameter"].sudo()
parameters.set_param("ir_attachment.location", "db")
qweb = env["ir.qweb"]
if hasattr(qweb, "_get_bundles_to_pregenarate"):
    usual = {
        "web.assets_web", "web.assets_web_print", "web.assets_frontend", "web.assets_frontend_lazy",
        "web.assets_frontend_minimal", "web.report_assets_common", "web.report_assets_pdf",
    }
    scripts, styles = qweb._get_bundles_to_pregenarate()
    for bundle in sorted(usual.intersection(scripts)):
        qweb._get_asset_bundle(bundle, css=False, js=True).js()
    for bundle in sorted(usual.intersection(styles)):
        qweb._get_asset_bundle(bundle, css=True, js=False).css()
else:
    # A page has the order of the modules in its assets, which only a request knows: stand in for one.
    import odoo.http
    from odoo.addons.base.models import ir_qweb as rendering
    from odoo.addons.web.controllers import main as pages

    odoo.http.root.load_addons()
    boot, nobody = pages.module_boot, rendering.request
    pages.module_boot = lambda: boot(env.cr.dbname)
    rendering.request = True
    for bundle in (
        "web.assets_common", "web.assets_backend", "web.assets_backend_prod_only", "web.assets_frontend",
        "web.assets_common_minimal_js", "web.assets_frontend_minimal_js", "web.assets_common_lazy",
        "web.assets_frontend_lazy",
    ):
        if env.ref(bundle, raise_if_not_found=False):
            qweb._get_asset_nodes(bundle, {})
    pages.module_boot, rendering.request = boot, nobody
anywhere = ["|", ("res_field", "=", False), ("res_field", "!=", False)]
for attachment in env["ir.attachment"].sudo().search(["&", ("store_fname", "!=", False)] + anywhere):
    attachment.write({"raw": attachment.raw, "mimetype": attachment.mimetype})
parameters.search([("key", "=", "ir_attachment.location")]).unlink()
env.cr.commit()
"""

# What a birth must not inherit: no login works until the tenant's own password is set.
CLEAN = (
    "UPDATE res_users SET password = NULL",
    "DELETE FROM res_users_log",
    "DELETE FROM ir_logging",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Who builds and how the clusters are reached: each by a port of its own, and by a name if its login holds one."""

    login: Login

    def at(self, cluster: Cluster, database: str) -> Login:
        host = self.login.host.replace("{cluster}", cluster.name)
        return replace(self.login, host=host, port=cluster.port, database=database)


def live(builder: Builder, clusters: Iterable[Cluster]) -> dict[str, dict[str, DatabaseLive]]:
    return {cluster.name: _databases(builder, cluster) for cluster in clusters}


def _databases(builder: Builder, cluster: Cluster) -> dict[str, DatabaseLive]:
    with connection(builder.at(cluster, "postgres")) as opened:
        rows = opened.execute(
            "SELECT datname, pg_get_userbyid(datdba), datistemplate, datallowconn"
            " FROM pg_database WHERE starts_with(datname, %s)",
            [PREFIX],
        ).fetchall()
    return {str(name): DatabaseLive(str(owner), bool(template), bool(open_)) for name, owner, template, open_ in rows}


def build(builder: Builder, template: Template) -> None:
    """From nothing to a sealed template."""
    with connection(builder.at(template.cluster, "postgres")) as opened, _locked(opened, template):
        _drop(opened, template.building)
        _create(opened, template.building)
        _fill(builder, template)
        _finish(builder, template)
        _seal(opened, template)


@contextmanager
def _locked(opened: Connection[tuple[Any, ...]], template: Template) -> Iterator[None]:
    """Held by the session, so that a killed build holds nothing."""
    row = opened.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [template.database]).fetchone()
    if row != (True,):
        raise Refused(f"Another run builds template database {template.database} at this moment: wait for its end.")
    yield


def _drop(opened: Connection[tuple[Any, ...]], name: str) -> None:
    found = opened.execute("SELECT datistemplate FROM pg_database WHERE datname = %s", [name]).fetchone()
    if found is None:
        return
    if found[0]:
        opened.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name)))
    opened.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(opened: Connection[tuple[Any, ...]], name: str) -> None:
    """Collated as Odoo does it itself."""
    row = opened.execute(
        "SELECT pg_has_role(current_user, oid, 'SET') FROM pg_roles WHERE rolname = %s", [OWNER_ROLE]
    ).fetchone()
    owner = sql.Identifier(OWNER_ROLE) if row == (True,) else sql.SQL("DEFAULT")
    statement = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
    opened.execute(sql.SQL(statement).format(sql.Identifier(name), owner))
    opened.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def _fill(builder: Builder, template: Template) -> None:
    """Odoo itself makes the schema, in a container that ends."""
    folder = BUILD_ROOT / template.build_name
    shutil.rmtree(folder, ignore_errors=True)
    login = builder.at(template.cluster, template.building)
    with connection(login) as opened:
        for extension in EXTENSIONS:
            opened.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
    try:
        _write_config(folder, template, login)
        podman.run(_container(folder, template, login))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_config(folder: Path, template: Template, login: Login) -> None:
    database = render.Database(
        name=login.database, user=login.user, host=login.host, port=login.port, sslmode=login.sslmode
    )
    config, data = folder / "config", folder / "data"
    for directory in (config, data):
        directory.mkdir(mode=0o700, parents=True)
    contents = {
        "odoo.conf": render.build_conf(template.instance, database),
        "pgpass": render.pgpass(login.user, login.password),
        "finish.py": FINISH,
    }
    for name, content in contents.items():
        path = config / name
        path.touch(mode=0o400)
        path.write_text(content)
        os.chown(path, BUILD_UID, BUILD_UID)
    for directory in (config, data):
        os.chown(directory, BUILD_UID, BUILD_UID)


def _container(folder: Path, template: Template, login: Login) -> OneShot:
    modules = ",".join(["base", *template.instance.modules])
    script = (
        f"odoo --config=/etc/odoo/odoo.conf --no-http --stop-after-init --init={modules}"
        " && odoo shell --config=/etc/odoo/odoo.conf --no-http < /etc/odoo/finish.py"
    )
    environment = [("HOME", render.DATA_PATH), ("PGPASSFILE", "/etc/odoo/pgpass")]
    volumes = [f"{folder}/config:/etc/odoo:ro", f"{folder}/data:{render.DATA_PATH}:rw"]
    if login.ca_file:
        environment.append(("PGSSLROOTCERT", login.ca_file))
        volumes.append(f"{login.ca_file}:{login.ca_file}:ro")
    return OneShot(
        name=f"erpops-{template.build_name}",
        image=template.instance.image,
        command=("sh", "-c", script),
        user=BUILD_UID,
        network="host",  # HAProxy listens on the host's loopback
        volumes=tuple(volumes),
        environment=tuple(environment),
        seconds=BUILD_SECONDS,
    )


def _finish(builder: Builder, template: Template) -> None:
    with connection(builder.at(template.cluster, template.building)) as opened:
        installed = {
            str(name)
            for (name,) in opened.execute("SELECT name FROM ir_module_module WHERE state = 'installed'").fetchall()
        }
        missing = sorted({"base", *template.instance.modules} - installed)
        if missing:
            raise ErpopsError(
                f"Template {template.database} of instance {template.instance.name}: Odoo did not install"
                f" {', '.join(missing)}. See that image {template.instance.image} has them."
            )
        for statement in CLEAN:
            opened.execute(statement.encode())
        row = opened.execute("SELECT count(*) FROM ir_attachment WHERE store_fname IS NOT NULL").fetchone()
        if row != (0,):
            raise ErpopsError(f"Template {template.database}: attachments stayed outside the database: {row}.")
        opened.execute("VACUUM (ANALYZE)")


def _seal(opened: Connection[tuple[Any, ...]], template: Template) -> None:
    building, final = sql.Identifier(template.building), sql.Identifier(template.database)
    opened.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(building))
    opened.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(building, final))
