# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostnames, the routes that lead to them, and certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import covered, hostname_of
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import (
    Area,
    Facts,
    Subject,
    given,
    listed,
    named,
)

AREA = Area("Hostnames, routes and certificates")
LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")
PLAIN_PORT = 80
ODOO_PORT = "8069"
EDGE_SECONDS = 720  # by default
SOON = timedelta(days=30)
SIZES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def serves(its: Subject, hostname: str) -> bool:
    """Whether Odoo answers this hostname with the database, by its db_name and dbfilter."""
    name = its.database["name"]
    for each in its.host["odoo"]:
        only, form = given(each["options"], "db_name"), given(each["options"], "dbfilter")
        if only:
            if name in [one.strip() for one in only.split(",")]:
                return True
            continue
        first = hostname.removeprefix("www.").partition(".")[0]
        form = (form or ".*").replace("%h", re.escape(hostname)).replace("%d", re.escape(first))
        try:
            if re.match(form, name):
                return True
        except re.error:
            continue
    return False


def own_routes(its: Subject) -> list[Facts]:
    """Routes of which at least one hostname leads to the database."""
    return [each for each in its.host["routes"] if any(serves(its, name) for name in each["hostnames"])]


def own_hostnames(its: Subject) -> list[str]:
    names = {name.lower() for each in own_routes(its) for name in each["hostnames"]}
    return sorted(name for name in names if "*" not in name and not name.startswith("~"))


def places(its: Subject) -> Iterator[tuple[str, Facts]]:
    """Each of the database's routes and locations by a name, with its options."""
    for route in own_routes(its):
        name = (route["hostnames"] or [route["path"]])[0]
        yield name, route["options"]
        for each in route["options"].get("locations", ()):
            yield f"{name}{each['location']}", each


def with_option(its: Subject, *options: str) -> list[str]:
    return sorted({name for name, values in places(its) if any(values.get(option) for option in options)})


@AREA.rule(
    "medium", "Hostnames lead to the database that the tenant does not have",
    "Declare them as hostnames of the tenant, or tell their users that they end with the host.",
)  # fmt: skip
def undeclared_hostnames(its: Subject) -> str:
    return named([name for name in own_hostnames(its) if name not in its.tenant.hostnames], "Not declared: {}.")


@AREA.rule(
    "low", "Declared hostnames have no route on the source",
    "See that they lead to the edge before the cutover, and that they are meant.",
)  # fmt: skip
def unrouted_hostnames(its: Subject) -> str:
    known = {name.lower() for each in its.host["routes"] for name in each["hostnames"]}
    return named([name for name in its.tenant.hostnames if name not in known], "{}.") if its.host["routes"] else ""


@AREA.rule(
    "medium", "Odoo's own address is none of the tenant's hostnames",
    "Declare it, or accept that links in sent mails, payments and logins that name it stop working.",
)  # fmt: skip
def base_url_undeclared(its: Subject) -> str:
    value = its.database["parameters"].get("web.base.url") or ""
    found = hostname_of(value)
    if value and not found:
        return f"web.base.url is {value}, which names no host."
    return f"web.base.url leads to {found}." if found and found not in its.tenant.hostnames else ""


@AREA.rule(
    "low", "Reports are made with an address of their own",
    "Delete parameter report.url after the cutover: the unit reaches itself.",
)  # fmt: skip
def report_url(its: Subject) -> str:
    value = its.database["parameters"].get("report.url")
    return f"report.url is {value}." if value else ""


@AREA.rule(
    "low", "Odoo's address changes with each administrator's login",
    "The estate freezes it to the tenant's first hostname (web.base.url.freeze): say so to administrators.",
)  # fmt: skip
def base_url_free(its: Subject) -> str:
    value = its.database["parameters"].get("web.base.url")
    frozen = its.database["parameters"].get("web.base.url.freeze")
    return f"web.base.url is {value} and is not frozen." if value and not frozen else ""


@AREA.rule(
    "low", "Wildcards or patterns are routed to the database",
    "The edge routes names that are declared: list those that are really used.",
)  # fmt: skip
def wildcard_hostnames(its: Subject) -> str:
    names = {name for each in its.host["routes"] for name in each["hostnames"] if "*" in name or name.startswith("~")}
    return named(sorted(names), "{}.")


@AREA.rule(
    "medium", "Larger files may be uploaded there than here", "Declare limits.body_mb of the tenant, or a larger tier.",
)  # fmt: skip
def smaller_uploads(its: Subject) -> str:
    limit = its.tenant.limits.body_mb
    found = [f"{value} ({name})" for name, values in places(its) for value in values.get("client_max_body_size", ())
             if limit is not None and too_large(value, limit)]  # fmt: skip
    return named(found, f"client_max_body_size is {{}}, the tenant may send {limit} MB.")


def too_large(value: Any, limit_mb: int) -> bool:
    match = re.match(r"(\d+)([kmg]?)$", str(value).lower())
    if match is None:
        return False
    size = int(match[1]) * SIZES[match[2]]
    return size == 0 or size > limit_mb * 1024**2  # 0 is no limit


@AREA.rule(
    "medium", "Addresses are let in or kept out by the proxy",
    "The edge does not know these lists: put them before the edge, or accept that they end.",
)  # fmt: skip
def address_lists(its: Subject) -> str:
    return named(with_option(its, "allow", "deny"), "At {}.")


@AREA.rule(
    "medium", "The proxy asks for a password", "Whoever uses it gets another way in, or none: tell them.",
)  # fmt: skip
def proxy_passwords(its: Subject) -> str:
    return named(with_option(its, "auth_basic", "AuthType"), "At {}.")


@AREA.rule(
    "medium", "The proxy serves folders of the host",
    "They do not move: put the files into Odoo, or on a server that stays.",
)  # fmt: skip
def served_folders(its: Subject) -> str:
    found = [f"{name} ({(values.get('alias') or values['root'])[0]})" for name, values in places(its)
             if "location" in values and (values.get("alias") or values.get("root"))]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "high", "The edge would be led to https, where visitors come from, for ever",
    "Declare the member's url as the evidence says: the edge has done TLS already, and asks the legacy host anew.",
)  # fmt: skip
def source_redirects(its: Subject) -> str:
    parts = urlsplit(its.url)
    if parts.scheme == "https" or parts.port not in (None, PLAIN_PORT):
        return ""  # whether that serves is seen from outside
    found = [each for each in its.host["routes"] if set(each["hostnames"]) & set(its.tenant.hostnames)
             and listens(each, PLAIN_PORT) and sends_to_https(each)]  # fmt: skip
    if not found:
        return ""
    return f"{found[0]['path']} sends {listed(shared_names(its, found))} from port 80 to https. {proposed_url(its)}"


def shared_names(its: Subject, routes: list[Facts]) -> list[str]:
    return sorted({name for each in routes for name in each["hostnames"]} & set(its.tenant.hostnames))


def listens(route: Facts, port: int) -> bool:
    """Plain port 80 is what a server listens on that does not say."""
    found = route["options"].get("listen") or [str(PLAIN_PORT)]
    return any(str(each).split()[0].rpartition(":")[2] == str(port) for each in found if str(each).strip())


def sends_to_https(route: Facts) -> bool:
    options = route["options"]
    whole = [options, *(each for each in options.get("locations", ()) if each["location"] == "/")]
    rules = (rule for each in whole for key in ("return", "Redirect", "RewriteRule") for rule in each.get(key, ()))
    return any("https://" in rule for rule in rules)


def proposed_url(its: Subject) -> str:
    """Where the edge is served: by https if it can verify that, else by Odoo itself."""
    host, first = its.host["host"], its.tenant.hostnames[0]
    valid = {each["path"] for each in its.host["certificates"] if covered(first, each["names"])
             and datetime.fromisoformat(each["not_after"]).date() > its.today
             and each["issuer"].removeprefix("CN=") not in each["names"]}  # fmt: skip
    if any(first in each["hostnames"] and each["certificate"] in valid for each in its.host["routes"]):
        return f"Its certificate is valid for {first}: url https://<address of {host}>."
    ports = its.options("http_port") or its.options("xmlrpc_port") or [ODOO_PORT]
    only = [each for each in its.options("http_interface") + its.options("xmlrpc_interface") if each in LOCAL]
    reach = f", once it listens there (http_interface is {only[0]})" if only else ""
    return f"Its certificates do not vouch for {first}: url http://<address of {host}>:{ports[0]}{reach}."


@AREA.rule(
    "low", "The proxy redirects or rewrites addresses",
    "The edge leads http to https and nothing else: see whether anybody uses the other ones.",
)  # fmt: skip
def redirects(its: Subject) -> str:
    found = []
    for name, values in places(its):
        rules = [*values.get("return", ()), *values.get("Redirect", ()), *values.get("RewriteRule", ())]
        to_https = [rule for rule in rules if "https://$host" in rule or "https://%{HTTP_HOST}" in rule
                    or "https://$server_name" in rule]  # fmt: skip
        if len(rules) > len(to_https) or values.get("rewrite"):
            found.append(name)
    return named(found, "At {}.")


@AREA.rule(
    "low", "The proxy limits requests by its own rules", "Declare limits.requests_per_second of the tenant instead.",
)  # fmt: skip
def proxy_limits(its: Subject) -> str:
    return named(with_option(its, "limit_req"), "At {}.")


@AREA.rule(
    "medium", "The proxy leads to another host",
    "That one is a source, too, or the real one: add it to group legacy and discover it.",
)  # fmt: skip
def upstream_elsewhere(its: Subject) -> str:
    found = set()
    for each in own_routes(its):
        for target in [one.strip() for one in each["upstream"].split(",") if "://" in one]:
            host = hostname_of(target)
            if host and host not in LOCAL and not host.startswith("$"):
                found.add(target)
    return named(sorted(found), "To {}.")


@AREA.rule(
    "low", "Requests may wait longer at the proxy than at the edge",
    f"The edge waits for {EDGE_SECONDS} s, and a request may work for 600 s: make what takes longer a job.",
)  # fmt: skip
def long_proxy_times(its: Subject) -> str:
    found = [f"{value} ({name})" for name, values in places(its) for value in values.get("proxy_read_timeout", ())
             if re.match(r"\d+s?$", value) and int(value.rstrip("s")) > EDGE_SECONDS]  # fmt: skip
    return named(found, "proxy_read_timeout is {}.")


@AREA.rule(
    "low", "Users reach Odoo without TLS", "The edge leads http to https: see that no client depends on plain http.",
)  # fmt: skip
def plain_http(its: Subject) -> str:
    value = its.database["parameters"].get("web.base.url") or ""
    return f"web.base.url is {value}." if value.startswith("http://") else ""


def own_certificates(its: Subject) -> list[Facts]:
    used = {each["certificate"] for each in own_routes(its) if each["certificate"]}
    return [each for each in its.host["certificates"] if each["path"] in used]


@AREA.rule(
    "medium", "The certificate ends soon",
    "Renew it if the move may be later; the edge gets the tenant one of its own.",
)  # fmt: skip
def certificate_ends(its: Subject) -> str:
    limit = its.today + SOON
    found = [f"{each['path']} ({each['not_after'][:10]})" for each in own_certificates(its)
             if datetime.fromisoformat(each["not_after"]).date() < limit]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "low", "The certificate is signed by itself",
    "Clients that were told to trust it will not know the edge's: find them before the cutover.",
)  # fmt: skip
def own_signature(its: Subject) -> str:
    found = [each["path"] for each in own_certificates(its) if each["issuer"].removeprefix("CN=") in each["names"]]
    return named(found, "{}.")


@AREA.rule(
    "low", "No proxy stands before Odoo",
    "Clients name its port: tell them the tenant's hostname, the edge listens on 80 and 443 only.",
)  # fmt: skip
def no_route(its: Subject) -> str:
    return "No configuration of nginx, Apache or HAProxy was found." if not its.host["routes"] else ""
