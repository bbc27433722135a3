# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenant A gets at nothing of tenant B's, even with B's own credentials in hand. Each refusal has its control."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from .live import Estate

REACH = """
import socket
from concurrent.futures import ThreadPoolExecutor
def reached(target):
    try:
        socket.create_connection(target, timeout=3).close()
    except OSError:
        return "closed"
    return "open"
targets = {targets!r}
with ThreadPoolExecutor(len(targets)) as pool:
    for target, result in zip(targets, pool.map(reached, targets)):
        print(target[0], target[1], result)
"""

CONNECT = """
import psycopg2, sys
try:
    connection = psycopg2.connect(
        host="/run/postgresql", port={port}, dbname={database!r}, user={user!r}, password={password!r}
    )
    cursor = connection.cursor()
    cursor.execute({statement!r})
    print("rows", cursor.fetchall())
except psycopg2.Error as error:
    print("refused", error)
"""

FILES = """
import glob, os
store = "/var/lib/odoo/filestore"
print(os.listdir(store) if os.path.isdir(store) else [])
found = glob.glob("/etc/erpops/**", recursive=True) + glob.glob("/var/lib/erpops/**", recursive=True)
print([path for path in found if os.path.isfile(path) and path != "/etc/erpops/pki/ca.crt"])
print(open("/etc/odoo/pgpass").read().count(":"))
"""

REDIS = """
import redis
client = redis.Redis(
    host={host!r}, port=6379, username={user!r}, password={password!r}, ssl=True, ssl_ca_certs="/etc/erpops/pki/ca.crt"
)
for command in {commands!r}:
    try:
        print(command[0], "answered", client.execute_command(*command))
    except redis.exceptions.NoPermissionError as error:
        print(command[0], "refused")
"""


class Pair(NamedTuple):
    ours: str
    theirs: str


@pytest.fixture(scope="module", params=["19.0", "14.0"])
def pair(estate: Estate, request: pytest.FixtureRequest) -> Pair:
    """A tenant of each Odoo version, and another tenant beside it."""
    ours = estate.running(request.param)
    if not ours:
        pytest.skip(f"this estate serves no tenant on Odoo {request.param}")
    return Pair(ours[0], next(name for name in estate.running() if name != ours[0]))


def test_rpc_reaches_no_other_database(estate: Estate, pair: Pair) -> None:
    browser = estate.browser(pair.ours)
    own, their = (estate.secret("odoo_admin", name) for name in pair)
    assert browser.rpc("common", "login", pair.ours, "admin", own), "control: its own database must answer"
    for secret in (own, their):
        try:
            uid = browser.rpc("common", "login", pair.theirs, "admin", secret)
        except PermissionError:
            continue
        assert not uid, f"{pair.ours} logged in to {pair.theirs} as {uid}"


def test_xml_rpc_reaches_no_other_database(estate: Estate, pair: Pair) -> None:
    import xmlrpc.client

    def login(database: str, secret: str) -> object:
        body = xmlrpc.client.dumps((database, "admin", secret, {}), "authenticate").encode()
        answer = estate.browser(pair.ours).request("POST", "/xmlrpc/2/common", body, {"Content-Type": "text/xml"})
        return xmlrpc.client.loads(answer.body)[0][0]

    assert login(pair.ours, estate.secret("odoo_admin", pair.ours)), "control: its own database must answer"
    for name in pair:
        try:
            assert not login(pair.theirs, estate.secret("odoo_admin", name))
        except xmlrpc.client.Fault:
            continue


def test_json2_reaches_no_other_database(estate: Estate) -> None:
    served = estate.running("19.0")
    other = next(name for name in estate.running() if name != served[0])
    for headers in ({}, {"X-Odoo-Database": other}):
        answer = estate.browser(served[0]).post_json(
            "/json/2/res.users/search_read", {}, {"Authorization": "bearer 0123456789abcdef", **headers}
        )
        assert answer.status in (401, 403, 404), f"{headers}: {answer.status}"


def test_a_role_connects_to_no_other_database(estate: Estate, pair: Pair) -> None:
    secret = estate.secret("postgres", pair.ours)

    clusters = [cluster["name"] for cluster in estate.variables["postgres_clusters"]]
    ports = [6432 + clusters.index(estate.tenant(name).get("cluster", "main")) for name in pair]

    def ask(database: str, statement: str, port: int = ports[0]) -> str:
        program = CONNECT.format(port=port, database=database, user=pair.ours, password=secret, statement=statement)
        return estate.inside(pair.ours, program).stdout

    assert "rows" in ask(pair.ours, "select count(*) from res_users"), "control: its own database must answer"
    refusal = ask(pair.theirs, "select 1", ports[1])
    if ports[0] == ports[1]:
        assert "permission denied for database" in refusal
    else:  # another cluster does not even know the role
        assert refusal.startswith("refused") and "no such user" in refusal, refusal
    assert "permission denied" in ask("erpops", "select 1")
    assert "permission denied" in ask(pair.ours, "select rolpassword from pg_authid")
    assert "permission denied" in ask("postgres", "select rolpassword from pg_authid")


def test_a_container_sees_no_other_tenants_files(estate: Estate, pair: Pair) -> None:
    lines = estate.inside(pair.ours, FILES).stdout.splitlines()
    assert pair.theirs not in lines[0]
    assert lines[1] == "[]", f"{pair.ours} sees {lines[1]}"
    assert int(lines[2]) >= 4, "control: its own secrets are there"


def test_a_container_reaches_only_what_is_declared(estate: Estate, pair: Pair) -> None:
    app = estate.app_host(pair.theirs)
    number = {line.split()[0]: line.split()[1] for line in _published(estate, app)}
    target = int(number[f"odoo-{pair.theirs}"])
    network = json.loads(
        estate.run(
            app, "podman", "inspect", "--format", "{{json .NetworkSettings.Networks}}", f"odoo-{pair.theirs}"
        ).stdout
    )
    inner = next(iter(network.values()))["IPAddress"]
    redis, database = estate.address(estate.groups["redis"][0]), estate.address(estate.groups["postgres"][0])
    targets = [
        (redis, 6379),
        (inner, 8069),
        (estate.address(app), target),
        (estate.address(app), 22),
        (database, 5432),
        (database, 8008),
        (estate.address(estate.groups["etcd"][0]), 2379),
        (estate.address(estate.groups["edge"][0]), 443),
    ]
    seen = estate.inside(pair.ours, REACH.format(targets=targets)).stdout.splitlines()
    assert seen[0].endswith("open"), f"control: the sessions must be reachable: {seen[0]}"
    assert all(line.endswith("closed") for line in seen[1:]), seen


def _published(estate: Estate, host: str) -> list[str]:
    listed = json.loads(estate.run(host, "podman", "ps", "--format", "json").stdout)
    return [f"{item['Names'][0]} {port['host_port']}" for item in listed for port in (item["Ports"] or [])[:1]]


def test_a_redis_user_sees_no_other_tenants_keys(estate: Estate, pair: Pair) -> None:
    program = REDIS.format(
        host=estate.address(estate.groups["redis"][0]),
        user=pair.ours,
        password=estate.secret("redis", pair.ours),
        commands=[
            ("GET", f"{pair.ours}:session:none"),
            ("GET", f"{pair.theirs}:session:none"),
            ("SCAN", "0"),
            ("KEYS", "*"),
            ("CONFIG", "GET", "*"),
            ("ACL", "LIST"),
        ],
    )
    seen = estate.inside(pair.ours, program).stdout.splitlines()
    assert seen[0].startswith("GET answered"), f"control: its own keys must answer: {seen}"
    assert len(seen) == 6 and all(line.endswith("refused") for line in seen[1:]), seen


@pytest.mark.parametrize(
    "path",
    [
        "/web/database/manager",
        "/web/database/selector",
        "/web/database/create",
        "/web//database/manager",
        "/web/database",
    ],
)
def test_the_database_manager_is_closed(estate: Estate, pair: Pair, path: str) -> None:
    answer = estate.browser(pair.ours).get(path)
    assert answer.status in (403, 404), f"{path}: {answer.status}"


def test_undeclared_ports_are_closed_between_hosts(estate: Estate) -> None:
    def reached(source: str, *targets: tuple[str, int]) -> list[str]:
        program = REACH.format(targets=[(estate.address(target), port) for target, port in targets])
        return [line.split()[-1] for line in estate.run(source, "python3", "-", text=program).stdout.splitlines()]

    edge, app = estate.groups["edge"][0], estate.groups["app"][0]
    database, etcd, redis = estate.groups["postgres"][0], estate.groups["etcd"][0], estate.groups["redis"][0]
    assert reached(app, (database, 5432), (redis, 6379), (edge, 443)) == ["open"] * 3, "control"
    assert reached(edge, (database, 5432), (redis, 6379), (etcd, 2379)) == ["closed"] * 3
    assert reached(app, (etcd, 2379), (etcd, 2380), (edge, 8080), (edge, 8081)) == ["closed"] * 4
    assert reached(redis, (app, 10004)) == reached(database, (app, 10004)) == ["closed"]
