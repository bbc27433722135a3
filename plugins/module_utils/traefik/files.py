# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the dynamic directory as texts: what Traefik would load from them, and where they are wrong. Pure.

One broken file keeps Traefik from loading all the others, silently while it runs; after a restart it serves nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import (
    NAMED_SECTIONS,
    Complaint,
    Configuration,
    Source,
)

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

TENANTS = "erpops.odoo.traefik_routes from the declared tenants"

_LOADED = "collecting file configs: "
_ERROR = re.compile(rf"{_LOADED}(?P<path>[^:]+): (?P<reason>.*)", re.DOTALL)
_LINE = re.compile(r"(?:line |template: [^:]*:)(\d+)")
_NODE = re.compile(r"node: (\S+)")
_QUOTED = re.compile(r'"([^"]+)"')


def render(configuration: Configuration, author: str = TENANTS) -> str:
    """The file's text: YAML with one line an object, so that Traefik's line numbers name the object."""
    lines = [f"# Written by {author}. What is changed here by hand is undone.", "http:"]
    for section, objects in configuration.sections():
        if objects:
            lines.append(f"  {section}:")
            lines += [f"    {json.dumps(name)}: {json.dumps(objects[name])}" for name in sorted(objects)]
    if configuration.certificates:
        lines += ["tls:", "  certificates:"]
        lines += [f"    - {json.dumps(dict(certificate))}" for certificate in configuration.certificates]
    return "\n".join(lines) + "\n"


def read(path: str, text: str) -> Source:
    """A file as Traefik would parse it. Needs PyYAML for YAML."""
    try:
        content = tomllib.loads(text) if path.endswith(".toml") else yaml.safe_load(text)
    except tomllib.TOMLDecodeError as error:
        return Source(path=path, text=text, problem=_problem(path, _line_of(str(error), text), str(error)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error)
        return Source(path=path, text=text, problem=_problem(path, mark.line + 1 if mark else 0, reason))
    if content is None:
        content = {}
    if not isinstance(content, dict):
        return Source(path=path, text=text, problem=_problem(path, 1, "it is not a mapping"))
    return Source(path=path, text=text, content=content)


def _problem(path: str, line: int, reason: str) -> Problem:
    return Problem(
        f"file {path}",
        f"line {line}" if line else "",
        reason,
        "Repair or remove it: while it is there Traefik loads no file of its directory.",
    )


def refusal(log: Iterable[Complaint]) -> Complaint | None:
    """Traefik's last complaint that it could not load the directory."""
    return next((entry for entry in reversed(list(log)) if _ERROR.search(entry.text)), None)


def explained(complaint: Complaint | None, texts: Mapping[str, str]) -> Problem | None:
    """The file and line that a refusal is about. ``texts``: the files' contents by path."""
    match = _ERROR.search(complaint.text) if complaint else None
    if not match:
        return None
    path, reason = match["path"], match["reason"]
    return _problem(path, _line_of(reason, texts.get(path, "")), reason)


def path_of(problem: Problem) -> str:
    return problem.subject.removeprefix("file ")


def _line_of(reason: str, text: str) -> int:
    """Traefik names a line only for broken syntax; else it quotes the key or the value."""
    line = _LINE.search(reason)
    if line:
        return int(line[1])
    node, quoted = _NODE.search(reason), _QUOTED.search(reason)
    wanted = re.compile(rf"\b{re.escape(node[1])}\b\"?\s*[:=]") if node else None
    if wanted is None and quoted:
        wanted = re.compile(re.escape(quoted[1]))
    if wanted is None:
        return 0
    return next((number for number, part in enumerate(text.splitlines(), 1) if wanted.search(part)), 0)


def objects(source: Source, section: str) -> Mapping[str, Any]:
    http = source.content.get("http")
    found = http.get(section) if isinstance(http, dict) else None
    return found if isinstance(found, dict) else {}


def configuration_of(source: Source | None) -> Configuration:
    """The configuration in a file of ours; empty where there is none, or where it cannot be read."""
    if source is None:
        return Configuration()
    tls = source.content.get("tls")
    certificates = tls.get("certificates") if isinstance(tls, dict) else None
    return Configuration(
        routers=objects(source, "routers"),
        services=objects(source, "services"),
        middlewares=objects(source, "middlewares"),
        transports=objects(source, "serversTransports"),
        certificates=tuple(item for item in certificates or () if isinstance(item, dict)),
    )


def duplicates(own: str, desired: Configuration, others: Sequence[Source]) -> Iterator[Problem]:
    """Names that two files use: Traefik takes the first file's and drops the second's without an error."""
    seen = {(section, name): own for section, found in desired.sections() for name in found}
    for source in others:
        for section in NAMED_SECTIONS:
            for name in objects(source, section):
                first = seen.setdefault((section, name), source.path)
                if first != source.path:
                    cure = f"{first} uses the name too and Traefik would drop one of them silently: rename it."
                    yield Problem(f"file {source.path}", f"http.{section}", name, cure)
