# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the log of a legacy host to the page of wave_status, with a real Odoo 14 whose journal is the member's.

The Odoo of the legacy host plays the member's unit: a unit of the same name, on the same host, which writes the same
lines into the journal as one in a container.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from contracts.harness import ROOT

from ansible_collections.erpops.odoo.plugins.module_utils.wave import statistics
from integration.waves.live import ADMIN_PASSWORD, FOLDER, SECONDS, Waves

MEMBER, PORT = "birch", 18069  # its database on the legacy host has the same name
SEARCH = "/web/dataset/call_kw/project.task/search_read"
UNIT = f"odoo-{MEMBER}.service"


@pytest.fixture
def unit(waves: Waves) -> Iterator[None]:
    """Started a while after the cutover that the store is told; stopped again."""
    command = f"odoo --config=/etc/odoo/odoo.conf --logfile= --database={MEMBER} --db-filter=^{MEMBER}$"
    ports = f"--http-port={PORT} --longpolling-port={PORT + 1} --workers=0 --max-cron-threads=0"
    waves.legacy.shell(f"systemctl stop odoo; systemd-run --quiet --collect --unit={UNIT} --uid=odoo {command} {ports}")
    yield
    waves.legacy.shell(f"systemctl stop {UNIT} || true")
    for database in (MEMBER, "erpops"):
        waves.target_sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


def inventory(waves: Waves, folder: Path) -> list[str]:
    groups = {"legacy": "legacy1", "app": "legacy1", "postgres": "db1"}
    variables = {
        "estate_name": "north", "estate_address": "{{ ansible_host }}", "estate_secret": "x" * 40,
        "estate_secret_overrides": {"erpops_admin": ADMIN_PASSWORD},
        "postgres_clusters": [{"name": "main", "members": ["db1"]}],
        "wave_members": [{"name": MEMBER, "host": "legacy1", "database": MEMBER}],
        "wave_discover_checksums": False,
        **{name: str(folder / name) for name in (
            "wave_discover_folder", "wave_discover_dispositions_folder", "wave_status_folder")},
    }  # fmt: skip
    place = folder / "groups.json"
    children: dict[str, Any] = {group: {"hosts": {host: {}}} for group, host in groups.items()}
    children["app"]["hosts"]["gone"] = {"ansible_host": "127.0.0.1", "ansible_port": 1}  # a host that does not answer
    place.write_text(json.dumps({"all": {"vars": variables, "children": children}}))
    return ["-i", waves.legacy.inventories[0], "-i", str(place)]


def play(waves: Waves, folder: Path, name: str) -> None:
    done = subprocess.run(
        [ROOT / "build/venv/bin/ansible-playbook", ROOT / f"playbooks/{name}.yml", *inventory(waves, folder)], cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}, capture_output=True, text=True, check=False,
        timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert ("skip_unreachable" in done.stdout or "UNREACHABLE" in done.stdout) == (name == "wave_status"), "control"


def status(waves: Waves, folder: Path) -> dict[str, Any]:
    play(waves, folder, "wave_status")
    read = json.loads((folder / "wave_status_folder" / "wave_status.json").read_text())
    (member,) = read["members"]
    found: dict[str, Any] = member["performance"]
    return found


def work(waves: Waves, searches: int) -> None:
    """A user of the member: a login, then the same search again and again."""
    visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    url = f"http://{waves.legacy.address}:{PORT}"

    def call(path: str, params: dict[str, Any]) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        asked = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
        with visitor.open(asked, timeout=60) as answer:
            return json.load(answer)

    deadline = time.monotonic() + 120
    while True:
        try:
            assert call("/web/session/authenticate", {"db": MEMBER, "login": "admin", "password": "admin"})["result"]
            break
        except (OSError, urllib.error.URLError):
            assert time.monotonic() < deadline, "Odoo does not answer"
            time.sleep(1)
    search = {"model": "project.task", "method": "search_read", "args": [[], ["name"]], "kwargs": {"limit": 5}}
    for _number in range(searches):
        assert "result" in call(SEARCH, search)


def target_of_its_own(waves: Waves) -> dict[str, Any]:
    """A database of the member on the target, and what a cutover notes of it."""
    waves.target_sql(f"DROP DATABASE IF EXISTS {MEMBER}")
    waves.target_sql(f"CREATE DATABASE {MEMBER}")
    waves.target_sql("CREATE TABLE before (a int)", MEMBER)
    waves.target.shell("sleep 2")
    query = statistics.COUNTERS.replace("%s", f"ARRAY['{MEMBER}']")
    row: dict[str, Any] = json.loads(waves.target_sql(f"SELECT row_to_json(x) FROM ({query}) AS x"))
    return row


def test_both_sides_of_a_member_are_compared(waves: Waves, unit: None, tmp_path: Path) -> None:
    waves.target.shell(f"install -D -m 0644 {FOLDER}/pg/ca.crt /etc/erpops/pki/ca.crt")
    waves.target_sql("DROP DATABASE IF EXISTS erpops")
    waves.legacy.shell("sleep 4")  # hours are told to the thousandth: less than two seconds of counters are none
    play(waves, tmp_path, "wave_discover")
    (tmp_path / "wave_discover_folder" / "legacy1.json").unlink()  # nobody needs it any more
    cut_over = "jsonb_set(facts, '{cutover}', jsonb_build_object('at', date_trunc('second', now())))"
    waves.target_sql(f"UPDATE wave.member SET state = 'live', origin = 'live', facts = {cut_over}", "erpops")
    before = status(waves, tmp_path)
    log = waves.legacy.shell("cat /var/log/odoo/odoo-server.log")
    searches = re.findall(rf' INFO {MEMBER} werkzeug: .*"POST {SEARCH} HTTP/\S+" \d+ - \d+ (\S+) (\S+)', log)
    known = json.loads(waves.target_sql("SELECT facts #> '{discovery,performance,routes}' FROM wave.member", "erpops"))
    (route,) = [each for each in known if each["path"] == SEARCH]
    assert route["count"] == len(searches) > 20
    times = sorted(round(float(one) + float(other), 3) for one, other in searches)
    assert route["most_seconds"] == times[-1] and route["p50_seconds"] == times[(len(times) - 1) // 2]
    assert before["after"] is None and "No app host" in before["missing"] and before["verdict"].startswith("too few")

    counters = before["statistics"]
    assert counters["before"]["hours"] > 0 and 0 < counters["before"]["hit_percent"] <= 100
    assert counters["after"] is None, "the store does not know where they stood when the target was opened"
    noted = target_of_its_own(waves)
    waves.target_sql("UPDATE wave.member SET facts = jsonb_set(facts, '{cutover,statistics}', "
                     f"'{json.dumps(noted)}')", "erpops")  # fmt: skip
    waves.legacy.shell("sleep 1")
    work(waves, 25)
    waves.target_sql("CREATE TABLE x (a int); INSERT INTO x SELECT generate_series(1, 1000)", MEMBER)
    waves.target.shell("sleep 2")
    after = status(waves, tmp_path)
    since = "SELECT extract(epoch FROM (facts #>> '{cutover,at}')::timestamptz)::int FROM wave.member"
    journal = waves.legacy.shell(f"journalctl -u {UNIT} -o cat --since @{waves.target_sql(since, 'erpops')}")
    assert after["missing"] == ""
    (route,) = [each for each in after["routes"] if each["path"] == SEARCH]
    assert route["before"]["count"] == len(searches)
    assert route["after"]["count"] == len(re.findall(rf" INFO {MEMBER} werkzeug: .*{SEARCH} ", journal)) == 25
    assert route["verdict"] in ("slower", "as before", "faster") and route["ratio"] > 0
    counters = after["statistics"]["after"]
    written = waves.target_sql(f"SELECT tup_inserted + tup_updated + tup_deleted - {noted['rows_written']}"
                               f" FROM pg_stat_database WHERE datname = '{MEMBER}'")  # fmt: skip
    assert counters["rows_written"] * counters["hours"] == pytest.approx(int(written), rel=0.2) and int(written) >= 1000
    metrics = (tmp_path / "wave_status_folder" / "wave_status.prom").read_text()
    assert f'erpops_wave_member_request_seconds{{member="{MEMBER}",wave="",when="after",quantile="0.95"}}' in metrics
    assert SEARCH in (tmp_path / "wave_status_folder" / "wave_status.html").read_text()

    waves.target_sql(
        "UPDATE wave.member SET facts = jsonb_set(facts, '{cutover,at}', '\"2099-01-01T00:00:00+00:00\"')", "erpops"
    )
    assert status(waves, tmp_path)["after"] is None, "what was before the cutover is not of the target"
