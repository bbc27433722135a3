# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds every module to the one result contract, on a real system that can be reset.

A module's cases stand in ``tests/contracts/cases/<module>.py``, as a tuple ``CASES``; ``tests/unit/contract`` fails for
a module without one, ``tests/integration/contract`` proves them all (those of moves: ``tests/integration/waves``):

    CASES = (
        Case(
            name="writes a file",
            system=lab_host("rm -rf /tmp/example"),
            arguments=lambda system: {"files": [{"path": "/tmp/example", "content": "x"}]},
            probe=lambda system: system.shell("cat /tmp/example || echo none"),
            secrets=("hunter2",),
        ),
    )

``system`` is a function that opens a context in which a fresh ``System`` is at hand: a lab host (``lab_host``) or
whatever runs beside the test, such as a PostgreSQL cluster, with the module on this machine (``local``). ``probe``
reads by itself, not with the module's code, everything that the module may write. What is proved, in this order:

1. check mode writes nothing (the probe stays the same),
2. the run does exactly the ``actions`` that check mode predicted, with the same diff, and changes the probe,
3. a second run has no actions and an empty diff, and leaves the probe alone; so has a second check,
4. ``changed`` says whether there were actions, and no result holds a secret.

A case that only reads, or that must be refused, says so with ``changes=False`` or ``refused="part of the message"``.
A module whose every run is one of its own, as its documentation then says, has ``repeats=True``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600
Result = dict[str, Any]


@dataclass(frozen=True)
class System:
    """A real system, and how a module runs on it. ``facts`` are the case's own: ports, folders, passwords."""

    run: Callable[[str, Mapping[str, Any], bool], Result]  # module, arguments, check mode
    shell: Callable[[str], str]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    system: Callable[[], AbstractContextManager[System]]
    arguments: Callable[[System], Mapping[str, Any]]
    probe: Callable[[System], object]
    changes: bool = True
    refused: str = ""
    repeats: bool = False
    secrets: tuple[str, ...] = ()


def prove(module: str, case: Case) -> None:
    with case.system() as system:
        arguments = case.arguments(system)
        before = case.probe(system)
        predicted = system.run(module, arguments, True)
        _hides(predicted, case.secrets)
        assert case.probe(system) == before, "check mode wrote something"
        done = system.run(module, arguments, False)
        _hides(done, case.secrets)
        if case.refused:
            _refused(case, predicted, done)
            assert case.probe(system) == before, "a refused run wrote something"
            return
        after = case.probe(system)
        _kept(predicted, done, case.changes)
        assert (after != before) == case.changes, "what the run did is not what the probe sees"
        if case.repeats:
            return
        for check in (False, True):
            again = system.run(module, arguments, check)
            _succeeded(again)
            assert (again["actions"], again["changed"]) == ([], False), (
                f"a second run changes something: {again['actions']}"
            )
            assert again["diff"]["before"] == again["diff"]["after"], "a second run shows a diff"
        assert case.probe(system) == after, "a second run wrote something"


def _kept(predicted: Result, done: Result, changes: bool) -> None:
    for result in (predicted, done):
        _succeeded(result)
        assert result["changed"] == bool(result["actions"]) == changes, result["actions"]
        assert (result["diff"]["before"] != result["diff"]["after"]) == changes, "the diff does not show the change"
    assert predicted["actions"] == done["actions"], "the run did other things than check mode predicted"
    assert predicted["diff"] == done["diff"], "the run's diff is not the predicted one"


def _succeeded(result: Result) -> None:
    assert not result.get("failed"), result.get("msg")


def _refused(case: Case, predicted: Result, done: Result) -> None:
    for result in (predicted, done):
        assert result.get("failed"), "it was not refused"
        assert case.refused in result["msg"], result["msg"]


def _hides(result: Result, secrets: tuple[str, ...]) -> None:
    text = json.dumps(result)
    for secret in secrets:
        assert json.dumps(secret)[1:-1] not in text, "a result holds a secret"


def local_run(module: str, arguments: Mapping[str, Any], check: bool) -> Result:
    """The module in a Python of its own on this machine."""
    options = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": tempfile.gettempdir()}
    done = subprocess.run(
        [sys.executable, "-m", f"ansible_collections.erpops.odoo.plugins.modules.{module}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **options}}),
        env={**os.environ, "PYTHONPATH": str(ROOT / "build" / "collections"), "_ANSIBLE_PROFILE": "legacy"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, f"{module} gave no result:\n{done.stderr}"
    result: Result = json.loads(lines[-1])
    return result


def local_shell(command: str) -> str:
    return subprocess.run(["bash", "-ec", command], capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def local(**facts: Any) -> System:
    """This machine, for what a test has started on it."""
    return System(run=local_run, shell=local_shell, facts=facts)


def lab_host(*prepare: str, clean: str = "true", **facts: Any) -> Callable[[], AbstractContextManager[System]]:
    """A host of the running lab, brought to the case's beginning by shell commands, and tidied up by ``clean``.

    ``ERPOPS_INVENTORY`` names the inventories, separated by colons; ``ERPOPS_CONTRACT_HOST`` the host (default: the
    first one). Without a lab the case is skipped.
    """

    @contextlib.contextmanager
    def opened() -> Iterator[System]:
        host = LabHost.chosen()
        try:
            for command in prepare:
                host.shell(command)
            yield System(run=host.run, shell=host.shell, facts=facts)
        finally:
            host.shell(clean)

    return opened


@dataclass(frozen=True)
class LabHost:
    """A host of the running lab, for tests that look from outside or from another host."""

    name: str
    address: str
    groups: frozenset[str]
    inventories: tuple[str, ...]
    ssh: tuple[str, ...]

    @classmethod
    def all(cls) -> dict[str, LabHost]:
        """The hosts of the inventories that ``ERPOPS_INVENTORY`` names."""
        inventories = tuple(filter(None, os.environ.get("ERPOPS_INVENTORY", "").split(":")))
        if not inventories:
            pytest.skip("no lab: ERPOPS_INVENTORY is not set")
        listing = json.loads(_ansible("ansible-inventory", "--list", *inventory_options(inventories)))
        variables = listing["_meta"]["hostvars"]
        members = {name: frozenset(value.get("hosts", ())) for name, value in listing.items() if name != "_meta"}
        return {
            name: cls(
                name=name,
                address=host["ansible_host"],
                groups=frozenset(group for group, hosts in members.items() if name in hosts),
                inventories=inventories,
                ssh=(
                    *("ssh", "-i", host["ansible_ssh_private_key_file"]),
                    *shlex.split(host["ansible_ssh_common_args"]),
                    f"root@{host['ansible_host']}",
                ),
            )
            for name, host in variables.items()
        }

    @classmethod
    def chosen(cls) -> LabHost:
        hosts = cls.all()
        return hosts[os.environ.get("ERPOPS_CONTRACT_HOST") or min(hosts)]

    def shell(self, command: str) -> str:
        """The command's output."""
        remote = f"bash -ec {shlex.quote(command)}"
        done = subprocess.run([*self.ssh, remote], capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, f"{self.name}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def sql(self, statement: str, database: str = "postgres", psql: str = "runuser -u postgres -- psql") -> str:
        """Rows as the host's own psql prints them to PostgreSQL's superuser, fields separated by |."""
        command = f"{psql} -XAtq -v ON_ERROR_STOP=1 -d {shlex.quote(database)} -c {shlex.quote(statement)}"
        return self.shell(f"cd / && {command}").strip()

    def run(self, module: str, arguments: Mapping[str, Any], check: bool) -> Result:
        return self._task({f"erpops.odoo.{module}": dict(arguments), "check_mode": check, "diff": True})

    def _task(self, task: Mapping[str, Any]) -> Result:
        with tempfile.TemporaryDirectory() as folder:
            out, play = Path(folder, "result.json"), Path(folder, "play.yml")
            keep = {
                "ansible.builtin.copy": {"content": "{{ done | to_json }}", "dest": str(out), "mode": "0600"},
                "delegate_to": "localhost",
                "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            }
            tasks = [{**task, "register": "done", "ignore_errors": True}, keep]
            play.write_text(json.dumps([{"hosts": self.name, "gather_facts": False, "tasks": tasks}]))
            _ansible("ansible-playbook", str(play), *inventory_options(self.inventories))
            result: Result = json.loads(out.read_text())
            return result


def inventory_options(inventories: tuple[str, ...]) -> list[str]:
    return [option for inventory in inventories for option in ("--inventory", str(ROOT / inventory))]


def _ansible(command: str, *arguments: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name(command)), *arguments],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
