# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of Redis and Valkey: what is declared and what is there, both as values of one form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import ResolvedTenant

# What everybody's client sends when it connects.
CONNECTION_COMMANDS = ("auth", "hello", "ping", "client|setname", "client|setinfo")
# Only commands that name their keys: SCAN, KEYS, DBSIZE and the like pay no heed to key patterns.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "sessions": ("get", "set", "setex", "expire", "ttl", "del", "exists", "mget", "sadd", "srem", "smembers"),
    "cache": ("get", "set", "setex", "expire", "ttl", "del", "exists", "mget", "mset", "incr", "decr", "unlink"),
    "queue": (
        *("get", "set", "setex", "expire", "ttl", "del", "exists", "lpush", "rpush", "lpop", "rpop", "blpop", "brpop"),
        *("lmove", "blmove", "llen", "lrange", "lrem", "zadd", "zrem", "zcard", "zrangebyscore", "publish"),
        *("subscribe", "unsubscribe"),
    ),
}
DEFAULT_USER = "default"
OWN_PREFIX = "erpops_"  # of users that are not tenants; a tenant's name has no underscore
NOISE = frozenset({"sanitize-payload", "resetchannels", "resetkeys", "resetpass", "clearselectors", "reset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An ACL user. ``hashes`` are SHA-256 of its passwords, as Redis keeps them."""

    name: str
    enabled: bool = False
    open: bool = False  # "nopass": any password will do
    hashes: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    commands: tuple[str, ...] = ("-@all",)
    other: frozenset[str] = frozenset()  # selectors and flags that nobody declares here

    def rules(self) -> tuple[str, ...]:
        """The arguments of ACL SETUSER after the name, from nothing."""
        return (
            "reset",
            "on" if self.enabled else "off",
            *(("nopass",) if self.open else ()),
            *(f"#{value}" for value in sorted(self.hashes)),
            *sorted(self.keys),
            *sorted(self.channels),
            *self.commands,
            *sorted(self.other),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One instance on one host. Not present: it was never started there."""

    instance: str
    present: bool = True
    users: Mapping[str, User] = field(default_factory=dict)
    saved: Mapping[str, User] = field(default_factory=dict)  # in its ACL file, which the next start reads


def hash_of(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def parse_user(line: str) -> User | None:
    """A line of ACL LIST or of an ACL file: ``user NAME rule…``. None for anything else."""
    words = _words(line)
    if len(words) < 2 or words[0] != "user":
        return None
    rules = [word for word in words[2:] if word not in NOISE]
    return User(
        name=words[1],
        enabled="on" in rules,
        open="nopass" in rules,
        hashes=frozenset(rule[1:] for rule in rules if rule.startswith("#")),
        keys=frozenset(_canonical(rule) for rule in rules if rule.startswith(("~", "%")) or rule == "allkeys"),
        channels=frozenset(_canonical(rule) for rule in rules if rule.startswith("&") or rule == "allchannels"),
        commands=_commands(rules),
        other=frozenset(rule for rule in rules if rule.startswith("(") or rule == "skip-sanitize-payload"),
    )


def parse_users(lines: Iterable[str]) -> dict[str, User]:
    users = (parse_user(line) for line in lines)
    return {user.name: user for user in users if user is not None}


def _words(line: str) -> list[str]:
    """The words of a line; a selector, ``(…)``, is one word."""
    words: list[str] = []
    for word in line.split():
        if words and words[-1].startswith("(") and not words[-1].endswith(")"):
            words[-1] = f"{words[-1]} {word}"
        else:
            words.append(word)
    return words


def _canonical(rule: str) -> str:
    return {"allkeys": "~*", "allchannels": "&*", "allcommands": "+@all", "nocommands": "-@all"}.get(rule, rule)


def _commands(rules: Sequence[str]) -> tuple[str, ...]:
    given = tuple(_canonical(rule) for rule in rules if rule[0] in "+-" or rule in ("allcommands", "nocommands"))
    return given if given[:1] in (("-@all",), ("+@all",)) else ("-@all", *given)


def tenant_user(tenant: ResolvedTenant, instance: str, password: str) -> User:
    """A tenant's user: its own keys and channels, and the commands that its instance's use needs.

    A suspended tenant's user is switched off, which also ends its connections.
    """
    commands = (*CONNECTION_COMMANDS, *COMMANDS[instance])
    return User(
        name=tenant.name,
        enabled=tenant.state == "present",
        hashes=frozenset({hash_of(password)}),
        keys=frozenset({f"~{tenant.name}:*"}),
        channels=frozenset({f"&{tenant.name}:*"}),
        commands=("-@all", *(f"+{command}" for command in commands)),
    )
