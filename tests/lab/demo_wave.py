# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Legacy databases move to a small estate while their users work: discovery to commit, and one of them back again."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import estate_files
import yaml
from integration.estate.live import Estate
from integration.waves.independent import Difference, attachments, not_attached, not_once, rows
from integration.waves.users import Users
from progress import Progress, StepError, fail, shown_of_ansible
from scenario_hosts import LAB, bring_up

NAME = "waves"
ROOT = estate_files.ROOT
BUILD = estate_files.folder(NAME)
RESULT = ROOT / "build" / "wave.json"
COMMITTED, RETURNED = ("acme", "cedar"), ("birch",)
MEMBERS = (*COMMITTED, *RETURNED)
LEGACY = ("legacy1", "legacy2")
BACKUPS = "/var/lib/postgresql"
REST_SECONDS = 5
KNOWN_WRITES, KNOWN_SECONDS = 30, 180
# Whom acme's code speaks to exists nowhere; the web server of a host of the lab stands in for it, and is really asked.
GATEWAY = {"https://gateway.acme.example": {"kind": "http", "host": "legacy2", "path": "/web/login", "status": 200}}
LOGINS = {"acme": "marc@acme.example"}  # the others' administrators kept Odoo's name for them

# No DNS knows these names; what it would say is declared, at first as it is before anybody has moved it.
HOSTNAMES = {name: f"{name}.legacy.example" for name in MEMBERS}


@dataclass
class Moved:
    """What an operator decides from, of one member."""

    name: str
    state: str
    seed_seconds: float
    write_gap_seconds: float
    unavailable_seconds: float
    rows_compared: int
    rows_different: int
    attachments_compared: int
    attachments_different: int


def files() -> None:
    """Where this demonstration keeps what an operator would keep beside the inventory."""
    values = {
        "wave_discover_folder": str(BUILD / "discovery"),
        "wave_discover_dispositions_folder": str(BUILD / "dispositions"),
        "wave_map_discovery": str(BUILD / "discovery"),
        "wave_map_page": str(BUILD / "reports" / "wave_map.html"),
        "wave_preflight_page": str(BUILD / "reports" / "wave_preflight.html"),
        "wave_plan_file": str(BUILD / "wave_plan.yml"),
        "wave_plan_page": str(BUILD / "reports" / "wave_plan.html"),
        "wave_status_folder": str(BUILD / "reports"),
        "wave_cutover_parallel": 1,  # the lab's hosts share two cores
        "wave_probes_seconds": 30,  # for the same reason
        "wave_hostnames_addresses": {name: ["{{ hostvars['edge1'].ansible_host }}"] for name in HOSTNAMES.values()},
    }
    estate_files.write(estate_files.inventory(NAME) / "group_vars" / "all" / "demo.yml", estate_files.dump(values))


def play(progress: Progress, name: str, *, user: str = "ann", members: tuple[str, ...] = (), **variables: Any) -> None:
    """A playbook, as an operator runs it."""
    given: dict[str, Any] = {**variables, **({"wave_names": ",".join(members)} if members else {})}
    command = ["ansible-playbook", f"erpops.odoo.{name}", *estate_files.inventories(NAME)]
    command += ["-e", json.dumps(given)] if given else []
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "USER": user}
    progress.run(command, shown=shown_of_ansible, environment=environment)


def settle(progress: Progress) -> None:
    """A person reads what discovery proposes and puts a name to it; here the proposals are taken as they are.

    Only providers outside the lab cannot be asked, and a person says so.
    """
    for path in sorted((BUILD / "dispositions").glob("*.yml")):
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
        for item in value["dispositions"]:
            item.update(settled=True, by="ann")
            if item["kind"] == "integration" and item["disposition"] == "declared":
                item["probe"] = GATEWAY.get(item["name"]) or unasked(item["probe"])
        estate_files.write(path, estate_files.dump(value))
        progress.say(f"   {path.stem}: {len(value['dispositions'])} dispositions settled")


def unasked(probe: dict[str, Any]) -> dict[str, Any]:
    """In place of a probe, unless the proposal itself says why there is none."""
    return {"kind": "none", "reason": probe.get("reason") or "the provider is not in the lab"}


def at_work(estate: Estate) -> dict[str, Users]:
    users = {
        name: Users(estate.browser(name), estate.browser(name), LOGINS.get(name, "admin"), "admin") for name in MEMBERS
    }
    for each in users.values():
        each.begin()
    return users


def until_known(users: dict[str, Users]) -> None:
    """Until each has made enough requests to say how fast its host answers."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while slow := [name for name, each in users.items() if len(each.acknowledged) < KNOWN_WRITES]:
        if time.monotonic() > deadline:
            raise StepError(f"members {', '.join(slow)}: fewer than {KNOWN_WRITES} writes in {KNOWN_SECONDS} seconds")
        time.sleep(1)


def state_of(estate: Estate, primary: str, name: str) -> tuple[str, dict[str, Any]]:
    query = f"SELECT state || '|' || facts FROM wave.member WHERE name = '{name}'"
    state, facts = estate.psql(primary, query, "erpops")[0].split("|", 1)
    return state, json.loads(facts)


def source(estate: Estate, name: str) -> dict[str, Any]:
    """The member as it is declared."""
    found: dict[str, Any] = next(each for each in estate.variables["wave_members"] if each["name"] == name)
    return found


def seen_from_outside(progress: Progress, estate: Estate) -> None:
    """What wave_prepare found of the hostnames: the edge has each page already, and DNS is still to be moved."""
    for name in MEMBERS:
        _state, facts = state_of(estate, estate.primary(), name)
        for each in facts["hostnames"]["found"]:
            progress.say(f"   {each['hostname']}: {each['level']}: {each['evidence']}")
            if each["leads"] or each["level"] != "warning":
                raise StepError(f"hostname {each['hostname']}: {each['level']}, while its DNS was not moved yet")
    progress.say("   now DNS leads them to the edge; gate hostname looks again before the cutover")


def served_by(estate: Estate, name: str) -> tuple[str, str]:
    """The host and database that serve the member after the last verb."""
    member = source(estate, name)
    return (member["host"], member["database"]) if name in RETURNED else (estate.primary(), name)


def back_up(progress: Progress, estate: Estate) -> None:
    """A restore point of each source, by the means of its host, and somebody puts a name to them."""
    for name in MEMBERS:
        host, database = (source(estate, name)[key] for key in ("host", "database"))
        dump = ["pg_dump", "--format=custom", f"--file={BACKUPS}/{database}.dump", database]
        progress.run([LAB, "ssh", host, shlex.join(["runuser", "-u", "postgres", "--", *dump])])
    where = f"pg_dump of each database, in {BACKUPS} of its host"
    play(progress, "wave_approve", members=MEMBERS, wave_approval="restore_point", wave_restore_point=where)


def without_python(progress: Progress) -> None:
    """The legacy hosts are old: all that follows does without Python and rsync there, but for Odoo itself."""
    script = (ROOT / "tests" / "lab" / "legacy" / "only-odoo").read_text(encoding="utf-8")
    for host in LEGACY:
        progress.run([LAB, "ssh", host, f"sh -c {shlex.quote(script)}"])


def demo(progress: Progress) -> None:
    bring_up(progress, NAME)
    without_python(progress)
    files()
    with progress.step("A small estate; the edge leads to the legacy hosts"):
        play(progress, "site")
    estate = Estate.load(ROOT, [ROOT / "inventories" / NAME, estate_files.inventory(NAME)])
    users = at_work(estate)
    try:
        with progress.step("Users at work on the legacy hosts, whose logs are the baseline"):
            until_known(users)
        with progress.step("Discover, map, plan"):
            for name in ("wave_discover", "wave_map", "wave_plan"):
                play(progress, name)
            settle(progress)
        moved = waves(progress, estate, users)
    finally:
        for each in users.values():
            each.end()
    report(progress, moved)


def waves(progress: Progress, estate: Estate, users: dict[str, Users]) -> list[Moved]:
    with progress.step("Prepare and seed, while users work"):
        not_yet = {HOSTNAMES[name]: [estate.hostvars[source(estate, name)["host"]]["ansible_host"]] for name in MEMBERS}
        play(progress, "wave_prepare", members=MEMBERS, wave_hostnames_addresses=not_yet)
        seen_from_outside(progress, estate)
        play(progress, "wave_seed", members=MEMBERS)
    with progress.step("Rehearse, back the sources up, accept, approve"):
        play(progress, "wave_rehearse", members=MEMBERS)
        back_up(progress, estate)
        play(progress, "wave_approve", user="olivia", members=MEMBERS, wave_approval="acceptance")
        play(progress, "wave_approve", user="bob", members=MEMBERS, wave_approval="approval")
    with progress.step("Cut over, while users work"):
        waivers = [
            {"member": name, "gate": "window", "reason": "the demonstration is now", "until": "2099-12-31"}
            for name in MEMBERS
        ]
        play(progress, "wave_cutover", members=MEMBERS, wave_waivers=waivers)
    unavailable = {name: each.unavailable_seconds() for name, each in users.items()}
    for name, each in users.items():
        seen = ", ".join(f"{seconds:.1f} s {status or 'no answer'}" for status, seconds in each.unavailable().items())
        progress.say(f"   {name}: {unavailable[name]:.1f} s without a page ({seen})")
    with progress.step("Compare both sides of every member by an independent read, while users rest"):
        for each in users.values():
            each.resting.set()
        time.sleep(REST_SECONDS)  # the last writes reach the sources, which follow now
        compared = {name: compare(estate, name) for name in MEMBERS}
        for each in users.values():
            each.resting.clear()
    with progress.step(f"Back again, while users work: {', '.join(RETURNED)}"):
        play(progress, "wave_rollback", members=RETURNED)
    for each in users.values():
        each.end()
    with progress.step("Look for every write that was acknowledged"):
        for name in MEMBERS:
            side, told = served_by(estate, name), users[name]
            missing = not_once(estate, side, told.acknowledged) + not_attached(estate, side, told.attached)
            if missing:
                raise StepError(f"member {name}: acknowledged writes are lost or doubled: {missing[:5]}")
            said = f"{len(told.acknowledged)} acknowledged writes and {len(told.attached)} files"
            progress.say(f"   {name}: {said}, each there exactly once")
    with progress.step(f"Commit: {', '.join(COMMITTED)}"):
        play(progress, "wave_commit", members=COMMITTED)
    with progress.step("Status"):
        play(progress, "wave_status")
    primary = estate.primary()
    return [member(estate, primary, name, compared[name], unavailable[name]) for name in MEMBERS]


def compare(estate: Estate, name: str) -> tuple[Difference, Difference]:
    member = source(estate, name)
    primary = estate.primary()
    return (
        rows(estate, (member["host"], member["database"]), (primary, name)),
        attachments(estate, (member["host"], member["database"]), (primary, name)),
    )


def member(
    estate: Estate, primary: str, name: str, compared: tuple[Difference, Difference], unavailable: float
) -> Moved:
    state, facts = state_of(estate, primary, name)
    found_rows, found_files = compared
    return Moved(
        name=name,
        state=state,
        seed_seconds=facts["seed"]["seconds"],
        write_gap_seconds=facts["cutover"]["window_seconds"],
        unavailable_seconds=unavailable,
        rows_compared=found_rows.compared,
        rows_different=found_rows.different,
        attachments_compared=found_files.compared,
        attachments_different=found_files.different,
    )


def report(progress: Progress, moved: list[Moved]) -> None:
    reports = [
        str(path.relative_to(ROOT))
        for path in (BUILD / "discovery" / "index.html", *sorted((BUILD / "reports").glob("*.html")))
    ]
    value = {"members": [asdict(each) for each in moved], "reports": reports}
    estate_files.write(RESULT, json.dumps(value, indent=2) + "\n")
    print()
    for each in moved:
        print(
            f"  {each.name}: {each.state}; seeded in {each.seed_seconds:.1f} s,"
            f" write gap {each.write_gap_seconds:.2f} s, without a page {each.unavailable_seconds:.1f} s;"
            f" {each.rows_compared} rows compared, {each.rows_different} different;"
            f" {each.attachments_compared} files, {each.attachments_different} different"
        )
    print("\nTo read: " + ", ".join(reports))
    wrong = [each.name for each in moved if each.rows_different or each.attachments_different]
    if wrong:
        raise StepError(f"differences at: {', '.join(wrong)}")
    progress.say("Legacy databases have moved, and one has moved back. `make demo-wave-down` removes every trace.")


def main() -> int:
    os.environ["LAB_NAME"] = NAME
    locks = estate_files.CACHE / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return fail(StepError("Another `make demo-wave` is running on this machine."))
        try:
            demo(Progress(ROOT / "build" / "wave.log"))
        except (StepError, OSError) as error:
            return fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
