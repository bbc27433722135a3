# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app host has while users try a member's neutralized copy: one unit behind a socket of systemd's. Pure.

The container has no network at all, but a mail sink on its loopback. Its files are the tenant's, with a layer of their
own above them for what users upload; that and the mails go with the unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Problem
from ansible_collections.erpops.odoo.plugins.module_utils.host.model import WantedDirectory, WantedFile, WantedUnit
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import model, quadlet, render
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.model import Resident
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke import COPY_SUFFIX

CONFIG_ROOT = "/etc/erpops/rehearsals"
# Beside podman's own store: an overlay's upper layer wants a file system that carries one, as podman does.
DATA_ROOT = "/var/lib/containers/rehearsals"
SYSTEMD_DIRECTORY = "/etc/systemd/system"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Where everything of a member's rehearsal is, by its name alone: so it is also found to be taken away."""

    member: str

    @property
    def database(self) -> str:
        return self.member + COPY_SUFFIX

    @property
    def unit(self) -> str:
        return f"odoo-rehearsal-{self.member}"

    @property
    def config(self) -> str:
        return f"{CONFIG_ROOT}/{self.member}"

    @property
    def data(self) -> str:
        return f"{DATA_ROOT}/{self.member}"

    @property
    def container(self) -> str:
        return f"{model.QUADLET_DIRECTORY}/{self.unit}.container"

    @property
    def socket(self) -> str:
        return f"{SYSTEMD_DIRECTORY}/{self.unit}.socket"

    @property
    def net(self) -> str:
        """A name of a tenant has no underscore: this is not the unit of another member."""
        return f"{SYSTEMD_DIRECTORY}/{self.unit}_net.service"

    @property
    def mail(self) -> str:
        return f"{SYSTEMD_DIRECTORY}/{self.unit}_mail.service"

    @property
    def mails(self) -> str:
        """A Maildir."""
        return f"{self.data}/mail"

    @property
    def sink(self) -> str:
        return f"{self.data}/mail_sink.py"

    @property
    def end(self) -> str:
        """Of the unit that takes it away, and of its timer."""
        return f"{self.unit}_end"

    @property
    def ending(self) -> tuple[str, str]:
        """The unit that takes it away, and its timer."""
        return f"{SYSTEMD_DIRECTORY}/{self.end}.service", f"{SYSTEMD_DIRECTORY}/{self.end}.timer"

    @property
    def stamp(self) -> str:
        """By which systemd knows what the timer missed while the host was down."""
        return f"/var/lib/systemd/timers/stamp-{self.end}.timer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """How it is opened. ``until``: the last day (YYYY-MM-DD, UTC). ``port``: of the cluster's pooler. ``sink``: the
    mail sink's program. ``files``: the tenant has a filestore here."""

    resident: Resident
    address: str
    until: str
    password: str
    port: int
    pull: str
    sink: str
    files: bool = True

    @property
    def url(self) -> str:
        return f"http://{quadlet.url_host(self.address)}:{self.resident.allocation.rehearsal_port}"


def check(member: str, until: str, today: date) -> None:
    """A timer for a day that never comes, or has passed, would never end anything."""
    try:
        over = not DAY.fullmatch(until) or date.fromisoformat(until) < today
    except ValueError:  # no month has it
        over = True
    if over:
        cure = f"Give the last day as YYYY-MM-DD, in UTC; {today} is the first that can be."
        raise InputError("Nothing was opened.", [Problem(f"member {member}", "until", until, cure)])


def title(member: str, until: str) -> str:
    return f"Rehearsal of {member}, open to the end of {until} (UTC)"


def directories(rehearsal: Rehearsal, uid: int) -> tuple[WantedDirectory, ...]:
    owner = str(uid)
    owned = [rehearsal.data, f"{rehearsal.data}/data", f"{rehearsal.data}/data/filestore", f"{rehearsal.data}/upper"]
    owned += [rehearsal.mails, *(f"{rehearsal.mails}/{folder}" for folder in ("cur", "new", "tmp"))]
    return (
        WantedDirectory(path=CONFIG_ROOT, mode=0o711),
        WantedDirectory(path=DATA_ROOT, mode=0o711),
        WantedDirectory(path=rehearsal.config, mode=0o500, owner=owner, group=owner),
        *(WantedDirectory(path=path, mode=0o700, owner=owner, group=owner) for path in owned),
        WantedDirectory(path=f"{rehearsal.data}/work", mode=0o700),
    )


def files(rehearsal: Rehearsal, opened: Opened) -> tuple[WantedFile, ...]:
    resident, said = opened.resident, title(rehearsal.member, opened.until)
    owner = str(resident.allocation.uid)
    contents = render.of_copy(
        resident.tenant.instance,
        database=rehearsal.database,
        user=resident.name,
        password=opened.password,
        port=opened.port,
    )
    end, timer = rehearsal.ending
    texts = {
        end: quadlet.rehearsal_end(
            rehearsal.unit,
            _outside(rehearsal),
            (rehearsal.config, rehearsal.data),
            said,
        ),
        timer: quadlet.rehearsal_timer(opened.until, said),
        rehearsal.socket: quadlet.rehearsal_socket(opened.address, resident.allocation.rehearsal_port, said),
        rehearsal.net: quadlet.rehearsal_net(rehearsal.unit, rehearsal.member),
        rehearsal.mail: quadlet.rehearsal_mail(
            rehearsal.unit, rehearsal.member, resident.allocation.uid, rehearsal.sink, rehearsal.mails
        ),
        rehearsal.sink: opened.sink,
        rehearsal.container: quadlet.rehearsal_container(
            resident, opened.pull, rehearsal.unit, _volumes(rehearsal, opened), said
        ),
    }
    secret = tuple(
        WantedFile(
            path=f"{rehearsal.config}/{name}", content=text.encode(), mode=0o400, owner=owner, group=owner, secret=True
        )
        for name, text in contents.items()
    )
    return (*secret, *(WantedFile(path=path, content=text.encode(), mode=0o644) for path, text in texts.items()))


def _outside(rehearsal: Rehearsal) -> tuple[str, ...]:
    """The files that are in no folder of the rehearsal's own, but those of its end."""
    return rehearsal.container, rehearsal.socket, rehearsal.net, rehearsal.mail


def _volumes(rehearsal: Rehearsal, opened: Opened) -> tuple[str, ...]:
    store = f"{render.DATA_PATH}/filestore/{rehearsal.database}"
    layer = f"O,upperdir={rehearsal.data}/upper,workdir={rehearsal.data}/work"
    own = (
        f"{rehearsal.config}:/etc/odoo:ro",
        f"{rehearsal.data}/data:{render.DATA_PATH}:rw",
        f"{model.POOLER_SOCKETS}:/run/postgresql:ro",
    )
    return (*own, f"{opened.resident.filestore}:{store}:{layer}") if opened.files else own


def units(rehearsal: Rehearsal) -> tuple[WantedUnit, ...]:
    """The end first: nothing is open that would not end."""
    _end, timer = rehearsal.ending
    net, mail = (path.rpartition("/")[2] for path in (rehearsal.net, rehearsal.mail))
    reads = (rehearsal.container, f"{rehearsal.config}/odoo.conf", f"{rehearsal.config}/pgpass")
    return (
        WantedUnit(name=f"{rehearsal.end}.timer", enabled=True, state="started", restart_when=(timer,)),
        WantedUnit(name=f"{rehearsal.unit}.socket", enabled=True, state="started", restart_when=(rehearsal.socket,)),
        WantedUnit(name=net, state="started", restart_when=(rehearsal.net,)),
        WantedUnit(name=mail, state="started", restart_when=(rehearsal.mail, rehearsal.sink)),
        WantedUnit(name=f"{rehearsal.unit}.service", state="started", restart_when=reads),
    )


def without_units(rehearsal: Rehearsal) -> tuple[WantedUnit, ...]:
    """The end last: what a run that is killed leaves open still ends."""
    net, mail = (path.rpartition("/")[2] for path in (rehearsal.net, rehearsal.mail))
    return (
        WantedUnit(name=f"{rehearsal.unit}.socket", enabled=False, state="stopped"),
        WantedUnit(name=f"{rehearsal.unit}.service", state="stopped"),
        WantedUnit(name=mail, state="stopped"),
        WantedUnit(name=net, state="stopped"),
        WantedUnit(name=f"{rehearsal.end}.timer", enabled=False, state="stopped"),
    )


def without_files(rehearsal: Rehearsal) -> tuple[tuple[WantedDirectory, ...], tuple[WantedFile, ...]]:
    folders = tuple(WantedDirectory(path=path, absent=True) for path in (rehearsal.config, rehearsal.data))
    gone = (*_outside(rehearsal), *rehearsal.ending, rehearsal.stamp)
    return folders, tuple(WantedFile(path=path, absent=True) for path in gone)
