# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an integration that was found would be tried from the target, proposed from its name. Pure."""

from __future__ import annotations

import re
from typing import Any

MAIL = {"smtp": "smtp", "imap": "imap", "pop": "pop", "pop3": "pop"}
TLS = {"starttls": "starttls", "starttls_strict": "starttls", "ssl": "implicit", "ssl_strict": "implicit"}
USUAL_PORTS = {"ftp": 21, "sftp": 22, "ssh": 22, "ldap": 389, "ldaps": 636, "amqp": 5672, "amqps": 5671}
WEB = {"http": "http", "https": "https", "ws": "http", "wss": "https", "oauth": "https"}
SILENT = ("payment://transfer", "payment://custom", "payment://manual", "payment://demo")
NAME = re.compile(r"([a-z][a-z0-9+.-]*)://([A-Za-z0-9._-]+)(?::(\d+))?")


def proposal(name: str, encryption: str = "") -> dict[str, Any]:
    """A probe of the integration, in the shape that wave/probes.py reads.

    encryption: how Odoo is told to speak to a mail server, in its own words. Where the name says too little, kind
    ``none`` without a reason, which a person has to fill in.
    """
    if name.startswith("postgresql from "):
        return {"kind": "none", "reason": "It connects to the database; from here there is nothing to ask."}
    if name in SILENT:
        return {"kind": "none", "reason": "It is paid by hand: Odoo asks nobody."}
    match = NAME.fullmatch(name)
    scheme, host, port = (match[1], match[2], match[3]) if match else ("", "", "")
    place = {"host": host, **({"port": int(port)} if port else {})}
    if scheme in WEB:
        return {"kind": WEB[scheme], **place}
    if scheme in MAIL:
        return {"kind": MAIL[scheme], **place, "tls": TLS.get(encryption, "none")}
    usual = {"port": USUAL_PORTS[scheme], **place} if scheme in USUAL_PORTS else place
    if "port" not in usual:
        return {"kind": "none", "reason": ""}
    return {"kind": "tls" if scheme in ("ldaps", "amqps") else "tcp", **usual}
