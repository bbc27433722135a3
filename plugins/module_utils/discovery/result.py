# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of a host's records as the one JSON that docs/waves.md describes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.discovery import host as of_host
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.blockers import blockers
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.classify import classification
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.databases import databases, servers
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.installation import (
    installations,
    modules,
    origin,
    remote_servers,
    unattributed,
)
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import (
    Record,
    body_of,
    problems,
    rows,
    section,
)
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.routes import certificates, routes


def result(host: str, found: Sequence[Record]) -> dict[str, Any]:
    """The result of one host, without secrets, in the same order whenever the host is the same."""
    installed = installations(found)
    on_disk, core, unreadable_manifests = modules(found)
    by_name = {each["name"]: each for each in on_disk}
    on_disk = [{**each, "origin": origin(each["name"], each["author"], core, by_name)} for each in on_disk]
    certificate_list, unreadable_certificates = certificates(found)
    system = of_host.system(found)
    facts = {"odoo": installed, "remote_servers": remote_servers(installed, system["names"]), "system": system}
    clusters = []
    listed: list[dict[str, Any]] = []
    reported = [*problems(found), *unattributed(found, installed), *unreadable_manifests, *unreadable_certificates]
    activity: list[dict[str, Any]] = []
    for server, own in servers(found):
        read, wrong = databases(own, core, on_disk)
        reported += wrong
        activity += [{**each, "port": server["port"]} for each in rows(own, "activity")]
        for each in read:
            stops = blockers(each, server, facts)
            listed.append(
                {
                    **each,
                    "port": server["port"],
                    "blockers": stops,
                    "classification": classification(each, stops, on_disk),
                }
            )
        clusters.append((sum(1 for each in read if each["modules"]), server))
    clusters.sort(key=lambda each: -each[0])
    if not installed:
        reported.append({"part": "odoo", "message": "no configuration and no process of Odoo was found."})
    performance = of_host.performance(found, activity)
    reported += of_host.unmeasured(performance, listed)
    main = clusters[0][1] if clusters else {}
    return {
        "host": host,
        "collected_at": found[0].body.strip(),
        "system": system,
        "odoo": installed,
        "data_folders": [each for each in body_of(section(found, "odoo"), "data").split("\n") if each],
        "modules_on_disk": on_disk,
        "postgres": main,
        "other_postgres": [server for _count, server in clusters[1:]],
        "databases": listed,
        "crons": of_host.crons(found),
        "routes": routes(found),
        "certificates": certificate_list,
        "connections": of_host.connections(found, [each for _count, server in clusters for each in server["sessions"]]),
        "mail": of_host.mail(found),
        "performance": performance,
        "problems": reported,
    }
