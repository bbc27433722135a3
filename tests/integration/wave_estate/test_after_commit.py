# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make demo-wave` leaves: two members committed, one on each legacy host, and one that went back to the first."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from integration.estate import runs
from integration.estate.live import Estate

RESTORE = "/usr/lib/postgresql/17/bin/pg_restore"
FINISHED, STILL = "legacy2", "legacy1"  # the host of cedar alone; that of acme and birch, which is served there
MOVED = ("acme", "cedar")
CREATE, LOG = "/web/dataset/call_kw/res.partner/create", "/var/log/odoo/odoo-server.log"
KEYS = "cat /root/.ssh/authorized_keys /var/lib/postgresql/.ssh/authorized_keys 2>/dev/null | grep -c erpops"


def odoo(estate: Estate, host: str) -> tuple[str, str]:
    return tuple(
        estate.run(host, "systemctl", verb, "odoo.service").stdout.strip() for verb in ("is-enabled", "is-active")
    )


def keys(estate: Estate, host: str) -> int:
    return int(estate.run(host, "sh", "-c", KEYS).stdout)


def tunnels(estate: Estate, host: str) -> set[str]:
    listed = estate.run(host, "sh", "-c", "ls /etc/systemd/system /var/lib/erpops/sources").stdout.split()
    return {name for legacy in (FINISHED, STILL) for name in listed if legacy in name}


def unit_log(estate: Estate, host: str, name: str, since: str) -> str:
    unix = str(int(datetime.fromisoformat(since).timestamp()))
    command = ("journalctl", "--unit", f"odoo-{name}.service", "--since", f"@{unix}", "--output", "cat", "--quiet")
    return estate.run(host, *command).stdout


def test_all_of_it_went_without_python_and_rsync_on_the_sources(estate: Estate) -> None:
    for host in (FINISHED, STILL):
        for user in ("root", "postgres"):
            for tool in ("python3", "rsync"):
                tried = estate.run(host, "runuser", "-u", user, "--", tool, "--version")
                assert tried.returncode in (1, 126, 127), (host, user, tool, tried.stdout)
        assert estate.run(host, "runuser", "-u", "odoo", "--", "python3", "--version").returncode == 0, "control"


def test_an_odoo_that_serves_nobody_rests_and_nothing_is_deleted(estate: Estate) -> None:
    assert odoo(estate, FINISHED) == ("disabled", "inactive")
    assert int(estate.psql(FINISHED, "SELECT count(*) FROM res_partner", "cedar_prod")[0]) > 0


def test_an_odoo_that_serves_another_database_stays(estate: Estate) -> None:
    assert odoo(estate, STILL) == ("enabled", "active")


def test_the_ways_to_a_finished_host_are_gone(estate: Estate) -> None:
    assert keys(estate, FINISHED) == 0
    assert keys(estate, STILL) > 0, "control"
    for host in estate.groups["postgres"]:
        found = tunnels(estate, host)
        assert not [name for name in found if FINISHED in name]
        assert [name for name in found if STILL in name], "control"


def test_nothing_of_replication_is_left_of_committed_members(estate: Estate) -> None:
    primary = estate.primary()
    left = estate.psql(primary, "SELECT slot_name FROM pg_replication_slots WHERE slot_name ~ '(acme|cedar)'")
    assert left == []
    for host, database in ((STILL, "acme_prod"), (FINISHED, "cedar_prod")):
        assert estate.psql(host, "SELECT slot_name FROM pg_replication_slots WHERE slot_name ~ '(acme|cedar)'") == []
        assert estate.psql(host, "SELECT subname FROM pg_subscription WHERE subname ~ '(acme|cedar)'", database) == []


def test_a_dump_of_each_committed_member_lies_there_and_restores(estate: Estate) -> None:
    primary = estate.primary()
    for name in ("acme", "cedar"):
        query = f"SELECT facts -> 'commit' FROM wave.member WHERE name = '{name}'"
        commit = json.loads(estate.psql(primary, query, "erpops")[0])
        host, path = commit["host"], commit["dump"]["path"]
        assert estate.run(host, "sha256sum", path).stdout.split()[0] == commit["dump"]["sha256"]
        contacts = f"{RESTORE} --data-only --table=res_partner --file=- {path} | grep -c '^[0-9]'"
        restored = int(estate.run(host, "sh", "-c", contacts).stdout)
        assert 0 < restored <= int(estate.psql(primary, "SELECT count(*) FROM res_partner", name)[0])
        assert estate.psql(primary, f"SELECT datname FROM pg_database WHERE datname ~ '^{name}__'") == []


def test_the_status_has_the_requests_of_both_sides(estate: Estate) -> None:
    """As the demonstration's last run of wave_status wrote it; both sides counted again, in the hosts' own logs."""
    folder = Path(estate.variables["wave_status_folder"])
    told = json.loads((folder / "wave_status.json").read_text())
    found = {member["name"]: member["performance"] for member in told["members"]}
    assert found["birch"] is None, "it went back"
    metrics = (folder / "wave_status.prom").read_text()
    for name, source in (("acme", STILL), ("cedar", FINISHED)):
        (route,) = [each for each in found[name]["routes"] if each["path"] == CREATE]
        assert found[name]["missing"] == "" and route["verdict"] in ("slower", "as before", "faster"), route
        query = f"SELECT facts #>> '{{cutover,at}}' FROM wave.member WHERE name = '{name}'"
        since = estate.psql(estate.primary(), query, "erpops")[0]
        texts = [unit_log(estate, host, name, since) for host in estate.groups["app"]]
        after = max(len(re.findall(rf" INFO {name} werkzeug: .*{CREATE} ", text)) for text in texts)
        assert route["after"]["count"] == after >= 20, "users rest since before the commit"
        log = estate.run(source, "grep", f" INFO {name}_prod werkzeug: .*{CREATE} ", LOG).stdout.splitlines()
        known = [line for line in log if line[:23] <= found[name]["before"]["to"]]
        assert abs(route["before"]["count"] - len(known)) <= 2 and len(known) >= 20, "lines of several processes mix"
        label = f'erpops_wave_member_requests{{member="{name}",'
        assert [line for line in metrics.splitlines() if line.startswith(label) and 'when="after"' in line]


def test_a_rollback_says_what_the_target_told_the_world(estate: Estate) -> None:
    query = "SELECT facts -> 'rollback' FROM wave.member WHERE name = 'birch'"
    rollback = json.loads(estate.psql(estate.primary(), query, "erpops")[0])
    assert rollback["live_since"] and isinstance(rollback["outside"], list)
    assert not [each for each in rollback["outside"] if each["total"] is None], rollback["outside"]
    mails = {each["table"]: each["total"] for each in rollback["outside"]}.get("mail_mail", 0)
    since = f"coalesce(write_date, create_date) >= '{rollback['live_since'].rstrip('Z')}' AND state <> 'cancel'"
    assert mails == int(estate.psql(estate.primary(), f"SELECT count(*) FROM mail_mail WHERE {since}", "birch")[0])


def test_only_what_changed_since_was_compared_and_copied_while_nobody_served(estate: Estate) -> None:
    query = "SELECT facts FROM wave.member WHERE name = '{}'"
    facts = {
        name: json.loads(estate.psql(estate.primary(), query.format(name), "erpops")[0]) for name in (*MOVED, "birch")
    }
    compared = [facts["birch"]["rollback"]["compared"], *(facts[name]["cutover"]["compared"] for name in MOVED)]
    for each in compared:
        assert "reason" not in each and each["rows"] > 1000, compared
        assert 5 * each["again"] < each["rows"], "a busy user's minutes, and not all rows"
    for name in MOVED:
        assert facts[name]["cutover"]["filestore_before"]["files"] > 0 and isinstance(facts[name]["left"], list)
        assert facts[name]["seed"]["seconds"] > 0, "of the run that copied"


def test_what_was_done_to_a_source_is_recorded_there(estate: Estate) -> None:
    for name in MOVED:
        query = f"SELECT facts #> '{{prepare,undo}}' FROM wave.member WHERE name = '{name}'"
        undo = json.loads(estate.psql(estate.primary(), query, "erpops")[0])
        assert any(each.startswith("DROP PUBLICATION") for each in undo), undo


def test_a_committed_member_is_not_rolled_back(estate: Estate) -> None:
    said = runs.refused(estate, "wave_rollback", wave_names="acme")
    assert "acme" in said and "committed" in said, said[-3000:]


def test_the_estate_is_as_declared(estate: Estate) -> None:
    again = runs.done(estate, "site")
    assert runs.changes(again) == 0, again[-6000:]
