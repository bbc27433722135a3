# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long users of a database that moves are without a page: an Odoo for each side, and somebody who asks both.

Both run on the legacy host, with what it has, so that all ways of moving are measured with the same Odoo. That of the
target runs before there is anything to serve, as a wave's does.
"""

from __future__ import annotations

import http.client
import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, pairwise

from contracts.harness import LabHost

PORTS = {"source": 8169, "target": 8170}
PAUSE_SECONDS = 0.1
LONGEST_SECONDS = 120.0  # that anybody waits for a page once the database is there
OWN = "db_host|db_port|db_user|db_password|db_name|dbfilter|logfile|workers|max_cron_threads|proxy_mode"
START = f"""
    install -d -o odoo -g odoo {{place}}
    grep -vE '^({OWN}) ' /etc/odoo/odoo.conf >{{place}}/odoo.conf
    printf '%s\\n' {{lines}} >>{{place}}/odoo.conf
    chown odoo: {{place}}/odoo.conf
    systemd-run --quiet --collect --unit={{unit}} --uid=odoo odoo --config={{place}}/odoo.conf
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Of Odoo to its database; without a host to the legacy host's own PostgreSQL."""

    database: str
    user: str
    host: str = ""
    password: str = ""


@dataclass
class Pages:
    """served: when each side answered with a page."""

    address: str
    served: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in PORTS})
    _stop: threading.Event = field(default_factory=threading.Event)

    def ask(self, side: str) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection(self.address, PORTS[side], timeout=LONGEST_SECONDS)
                connection.request("GET", "/web/login")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    self.served[side].append(time.monotonic())
                connection.close()

    def stop(self) -> None:
        self._stop.set()

    def wait(self, side: str) -> None:
        """Until a side serves."""
        end = time.monotonic() + LONGEST_SECONDS
        while not self.served[side]:
            if time.monotonic() > end:
                raise RuntimeError(f"Odoo of the {side} has served no page within {LONGEST_SECONDS:g} seconds.")
            time.sleep(PAUSE_SECONDS)

    def longest_gap(self) -> float:
        """Between two pages, whoever served them."""
        return max(after - before for before, after in pairwise(sorted(chain(*self.served.values()))))


@contextmanager
def watched(host: LabHost, source: Login, target: Login) -> Iterator[Pages]:
    """Within it both are asked; it begins once the source serves, and ends once the target does."""
    pages = Pages(host.address)
    asking = [threading.Thread(target=pages.ask, args=[side], daemon=True) for side in PORTS]
    try:
        for side, login in (("source", source), ("target", target)):
            host.shell(_started(side, login))
        for thread in asking:
            thread.start()
        pages.wait("source")
        yield pages
        pages.wait("target")
    finally:
        pages.stop()
        for side in PORTS:
            host.shell(f"systemctl stop {_unit(side)} 2>/dev/null || true; rm -rf {_place(side)}")


def _unit(side: str) -> str:
    return f"bench-odoo-{side}"


def _place(side: str) -> str:
    return f"/srv/erpops-bench/{side}"


def _started(side: str, login: Login) -> str:
    settings = {
        "db_host": login.host or "False", "db_port": "5432" if login.host else "False", "db_user": login.user,
        "db_password": login.password or "False", "db_name": login.database, "dbfilter": f"^{login.database}$",
        "http_port": PORTS[side], "workers": 0, "max_cron_threads": 0, "data_dir": f"{_place(side)}/data",
    }  # fmt: skip
    lines = shlex.join(f"{name} = {value}" for name, value in settings.items())
    return START.format(place=_place(side), lines=lines, unit=_unit(side))
