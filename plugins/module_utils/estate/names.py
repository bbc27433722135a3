# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names and hostnames may look like, so that every system that carries them can.

A tenant's name is its PostgreSQL database and role, part of its systemd units (``odoo-<name>-cron.service``),
containers, networks and host names in them, its Redis user and key prefix, a folder, and later the name of Kubernetes
objects. The strictest decides: a DNS label (no underscore, at most 63 octets with our additions).
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import hostname_form
from ansible_collections.erpops.odoo.plugins.module_utils.estate.shape import Misshapen

LABEL_LENGTH = 63
HOSTNAME_LENGTH = 253
CRON_SUFFIX = "-cron"
TENANT_LENGTH = LABEL_LENGTH - len("odoo-") - len(CRON_SUFFIX)
NAME_LENGTH = 40

NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
MODULE = re.compile(r"[a-z][a-z0-9_]*")
DIGEST_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
SERVICE_URL = re.compile(r"https?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")

RESERVED = {
    "postgres": "PostgreSQL's own database and superuser",
    "template0": "PostgreSQL's own template database",
    "template1": "PostgreSQL's own template database",
    "public": "a role that PostgreSQL reserves",
    "none": "a role that PostgreSQL reserves",
    "all": "a word of pg_hba.conf",
    "sameuser": "a word of pg_hba.conf",
    "samerole": "a word of pg_hba.conf",
    "samegroup": "a word of pg_hba.conf",
    "replication": "a word of pg_hba.conf",
    "replicator": "the estate's replication role",
    "rewind": "the estate's role for pg_rewind",
    "patroni": "the estate's cluster manager",
    "pgbouncer": "PgBouncer's administration database",
    "erpops": "the estate's own database",
    "default": "Redis's built-in user",
}
RESERVED_PREFIXES = {
    "erpops-": "the estate's own units and roles",
    "tpl-": "template databases",
    "pg-": "PostgreSQL's own roles",
    "rehearsal-": "units of rehearsals that users try",
}


def check_name(name: str, length: int = NAME_LENGTH) -> None:
    """Raise Misshapen for a name that PostgreSQL, systemd or DNS cannot carry."""
    if not NAME.fullmatch(name):
        raise Misshapen(
            "Use lower-case letters, digits and hyphens, begin with a letter and end with a letter or digit: the name"
            " becomes part of unit names and host names."
        )
    if len(name) > length:
        raise Misshapen(f"Use at most {length} characters; these are {len(name)}.")


def check_tenant_name(name: str) -> None:
    """As ``check_name``, and not one that something else of the estate bears."""
    check_name(name, TENANT_LENGTH)
    if name in RESERVED:
        raise Misshapen(f"Choose another name: this is {RESERVED[name]}.")
    for prefix, owner in RESERVED_PREFIXES.items():
        if name.startswith(prefix):
            raise Misshapen(f"Choose another name: those that begin with {prefix} are kept for {owner}.")
    if name.endswith(CRON_SUFFIX):
        raise Misshapen(
            f"Choose a name that does not end in {CRON_SUFFIX}: unit odoo-{name}.service would be the one of another"
            " tenant's crons."
        )


def check_hostname(hostname: str) -> str:
    """The hostname in the form in which it is compared; raise Misshapen for one that DNS cannot carry."""
    try:
        form = hostname_form(hostname)
    except UnicodeError:
        raise Misshapen("Give a host name that DNS can carry: labels of 1 to 63 octets, joined by dots.") from None
    if _is_address(form):
        raise Misshapen("Give a host name, not an address.")
    labels = form.split(".")
    if len(form) > HOSTNAME_LENGTH or any(len(label) > LABEL_LENGTH for label in labels):
        raise Misshapen("Shorten it: DNS carries 253 octets, 63 in each label.")
    if not all(LABEL.fullmatch(label) for label in labels):
        raise Misshapen(
            "Use letters, digits and hyphens, no label beginning or ending with a hyphen; no port, path or wildcard."
        )
    if len(labels) < 2:
        raise Misshapen("Give the full host name with its domain.")
    return form


def check_service_url(url: str) -> None:
    """Raise Misshapen for what is not ``http(s)://host[:port]``: a router hands a request's own path on."""
    found = SERVICE_URL.fullmatch(url)
    if not found or not 0 < int(found[1] or 80) < 65536:
        raise Misshapen("Give http:// or https://, a host name or an address, and a port where it needs one; no path.")


def check_folder(path: str) -> None:
    """Raise Misshapen for what is no absolute path without detours; a brace would stand for a tenant's name."""
    if not path.startswith("/") or path != posixpath.normpath(path) or any(mark in path for mark in "{}"):
        raise Misshapen(
            "Give an absolute path, such as /opt/odoo/data/filestore: the folder that holds one a database."
        )


def hostname_of(url: str | None) -> str:
    """The host that a URL names, in lower case; nothing for text that is no URL, since people write them."""
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def url_host(address: str) -> str:
    """An address or a name as URLs write it: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def covered(hostname: str, names: Iterable[str]) -> bool:
    """Whether one of a certificate's names is valid for the hostname; a star stands for its first label alone."""
    return any(name == hostname or (name.startswith("*.") and name[2:] == hostname.partition(".")[2]) for name in names)
