# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to Redis and Sentinel: one function a call, every one with a timeout, over TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.redis.model import User, parse_users

try:
    import redis

    HAS_REDIS = True
except ImportError:
    HAS_REDIS = False

TIMEOUT_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the estate's modules log in."""

    ca_file: str
    user: str
    password: str


@contextmanager
def connected(host: str, port: int, access: Access) -> Iterator[Any]:
    """A client. What the library raises becomes Unreachable, with host and port."""
    if not HAS_REDIS:
        raise Unreachable(f"Redis on {host}:{port} cannot be asked: the Python library redis is not there.")
    client = redis.Redis(
        host=host,
        port=port,
        username=access.user,
        password=access.password,
        ssl=True,
        ssl_ca_certs=access.ca_file,
        ssl_cert_reqs="required",
        ssl_check_hostname=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        decode_responses=True,
    )
    try:
        yield client
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise Unreachable(
            f"Redis on {host}:{port} refuses user {access.user}.",
            [
                Problem(
                    f"host {host}", "admin_password", "", f"Give the password that the server has. It says: {error}."
                )
            ],
        ) from error
    except redis.RedisError as error:
        raise Unreachable(
            f"Redis on {host}:{port} does not answer as it should: {error}",
            [Problem(f"host {host}", "port", str(port), "Look at the unit's journal: journalctl -u 'erpops-redis*'.")],
        ) from error
    finally:
        client.close()


def users(client: Any) -> dict[str, User]:
    """All users in one call."""
    return parse_users(client.acl_list())


def users_in(path: Path) -> dict[str, User]:
    """The users of an ACL file; none where there is no such file."""
    try:
        return parse_users(path.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return {}


def set_users(client: Any, wanted: Sequence[User]) -> None:
    pipeline = client.pipeline(transaction=False)
    for user in wanted:
        pipeline.execute_command("ACL SETUSER", user.name, *user.rules())
    pipeline.execute()


def remove_users(client: Any, names: Sequence[str]) -> None:
    client.acl_deluser(*names)


def save_users(client: Any) -> None:
    client.acl_save()


def parameters(client: Any, names: Sequence[str]) -> dict[str, str]:
    """Live parameters in one call; those that the server does not know are left out."""
    return {str(name): str(value) for name, value in client.config_get(*names).items()} if names else {}


def set_parameters(client: Any, wanted: dict[str, str]) -> None:
    """All at once: where one is refused, none is set."""
    arguments = [part for name, value in wanted.items() for part in (name, value)]
    client.execute_command("CONFIG SET", *arguments)


def keep(client: Any) -> None:
    """Write whom the instance follows into its own file, so that a restart follows the same."""
    client.config_rewrite()


def replication(client: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in client.info("replication").items()}


def counts(client: Any, replica: str) -> bool:
    """Whether a primary counts that address among its replicas, and has as many as it wants before it takes a write."""
    state = client.info("replication")
    replicas = [state[f"slave{number}"] for number in range(int(state.get("connected_slaves", 0)))]
    if replica not in {str(each["ip"]) for each in replicas if each["state"] == "online"}:
        return False
    good = state.get("min_slaves_good_slaves")  # there only where some are wanted
    return good is None or int(good) >= int(parameters(client, ["min-replicas-to-write"])["min-replicas-to-write"])


def follow(client: Any, host: str, port: int) -> None:
    client.execute_command("REPLICAOF", host, port)


def lead(client: Any) -> None:
    client.execute_command("REPLICAOF", "NO", "ONE")


def monitored(client: Any) -> dict[str, dict[str, Any]]:
    """The services that a Sentinel watches."""
    return {str(name): dict(state) for name, state in client.sentinel_masters().items()}


def companions(client: Any, service: str) -> set[str]:
    """Addresses of the other Sentinels and of the replicas that a Sentinel knows for a service."""
    known = [*client.sentinel_sentinels(service), *client.sentinel_slaves(service)]
    return {str(state["ip"]) for state in known}


def monitor(client: Any, service: str, host: str, port: int, quorum: int) -> None:
    client.execute_command("SENTINEL MONITOR", service, host, port, quorum)


def tune(client: Any, service: str, values: Sequence[tuple[str, str]]) -> None:
    arguments = [part for pair in values for part in pair]
    client.execute_command("SENTINEL SET", service, *arguments)


def asked(call: Callable[[], Any]) -> Any:
    """The answer of a member that may be down; None where it is."""
    try:
        return call()
    except Unreachable:
        return None
