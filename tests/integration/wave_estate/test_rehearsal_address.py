# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users try a rehearsal at its address, as they would before they accept it, and nothing of it is left afterwards.

On the estate that `make demo-wave` leaves behind: birch is prepared and seeded once more. The tests stand in the order
in which it is opened, looked at, taken away, opened again and ended by its last day.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from integration.estate import runs
from integration.estate.live import Answer, Browser, Estate

MEMBER, SOURCE = "birch", ("legacy1", "birch")
COPY, UNIT = f"{MEMBER}__rehearsal", f"odoo-rehearsal-{MEMBER}"
CHOSEN: dict[str, Any] = {"wave_names": MEMBER}
LAYER = f"/var/lib/containers/rehearsals/{MEMBER}/upper"
MAILS = f"/var/lib/containers/rehearsals/{MEMBER}/mail"
SINK = ("127.0.0.1", 1025)
FILES = f"/var/lib/erpops/tenants/{MEMBER}/filestore/{MEMBER}"
SYSTEMD = "/etc/systemd/system /var/lib/systemd/timers"
PLACES = {
    "app": f"/etc/containers/systemd /etc/erpops /var/lib/containers/rehearsals /run/netns {SYSTEMD}",
    "edge": f"/etc/traefik /etc/erpops/pki {SYSTEMD}",
    "postgres": SYSTEMD,
}
CONNECTS = """
import json, os, socket
import psycopg2

def tried(work):
    try:
        work()
        return True
    except Exception as error:
        return False

def database(name):
    return lambda: psycopg2.connect(
        host="/run/postgresql", port=6432, user=%(member)r, dbname=name, connect_timeout=10
    ).cursor().execute("SELECT 1")

print(json.dumps({
    "interfaces": [name for _index, name in socket.if_nameindex()],
    "hosts": [place for place in %(hosts)r if tried(lambda: socket.create_connection(place, 5))],
    "databases": [name for name in %(databases)r if tried(database(name))],
}))
"""


@dataclass
class Visitor(Browser):
    """A browser that was told the password page's name and password."""

    door: str = ""

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        told = {"Authorization": "Basic " + base64.b64encode(self.door.encode()).decode()} if self.door else {}
        return super().request(method, path, body, {**told, **(headers or {})})

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        params = {"model": model, "method": method, "args": list(args), "kwargs": kwargs}
        value = {"jsonrpc": "2.0", "method": "call", "params": params}
        answer = json.loads(self.post_json(f"/web/dataset/call_kw/{model}/{method}", value).body)
        assert "error" not in answer, answer
        return answer.get("result")  # Odoo leaves out a None


def visitor(estate: Estate, door: str | None = None) -> Visitor:
    hostname = f"rehearsal.{estate.tenant(MEMBER)['hostnames'][0]}"
    told = f"{MEMBER}:{estate.secret('rehearsal_door', MEMBER)}" if door is None else door
    return Visitor(hostname, estate.address(estate.groups["edge"][0]), estate.ca_file, door=told)


def state(estate: Estate) -> str:
    return estate.psql(estate.primary(), f"SELECT state FROM wave.member WHERE name = '{MEMBER}'", "erpops")[0]


def app(estate: Estate) -> str:
    """The copy runs where the member's files are."""
    (host,) = runs.files(estate, MEMBER)
    return host


def files(estate: Estate, folder: str) -> set[str]:
    """By name; what lies in a filestore is named by its content."""
    return set(estate.run(app(estate), "find", folder, "-type", "f", "-printf", "%f\n").stdout.split())


def left(estate: Estate) -> dict[str, list[str]]:
    """Everything that speaks of a rehearsal, by host: files, units, the copy."""
    found: dict[str, list[str]] = {}
    for group, places in PLACES.items():
        for host in estate.groups[group]:
            said = estate.run(host, "sh", "-c", f"find {places} -name '*rehearsal*{MEMBER}*' -o -path '*rehearsals/*'")
            units = estate.run(host, "systemctl", "list-units", "--all", "--plain", "--no-legend", "*-rehearsal-*")
            found.setdefault(host, []).extend([*said.stdout.split("\n"), *units.stdout.split("\n")])
    found["databases"] = sorted(name for name in runs.databases(estate) if name == COPY)
    return {place: kept for place, lines in found.items() if (kept := [line for line in lines if line])}


def routed(estate: Estate) -> bool:
    """By Traefik's own account."""
    asked = (
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/api/http/routers?per_page=9999').read())"
    )
    said = estate.run(estate.groups["edge"][0], "python3", "-c", asked)
    assert f"{MEMBER}@file" in said.stdout, "control: it names the member's own route"
    return f"erpops-rehearsal-{MEMBER}" in said.stdout


@pytest.fixture(scope="module")
def following(estate: Estate) -> Iterator[None]:
    if state(estate) != "following":
        runs.done(estate, "wave_prepare", **CHOSEN)
        runs.done(estate, "wave_seed", **CHOSEN)
    assert left(estate) == {}, "control: nothing is open"
    yield
    if state(estate) == "following":
        runs.done(estate, "wave_rollback", **CHOSEN)


@dataclass
class Opened:
    """What the operator read, and the time in UTC afterwards."""

    said: str
    at: str


@pytest.fixture(scope="module")
def opened(estate: Estate, following: None) -> Opened:
    said = runs.done(estate, "wave_rehearse", **CHOSEN, wave_rehearsal_open=True)
    return Opened(said, estate.psql(estate.primary(), "SELECT now() AT TIME ZONE 'UTC'")[0])


def test_the_operator_reads_where_it_is_and_whom_to_tell(estate: Estate, opened: Opened) -> None:
    said = " ".join(opened.said.split())
    assert f"https://rehearsal.{estate.tenant(MEMBER)['hostnames'][0]}" in said
    assert "admin" in said and "rehearsal_door" in said
    assert estate.secret("rehearsal_door", MEMBER) not in said
    assert estate.secret("rehearsal", MEMBER) not in said


def test_a_password_stands_before_every_page(estate: Estate, opened: Opened) -> None:
    wrong = f"{MEMBER}:{estate.secret('rehearsal', MEMBER)}", f"acme:{estate.secret('rehearsal_door', MEMBER)}"
    for door in ("", *wrong):
        for path in ("/web/login", "/jsonrpc", "/web/static/src/img/favicon.ico", "/longpolling/poll"):
            answer = visitor(estate, door).get(path)
            assert answer.status == 401, f"{path} with {door!r}"
            assert "open to the end of 20" in answer.headers["WWW-Authenticate"]
    assert b'name="login"' in visitor(estate).get("/web/login").body
    edge = estate.groups["edge"][0]
    path = f"/etc/traefik/dynamic/rehearsal-{MEMBER}.yml"
    assert estate.secret("rehearsal_door", MEMBER) not in estate.run(edge, "cat", path).stdout
    assert estate.run(edge, "stat", "-c", "%U %G %a", path).stdout.split() == ["root", "traefik", "640"]


def test_the_database_manager_is_closed(estate: Estate, opened: Opened) -> None:
    for path in ("/web/database/manager", "/web/database/selector", "/xmlrpc/2/db"):
        assert visitor(estate).get(path).status == 403, path


def test_only_the_edge_reaches_it(estate: Estate, opened: Opened) -> None:
    listening = estate.run(app(estate), "systemctl", "show", "--value", "-p", "Listen", f"{UNIT}.socket").stdout
    address, _colon, port = listening.split()[0].rpartition(":")
    connect = f"import socket; socket.create_connection(({address!r}, {port}), 5)"
    as_odoo = ("runuser", "-u", "odoo", "--")  # nobody else has Python there
    for host, user, expected in (
        (estate.groups["edge"][0], (), 0), (estate.groups["postgres"][0], (), 1), (SOURCE[0], as_odoo, 1),
    ):  # fmt: skip
        tried = estate.run(host, *user, "python3", "-c", connect)
        assert tried.returncode == expected and (expected == 0 or re.search("Error|timed out", tried.stderr)), (
            host,
            tried.stderr,
        )


def test_what_users_upload_stays_out_of_the_members_files(estate: Estate, opened: Opened) -> None:
    user, before = visitor(estate), files(estate, FILES)
    user.login("admin", estate.secret("rehearsal", MEMBER))
    assert user.uid()
    content = secrets.token_bytes(2000)
    values = {"name": "acceptance.bin", "datas": base64.b64encode(content).decode()}
    made = user.call("ir.attachment", "create", [values])
    (number,) = made if isinstance(made, list) else [made]
    assert user.get(f"/web/content/{number}").body == content
    name = estate.psql(estate.primary(), f"SELECT checksum FROM ir_attachment WHERE id = {number}", COPY)[0]
    assert name in files(estate, LAYER)
    assert name not in files(estate, FILES) and before <= files(estate, FILES), "nothing came, nothing went"
    for host, database in ((estate.primary(), MEMBER), SOURCE):
        assert estate.psql(host, f"SELECT 1 FROM ir_attachment WHERE checksum = '{name}'", database) == []
    estate.run(app(estate), "systemctl", "restart", f"{UNIT}.service")
    user.wait_for_page()
    assert user.get(f"/web/content/{number}").body == content, "it outlives the container"


def test_nothing_gets_out_and_no_other_database_is_reached(estate: Estate, opened: Opened) -> None:
    databases = sorted(runs.databases(estate) - {"template0"})
    places = ((SOURCE[0], 22), (SOURCE[0], 25), ("edge1", 443), ("db1", 5432), ("app1", 22))
    hosts = [(estate.address(host), port) for host, port in places]
    hosts += [SINK, ("127.0.0.1", 22), ("127.0.0.1", 25), ("127.0.0.1", 5000)]
    program = CONNECTS % {"member": MEMBER, "hosts": hosts, "databases": databases}
    asked = estate.run(app(estate), "podman", "exec", "-i", UNIT, "python3", "-", text=program)
    assert asked.returncode == 0, asked.stderr
    found = json.loads(asked.stdout)
    assert found == {"interfaces": ["lo"], "hosts": [list(SINK)], "databases": [COPY, "postgres"]}
    assert {"elm", "erpops", MEMBER} <= set(databases), "control: there is more to reach"


def mailed(estate: Estate, values: dict[str, Any]) -> dict[str, Any]:
    """What Odoo notes of a mail that the administrator sends, and which files of the sink have its Message-Id."""
    user = visitor(estate)
    user.login("admin", estate.secret("rehearsal", MEMBER))
    values = {"subject": "x", "body_html": "x", "email_from": "office@acme.example", **values}
    mail = user.call("mail.mail", "create", values)
    user.call("mail.mail", "send", [mail])
    noted = user.call("mail.mail", "read", [mail], ["state", "message_id"])[0]
    found = estate.run(app(estate), "grep", "-rlF", noted["message_id"], MAILS).stdout.split()
    return {"state": noted["state"], "kept": found}


def test_a_mail_ends_in_the_sink(estate: Estate, opened: Opened) -> None:
    sent = mailed(estate, {"email_to": "somebody@acme.example", "email_cc": "other@acme.example"})
    assert sent["state"] == "sent" and len(sent["kept"]) == 1, sent
    text = estate.run(app(estate), "cat", *sent["kept"]).stdout
    assert "\nX-RcptTo: somebody@acme.example, other@acme.example\n" in text.replace("\r", "")
    listening = estate.run(app(estate), "ss", "-Hltn", f"sport = :{SINK[1]}").stdout
    assert listening == "", "nobody but the copy reaches it"
    inside = estate.run(app(estate), "ip", "netns", "exec", UNIT, "ss", "-Hltn", f"sport = :{SINK[1]}").stdout
    assert inside.split()[3] == "{}:{}".format(*SINK), "control: that is where it listens"


def test_without_the_sink_a_mail_goes_nowhere(estate: Estate, opened: Opened) -> None:
    sink = f"{UNIT}_mail.service"
    assert estate.run(app(estate), "systemctl", "stop", sink).returncode == 0
    try:
        assert mailed(estate, {"email_to": "somebody@acme.example"}) == {"state": "exception", "kept": []}
    finally:
        assert estate.run(app(estate), "systemctl", "start", sink).returncode == 0
    assert mailed(estate, {"email_to": "somebody@acme.example"})["state"] == "sent"


def test_no_cron_runs(estate: Estate, opened: Opened) -> None:
    threads = estate.run(app(estate), "podman", "exec", UNIT, "grep", "max_cron_threads", "/etc/odoo/odoo.conf").stdout
    assert threads.split() == ["max_cron_threads", "=", "0"]
    ran = f"SELECT count(*) FROM ir_cron WHERE lastcall > timestamp '{opened.at}'"
    assert estate.psql(estate.primary(), ran, COPY) == ["0"]


def test_the_legacy_host_serves_and_site_leaves_the_rehearsal_alone(estate: Estate, opened: Opened) -> None:
    assert estate.browser(MEMBER).get("/web/login").status == 200
    runs.done(estate, "site")  # mends what hosts that died in other tests have left
    again = runs.done(estate, "site")
    assert runs.changes(again) == 0, again[-6000:]
    assert visitor(estate).get("/web/login").status == 200


def test_the_next_rehearsal_takes_it_away(estate: Estate, opened: Opened) -> None:
    runs.done(estate, "wave_rehearse", **CHOSEN)
    assert left(estate) == {}
    assert not routed(estate)


def test_the_last_day_takes_it_away_without_anybody(estate: Estate, following: None) -> None:
    runs.done(estate, "wave_rehearse", **CHOSEN, wave_rehearsal_open=True, wave_rehearsal_days=1)
    assert visitor(estate).get("/web/login").status == 200
    ends = {app(estate): f"{UNIT}_end"}
    ends |= {host: f"erpops-rehearsal-{MEMBER}_end" for group in ("edge", "postgres") for host in estate.groups[group]}
    for host, unit in ends.items():
        due = estate.run(host, "systemctl", "list-timers", "--no-legend", f"{unit}.timer").stdout
        assert "23:59:59" in due, f"{host}: {due}"
        ended = estate.run(host, "systemctl", "start", f"{unit}.service")
        assert ended.returncode == 0, f"{host}: {ended.stderr}"
    kept = {line.split("/")[-1].split(" ")[0] for lines in left(estate).values() for line in lines}
    assert all("_end." in name or name.endswith(".served.yml") for name in kept), kept
    assert not routed(estate)


def test_a_withdrawn_member_leaves_nothing(estate: Estate, following: None) -> None:
    runs.done(estate, "wave_rollback", **CHOSEN)
    assert state(estate) == "withdrawn"
    assert left(estate) == {}
    assert estate.browser(MEMBER).get("/web/login").status == 200
