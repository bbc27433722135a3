# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the edge as it is, refuse what cannot be safe, carry a plan out and undo it where Traefik does not take it."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import (
    ErpopsError,
    Problem,
    Refused,
    Unreachable,
)
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import client, files, plan, routes
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Actual, Edge, Live, Source

OWN_FILE = "tenants.yml"
SERVED_SUFFIX = ".served.yml"  # of the last routes that were verified
LOCK_FILE = ".tenants.lock"
LOG_RESOLUTION = 1.0  # Traefik's times are whole seconds
LOG_DELAY = 3.0  # Traefik's log may come after its API
LOG_WINDOW = 7 * 24 * 3600.0  # a file may have been broken for days before somebody looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where Traefik is on this host, and how patient to be with it.

    own_file: the one of the dynamic directory that is changed. requests: its certificate requests, as a shell pattern.
    """

    dynamic_dir: str
    api_url: str
    group: str
    other_files: tuple[str, ...]
    refuse_undeclared: bool
    timeout: float
    edge: Edge
    own_file: str = OWN_FILE
    requests: str = f"{routes.REQUEST_PREFIX}*"

    @property
    def own_path(self) -> str:
        return f"{self.dynamic_dir}/{self.own_file}"

    @property
    def staging(self) -> str:
        """Beside the dynamic directory: the same filesystem, and not watched."""
        return str(Path(self.dynamic_dir).parent)

    @property
    def served_path(self) -> str:
        return f"{self.staging}/{Path(self.own_file).with_suffix(SERVED_SUFFIX)}"


def is_installed(place: Place) -> bool:
    return client.installed(place.dynamic_dir, place.edge.unit)


@contextlib.contextmanager
def alone(place: Place, check_mode: bool) -> Iterator[None]:
    """One change at a time: several members of a wave may switch their routes at once."""
    if check_mode or not is_installed(place):
        yield
        return
    with Path(place.staging, LOCK_FILE).open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def observe(place: Place, check_mode: bool) -> Actual:
    """The edge as it is. That there is none is believed in check mode only, where nothing speaks for one."""
    if not is_installed(place):
        if check_mode:
            return Actual(installed=False)
        raise ErpopsError(
            "Traefik is not set up on this host.",
            [Problem(f"unit {place.edge.unit}", "", "", "Run the role traefik on the edge hosts first.")],
        )
    sources = {path: files.read(path, text) for path, text in client.texts(place.dynamic_dir).items()}
    own = sources.pop(place.own_path, None)
    served = client.read(place.served_path)
    requests = client.requests(place.edge.certificate_directory, place.requests)
    return Actual(
        installed=True,
        own=own,
        own_guarded=own is not None and client.guarded(place.own_path, place.group),
        served=None if served is None else files.read(place.served_path, served),
        others=tuple(sources.values()),
        live=client.live(place.api_url),
        requests=requests,
        issued=client.issued(place.edge.certificate_directory, requests),
        stored=client.stored(place.edge.own_directory, place.group),
    )


def refuse(place: Place, actual: Actual, check_mode: bool) -> None:
    """Stop before anything is changed where a file of the directory is broken, doubtful or nobody's."""
    broken = [source.problem for source in actual.others if source.problem] or _frozen(place, actual)
    if broken:
        _refuse_broken(place, actual, broken, check_mode)
    strays = list(plan.stray(actual, place.other_files))
    if strays and place.refuse_undeclared:
        raise Refused("Undeclared files are in Traefik's dynamic directory. Nothing was changed.", strays)


def _frozen(place: Place, actual: Actual) -> list[Problem]:
    """Another file that keeps Traefik from loading ours, though it parses. Traefik's log alone names it."""
    if actual.live is None:
        return []
    marker = plan.marker_of(files.configuration_of(actual.own))
    lost = bool(marker) and not client.eventually(lambda: _loaded(place, marker), place.timeout)
    texts = {source.path: source.text for source in actual.others}
    complaint = files.refusal(client.errors(place.edge.unit, time.time() - LOG_WINDOW))
    problem = files.explained(complaint, texts)
    if complaint is None or problem is None or files.path_of(problem) not in texts:
        return []
    # One that was repaired since, or after which Traefik loaded the directory, does not stand in the way. At its start
    # Traefik also counts as loaded what is its own, so that does not speak for the files where our routes are missing.
    after = complaint.time + LOG_RESOLUTION
    repaired = client.changed_at(files.path_of(problem)) >= after
    loaded = not lost and client.live(place.api_url).loaded_at >= after
    return [] if repaired or loaded else [problem]


def _refuse_broken(place: Place, actual: Actual, broken: Sequence[Problem], check_mode: bool) -> None:
    """While Traefik runs on with the old routes nothing is touched; if it lost them all, they are brought back."""
    marker = plan.marker_of(files.configuration_of(actual.own))
    lost = bool(marker) and actual.live is not None and not actual.live.routers
    foreign = [path for path in map(files.path_of, broken) if not plan.is_declared(path, place.other_files)]
    if not lost:
        raise Refused("A file in Traefik's dynamic directory is broken. Nothing was changed.", broken)
    if check_mode or not foreign:
        raise Refused("Traefik has lost all routes, since a file in its dynamic directory is broken.", broken)
    moved = [client.set_aside(path) for path in foreign]
    client.touch(place.own_path)
    back = client.eventually(lambda: _loaded(place, marker), place.timeout)
    outcome = "the routes are back" if back else "the routes are still not back: see Traefik's log"
    raise Refused(f"Traefik had lost all routes. Set aside as {', '.join(moved)}; {outcome}.", broken)


def _loaded(place: Place, marker: str) -> bool:
    return marker in client.live(place.api_url).middlewares


def carry_out(place: Place, steps: plan.Steps, desired: plan.Desired, actual: Actual) -> None:
    """Certificates, then the routes in one step, verified; what nobody needs any more goes last."""
    if steps.issue:
        _issue(place, steps, desired, actual)
    client.store(place.edge.own_directory, {path: desired.own_files[path] for path in steps.store}, place.group)
    began = time.time()
    if steps.swap:
        client.replace(place.own_path, desired.text, place.group, place.staging)
    elif steps.guard:
        client.guard(place.own_path, place.group)
    if steps.reload:
        client.touch(place.own_path)
    if steps.swap or steps.reload:
        problems = _settled(place, desired, actual.others) or _unresolved(place, began)
        if problems:
            _undo_requests(place, steps, actual)
            _undo(place, desired, actual, problems, began, steps.swap)
    if client.read(place.served_path) != desired.text:
        client.replace(place.served_path, desired.text, place.group, place.staging)
    client.forget(place.edge.certificate_directory, steps.forget)
    for path in steps.discard:
        client.remove(path)


def take_away(place: Place, steps: plan.Steps, actual: Actual) -> None:
    """The file and what belongs to it; Traefik is seen without its routes before the certificate goes."""
    names = files.configuration_of(actual.own).routers.keys()
    client.remove(place.own_path)
    if not client.eventually(lambda: not names & client.live(place.api_url).routers.keys(), place.timeout):
        cure = "See Traefik's log: another file may keep it from loading the directory."
        raise ErpopsError(
            "Traefik goes on with routes that were taken away.", [Problem(f"file {place.own_path}", "", "", cure)]
        )
    client.remove(place.served_path)
    client.forget(place.edge.certificate_directory, steps.forget)


def _issue(place: Place, steps: plan.Steps, desired: plan.Desired, actual: Actual) -> None:
    try:
        client.issue(place.edge.certificate_directory, {name: desired.requests[name] for name in steps.issue})
    except ErpopsError:
        _undo_requests(place, steps, actual)
        raise


def _undo_requests(place: Place, steps: plan.Steps, actual: Actual) -> None:
    """Leave no request behind that the next run, or the daily renewal, would stumble on."""
    client.forget(place.edge.certificate_directory, [name for name in steps.issue if name not in actual.requests])
    former = {name: actual.requests[name] for name in steps.issue if actual.requests.get(name)}
    if former:
        # What is to be reported is why the change failed, not that its undoing did too.
        with contextlib.suppress(ErpopsError):
            client.issue(place.edge.certificate_directory, former)


def _settled(place: Place, desired: plan.Desired, others: Sequence[Source]) -> list[Problem]:
    """Wait until Traefik serves what is declared. Returns what is still wrong when the time is over."""
    last: list[Problem] = []

    def served() -> bool:
        current: Live = client.live(place.api_url)
        last[:] = plan.differences(desired, current, others)
        if desired.marker not in current.middlewares:
            last[:] = [Problem("Traefik", "generation", desired.marker, "It has not loaded this change.")]
        return not last

    if client.eventually(served, place.timeout):
        return []
    return last or [Problem("Traefik's API", "api_url", place.api_url, "It did not answer after the change.")]


def _unresolved(place: Place, began: float) -> list[Problem]:
    """Routers whose certificate resolver does not exist: Traefik enables them, and says so in its log alone."""
    if place.edge.tls_mode != "acme":
        return []
    found = client.eventually(
        lambda: any(client.NO_RESOLVER in entry.text for entry in client.errors(place.edge.unit, began)), LOG_DELAY
    )
    cure = "Set traefik_acme for the role traefik, or name the resolver that Traefik has."
    return [Problem("Traefik", "resolver", place.edge.resolver, cure)] if found else []


def _undo(
    place: Place, desired: plan.Desired, actual: Actual, problems: Sequence[Problem], began: float, swapped: bool
) -> None:
    """Put the previous routes back, see that they are served, and say what was wrong, with file and line."""
    texts = {source.path: source.text for source in actual.others} | {place.own_path: desired.text}
    cause = files.explained(files.refusal(client.errors(place.edge.unit, began - LOG_RESOLUTION)), texts)
    if cause is None and desired.marker not in _middlewares(place):
        cause = files.explained(files.refusal(client.errors(place.edge.unit, began - LOG_WINDOW)), texts)
    found = [*([cause] if cause else []), *problems]
    if not swapped:
        raise ErpopsError("Traefik does not serve what its files declare, even after it loaded them again.", found)
    previous = actual.previous
    marker = plan.marker_of(files.configuration_of(previous))
    if previous is None:
        client.remove(place.own_path)
        back = client.eventually(lambda: desired.marker not in _middlewares(place), place.timeout)
    else:
        client.replace(place.own_path, previous.text, place.group, place.staging)
        back = not marker or client.eventually(lambda: _loaded(place, marker), place.timeout)
    outcome = "The previous routes are back and served" if back else "The previous file is back, but is not loaded"
    raise ErpopsError(f"Traefik did not take the new routes. {outcome}.", found)


def _middlewares(place: Place) -> frozenset[str]:
    try:
        return frozenset(client.live(place.api_url).middlewares)
    except Unreachable:
        return frozenset()
