# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a tenant's server for a page, as the edge will, until it serves it."""

from __future__ import annotations

import http.client
import time
from urllib.parse import urlsplit

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem, Refused

POLL = 0.2
SERVED = "served"
DATABASE_MANAGER = "/web/database/"  # where Odoo sends visitors while it cannot use the tenant's database
SECONDS = 30.0  # a first page waits for Odoo to load its registry


def until_served(tenant: str, url: str, *, path: str, hostname: str, seconds: float) -> None:
    """Returns when the page is served, or when it leads to another one, as with a single sign-on.

    Raises:
        InputError: the url is not plain http; a certificate is the edge's to judge.
        Refused: the page was not served in time; says what was seen last.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        cure = "Only plain http is waited for: leave wait_for out."
        raise InputError("Nothing was switched.", [Problem(f"tenant {tenant}", "wait_for", url, cure)])
    end = time.monotonic() + seconds
    while True:
        seen = _asked(parts.hostname, parts.port or 80, path, hostname)
        if seen == SERVED:
            return
        if time.monotonic() >= end:
            cure = f"It did not serve {path} within {seconds:g} s (last: {seen}); see the log of its unit."
            raise Refused("Nothing was switched.", [Problem(f"tenant {tenant}", "url", url, cure)])
        time.sleep(POLL)


def _asked(host: str, port: int, path: str, hostname: str) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Host": hostname})
        answer = connection.getresponse()
        leads = answer.getheader("Location") or ""
        if answer.status == 200 or (300 <= answer.status < 400 and DATABASE_MANAGER not in leads):
            return SERVED
        return f"status {answer.status} {leads}".rstrip()
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
