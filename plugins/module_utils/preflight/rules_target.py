# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PostgreSQL cluster that a member moves to, as it is declared."""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Subject

AREA = Area("PostgreSQL on the target")


@AREA.rule(
    "medium", "The target's cluster has no synchronous standby",
    "Give it a second member and leave synchronous out (postgres_clusters). Without, a failover takes away what the "
    "standby lacked: a following member must be copied anew, and users of a live one lose their last writes.",
)  # fmt: skip
def asynchronous_target(its: Subject) -> str:
    cluster = its.target.cluster if its.target else None
    if cluster is None or cluster["synchronous"]:
        return ""
    hosts = cluster["members"]
    if len(hosts) < 2:
        return f"Cluster {cluster['name']} is {', '.join(hosts)} alone."
    return f"Cluster {cluster['name']} ({', '.join(hosts)}) is declared with synchronous: false."
