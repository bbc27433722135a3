# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.discovery import installation
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import Record


def test_options_of_configurations_as_they_are_written() -> None:
    text = (
        "[options]\n; comment\naddons_path = /a,\n  /b\nadmin_passwd = ***\ndbfilter = ^%d$\n"
        "workers=4\nworkers = 5\n[queue_job]\nchannels = root:2\n"
    )
    found = installation.options_of(text)
    assert found["workers"] == "5" and found["dbfilter"] == "^%d$" and "channels" not in found
    assert installation.options_of("no section") == {} == installation.options_of("[other]\na=1")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{'name': open('/etc/passwd').read()}", "malformed"),
        ("__import__('os').system('x')", "malformed"),
        ("{'name': ", "never closed"),
        ("['a']", "it is a list"),
        ("", "invalid syntax"),
        ("(" * 3000, "nested|parenthes|memory|stack"),
    ],
)
def test_a_manifest_is_never_run(text: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        installation.manifest_of(text)


def addon(path: str, text: str) -> list[Record]:
    return [
        Record("manifest", path),
        Record("text", text),
        Record("lines", "12\n"),
        Record("mentions", "/srv/x\nhttps://a.example\n"),
    ]


def test_modules_by_folder() -> None:
    found = [
        Record("part addons", ""),
        Record("addons", "/usr/addons"),
        Record("kind", "core\n"),
        Record("manifest", "/usr/addons/web/__manifest__.py"),
        Record("text", "{'name': 'Web'}"),
        Record("addons", "/opt/custom"),
        Record("kind", "other\n"),
        *addon(
            "/opt/custom/x_a/__manifest__.py",
            "{'name': 'A', 'author': ['Ann', 'Bob'], 'depends': ('web',), 'version': 1.0}",
        ),
        *addon("/opt/custom/x_b/__openerp__.py", "{broken"),
        Record("end", ""),
    ]
    others, core, unreadable = installation.modules(found)
    assert core == {"web"}
    assert [
        (each["name"], each["author"], each["depends"], each["version"], each["python_lines"]) for each in others
    ] == [
        ("x_a", "Ann, Bob", ["web"], "1.0", 12),
        ("x_b", "", [], "", 12),
    ]
    assert others[0]["mentions"] == ["/srv/x", "https://a.example"]
    assert [each["part"] for each in unreadable] == ["modules_on_disk"] and "x_b" in unreadable[0]["message"]


@pytest.mark.parametrize(
    ("name", "author", "terms", "origin"),
    [
        ("web", "", "", "odoo"),
        ("x_gone", "Odoo S.A.", "", "missing"),
        ("x_own", "ACME, Odoo Community Association (OCA)", "AGPL-3", "community"),
        ("x_own", "Odoo S.A.", "OEEL-1", "odoo"),
        ("x_own", "Odoo S.A.", "LGPL-3", "custom"),  # anybody can write that name
        ("x_own", "ACME", "OEEL-1", "custom"),
        ("x_own", None, "", "custom"),
    ],
)
def test_origins(name: str, author: str | None, terms: str, origin: str) -> None:
    on_disk = {"x_own": {"author": author or "", "license": terms}}
    assert installation.origin(name, author or "", {"web", "base"}, on_disk) == origin


def test_an_installation_with_what_runs_it() -> None:
    found = [
        Record("part odoo", ""),
        Record("unit", "/etc/systemd/system/odoo.service"),
        Record("text", "ExecStart=/opt/odoo/odoo-bin -c /etc/odoo.conf"),
        Record("process", "12\nodoo\n/usr/bin/python3\n/opt/odoo/odoo-bin\n-c\n/etc/odoo.conf\n"),
        Record("process", "13\nodoo\n/usr/bin/python3\n/opt/odoo/odoo-bin\n-c\n/etc/odoo.conf\n"),
        Record("config", "/etc/odoo.conf"),
        Record("text", "[options]\ndb_host = db.example\naddons_path = /a,\n /b\n"),
        Record("release", "/opt/odoo/odoo"),
        Record("text", "version_info = (13, 0, 0, FINAL, 0, '')"),
        Record("git", "/opt/odoo\nabc123\n M addons/sale/models/sale.py\n?? x.py\n"),
        Record("wkhtmltopdf", "wkhtmltopdf 0.12.6 (with patched qt)\n"),
        Record(
            "python",
            "/usr/lib/python3/dist-packages/lxml-4.6.3.egg-info\n/opt/venv/lib/python3.9/site-packages/my_pkg-1.0.dist-info",
        ),
        Record("end", ""),
    ]
    (odoo,) = installation.installations(found)
    assert (odoo["version"], odoo["kind"], odoo["revision"], odoo["user"], odoo["processes"]) == (
        "13.0",
        "git",
        "abc123",
        "odoo",
        2,
    )
    assert odoo["patched_files"] == ["/opt/odoo/addons/sale/models/sale.py", "/opt/odoo/x.py"]
    assert odoo["addons_path"] == ["/a", "/b"] and odoo["wkhtmltopdf"] == "0.12.6 (with patched qt)"
    assert odoo["python_packages"] == {"lxml": "4.6.3", "my_pkg": "1.0"}
    assert installation.remote_servers([odoo]) == ["db.example"]
    assert (
        installation.remote_servers(
            [{"options": {"db_host": "False"}}, {"options": {"db_host": "/run/x"}}, {"options": {}}]
        )
        == []
    )


def release(folder: str, version: str, *more: Record) -> list[Record]:
    return [Record("release", folder), Record("text", f"version_info = ({version}, 0, 0, FINAL, 0, '')"), *more]


def configured(path: str, text: str) -> list[Record]:
    return [Record("config", path), Record("text", f"[options]\n{text}")]


def test_several_odoos_on_a_host_each_have_their_own_release() -> None:
    found = [
        Record("part odoo", ""),
        Record("unit", "/etc/systemd/system/odoo16.service"),
        Record("text", "ExecStart=/opt/venv16/bin/python /home/erp/o16/odoo-bin --config=/etc/odoo16.conf"),
        Record("process", "9\nodoo\n/opt/venv17/bin/python3\n/opt/venv17/bin/odoo\n-c\n/etc/odoo17.conf"),
        Record("process", "8\nodoo\n/usr/bin/python3\n/usr/bin/odoo\n-c\n/etc/odoo14.conf"),
        *configured("/etc/odoo14.conf", ""),
        *configured("/etc/odoo15.conf", "addons_path = /srv/o15/odoo/addons,/srv/custom"),
        *configured("/etc/odoo16.conf", "addons_path = /srv/o15/odoo/addons"),
        *configured("/etc/odoo17.conf", ""),
        *configured("/etc/odoo99.conf", "addons_path = /srv/custom"),
        Record("packages", "ii  odoo-14 14.0.1\n"),
        Record("patched", "??5??????   /usr/lib/python3/dist-packages/odoo/http.py\n"),
        *release("/usr/lib/python3/dist-packages/odoo", "14"),
        *release("/srv/o15/odoo", "15"),
        *release(
            "/home/erp/o16/odoo", "16",
            Record("git", "/home/erp/o16\nabc\n M odoo/sql_db.py"),
            Record("commits", "abc Our fix\n"), Record("ahead", "odoo/http.py\n"),
        ),
        *release("/opt/venv17/lib/python3.11/site-packages/odoo", "17"),
        Record("wkhtmltopdf", ""),
        Record("end", ""),
    ]  # fmt: skip
    odoos = {each["config"]: each for each in installation.installations(found)}
    assert {path: (each["version"], each["kind"]) for path, each in odoos.items()} == {
        "/etc/odoo14.conf": ("14.0", "package"),
        "/etc/odoo15.conf": ("15.0", "unknown"),
        "/etc/odoo16.conf": ("16.0", "git"),
        "/etc/odoo17.conf": ("17.0", "pip"),
        "/etc/odoo99.conf": ("unknown", "unknown"),
    }
    own = odoos["/etc/odoo16.conf"]
    assert own["patched_files"] == ["/home/erp/o16/odoo/http.py", "/home/erp/o16/odoo/sql_db.py"]
    assert (own["revision"], own["local_commits"]) == ("abc", ["abc Our fix"])
    assert odoos["/etc/odoo14.conf"]["patched_files"] == ["/usr/lib/python3/dist-packages/odoo/http.py"]
    assert odoos["/etc/odoo15.conf"]["patched_files"] == [] == odoos["/etc/odoo17.conf"]["patched_files"]
    (problem,) = installation.unattributed(found, list(odoos.values()))
    assert "/etc/odoo99.conf: nothing says which release" in problem["message"]


def test_a_host_knows_its_own_names() -> None:
    named = [{"options": {"db_host": "DB1.example"}}, {"options": {"db_host": "10.0.0.5"}}, {"patched_files": []}]
    assert installation.remote_servers(named, ["db1.example", "10.0.0.5"]) == []
    assert installation.remote_servers(named, ["10.0.0.5"]) == ["DB1.example"]
