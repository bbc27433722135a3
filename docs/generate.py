# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the pages of modules, roles and filters from their own documentation and specs.

docs/generate.py            write docs/modules, docs/roles, docs/filters and docs/preflight.md
docs/generate.py --check    write nothing; fail and name the pages that are missing, stale or left over
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
COLLECTION = "erpops.odoo"
NOTICE = "<!-- Written by docs/generate.py from the source named below; change it there. -->"
FOLDERS = ("modules", "roles", "filters")
CATALOGUE = "preflight.md"
Spec = Mapping[str, Any]


class Undocumented(Exception):
    """Something has no documentation to make a page of."""


def texts(path: Path) -> dict[str, str]:
    """The documentation strings of a Python file, without running it."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.update({name.id: node.value.value for name in node.targets if isinstance(name, ast.Name)})
    return found


def paragraphs(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def plain(text: str) -> str:
    """Ansible's markup as Markdown."""
    text = " ".join(text.split())
    text = re.sub(r"M\(erpops\.odoo\.(\w+)\)", r"[`\1`](../modules/\1.md)", text)
    text = re.sub(r"P\(erpops\.odoo\.(\w+)#role\)", r"[`\1`](../roles/\1.md)", text)
    text = re.sub(r"P\(erpops\.odoo\.(\w+)#filter\)", r"[`\1`](../filters/\1.md)", text)
    text = re.sub(r"\b(?:RV|E|O|V|C|M|P)\(([^()]*)\)", r"`\1`", text)
    text = re.sub(r"\bB\(([^()]*)\)", r"**\1**", text)
    text = re.sub(r"\bI\(([^()]*)\)", r"*\1*", text)
    return re.sub(r"\bL\(([^,()]*),\s*([^()]*)\)", r"[\1](\2)", text)


def kind(option: Spec) -> str:
    name = option.get("type", "str")
    return f"{name} of {option['elements']}" if option.get("elements") else str(name)


def code(value: Any) -> str:
    """A default as it would be written in YAML, on one line."""
    if isinstance(value, str):
        return f"`{value}`" if value else '`""`'
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10000)
    return f"`{text.removesuffix('...' + chr(10)).strip()}`"


def facts(option: Spec) -> str:
    """What is to be known of an option beside its description."""
    parts = [kind(option)]
    if option.get("required"):
        parts.append("**required**")
    if option.get("choices"):
        parts.append("one of " + ", ".join(code(choice) for choice in option["choices"]))
    if "default" in option:
        parts.append(f"default {code(option['default'])}")
    if option.get("no_log"):
        parts.append("secret")
    return ", ".join(parts)


def options(specs: Spec, depth: int = 0) -> Iterator[str]:
    """A nested list: each option with its facts, its description and its own options."""
    for name, option in specs.items():
        description = " ".join(plain(part) for part in paragraphs(option.get("description")))
        yield f"{'  ' * depth}- **`{name}`** ({facts(option)}): {description}"
        yield from options(option.get("options") or option.get("suboptions") or {}, depth + 1)


def returned(values: Spec, depth: int = 0) -> Iterator[str]:
    for name, value in values.items():
        description = " ".join(plain(part) for part in paragraphs(value.get("description")))
        when = f", {value['returned']}" if value.get("returned") else ""
        yield f"{'  ' * depth}- **`{name}`** ({kind(value)}{when}): {description}"
        yield from returned(value.get("contains") or {}, depth + 1)


def section(title: str, lines: Iterable[str]) -> list[str]:
    body = list(lines)
    return ["", f"## {title}", "", *body] if body else []


def page(title: str, source: str, lines: Iterable[str]) -> str:
    head = [f"# {title}", "", NOTICE, "", f"Source: [`{source}`](../../{source})"]
    return "\n".join([*head, *lines]).rstrip() + "\n"


def fragments(names: Iterable[str], part: str) -> dict[str, Any]:
    """Options, or attributes, that a module shares with others."""
    merged: dict[str, Any] = {}
    for name in names:
        path = ROOT / "plugins" / "doc_fragments" / f"{name.removeprefix(COLLECTION + '.')}.py"
        merged.update(yaml.safe_load(texts(path)["DOCUMENTATION"]).get(part) or {})
    return merged


def support(attributes: Spec) -> Iterator[str]:
    for name, attribute in attributes.items():
        description = " ".join(plain(part) for part in paragraphs(attribute.get("description")))
        yield f"- **{name}**: {attribute['support']}. {description}"


def module_page(path: Path) -> str:
    source = texts(path)
    if "DOCUMENTATION" not in source:
        raise Undocumented(f"{path.relative_to(ROOT)} has no DOCUMENTATION.")
    document = yaml.safe_load(source["DOCUMENTATION"])
    given = paragraphs(document.get("extends_documentation_fragment"))
    specs = {**fragments(given, "options"), **(document.get("options") or {})}
    attributes = {**fragments(given, "attributes"), **(document.get("attributes") or {})}
    lines = ["", f"**{plain(document['short_description'])}.**"]
    for paragraph in paragraphs(document.get("description")):
        lines += ["", plain(paragraph)]
    lines += section("Options", options(dict(sorted(specs.items()))))
    lines += section("Support", support(attributes))
    lines += section("Notes", (f"- {plain(note)}" for note in paragraphs(document.get("notes"))))
    lines += section("Requirements", (f"- {plain(text)}" for text in paragraphs(document.get("requirements"))))
    if source.get("EXAMPLES", "").strip():
        lines += section("Examples", ["```yaml", source["EXAMPLES"].strip(), "```"])
    lines += section("Returns", returned(yaml.safe_load(source.get("RETURN", "")) or {}))
    return page(f"Module {COLLECTION}.{path.stem}", str(path.relative_to(ROOT)), lines)


def role_page(folder: Path) -> str:
    path = folder / "meta" / "argument_specs.yml"
    if not path.exists():
        raise Undocumented(f"roles/{folder.name} has no meta/argument_specs.yml.")
    specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    lines: list[str] = []
    for entry, spec in specs.items():
        lines += ["", f"## Entry point `{entry}`", "", f"**{plain(spec['short_description'])}.**"]
        for paragraph in paragraphs(spec.get("description")):
            lines += ["", plain(paragraph)]
        variables = list(options(spec.get("options") or {}))
        lines += ["", *variables] if variables else ["", "It takes no variables."]
    return page(f"Role {COLLECTION}.{folder.name}", str(path.relative_to(ROOT)), lines)


def filter_page(path: Path) -> str:
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    document = value["DOCUMENTATION"]
    lines = ["", f"**{plain(document['short_description'])}.**"]
    for paragraph in paragraphs(document.get("description")):
        lines += ["", plain(paragraph)]
    if document.get("positional"):
        names = ", ".join(f"`{name.strip()}`" for name in str(document["positional"]).split(","))
        lines += ["", f"By position: {names}."]
    lines += section("Options", options(document.get("options") or {}))
    if value.get("EXAMPLES"):
        lines += section("Examples", ["```yaml", str(value["EXAMPLES"]).strip(), "```"])
    lines += section("Returns", returned(value.get("RETURN") or {}))
    return page(f"Filter {COLLECTION}.{path.stem}", str(path.relative_to(ROOT)), lines)


def index_page(title: str, pages: Mapping[str, str]) -> str:
    """A table of contents: each page with its first bold line."""
    lines = [f"# {title}", "", NOTICE.replace("the source named below", "the sources of the pages below"), ""]
    for name, text in sorted(pages.items()):
        summary = re.search(r"^\*\*(.+?)\*\*$", text, re.MULTILINE)
        lines.append(f"- [{name}]({name}.md): {summary.group(1) if summary else ''}")
    return "\n".join(lines) + "\n"


def catalogue_page() -> str:
    """The rules of the preflight, area by area."""
    sys.path.insert(0, str(ROOT / "build" / "collections"))  # where `make prepare` links the collection
    catalogue = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.module_utils.preflight.catalogue")
    lines = ["", f"{len(catalogue.RULES)} rules that [`wave_preflight`](modules/wave_preflight.md) holds every member"
             " against. `high` stops a member until it is cured, settled by what is declared, or waived with the rule's"
             " id; `medium` wants a decision or a step of the wave; `low` is to know. Rules with a star are also the"
             " blockers that discovery writes into its result."]  # fmt: skip
    for area in catalogue.AREAS:
        lines += ["", f"## {area.title}", "", "| rule | severity | what is wrong | what to do |", "|---|---|---|---|"]
        for rule in area.rules:
            settled = f" Settled by `{rule.allow}` in `wave_move_allow`." if rule.allow else ""
            star = "*" if rule.blocker else ""
            lines.append(f"| `{rule.id}`{star} | {rule.severity} | {rule.title} | {rule.cure}{settled} |")
    head = ["# The preflight's catalogue", "", NOTICE.replace("the source named below", "module_utils/preflight")]
    return "\n".join([*head, *lines]) + "\n"


def pages() -> dict[str, str]:
    """Every page, by its path below docs."""
    made = {
        "modules": {
            path.stem: module_page(path)
            for path in sorted((ROOT / "plugins" / "modules").glob("*.py"))
            if path.stem != "__init__"
        },
        "roles": {path.name: role_page(path) for path in sorted((ROOT / "roles").iterdir()) if path.is_dir()},
        "filters": {path.stem: filter_page(path) for path in sorted((ROOT / "plugins" / "filter").glob("*.yml"))},
    }
    result = {f"{folder}/{name}.md": text for folder, found in made.items() for name, text in found.items()}
    for folder, found in made.items():
        result[f"{folder}/README.md"] = index_page(folder.capitalize(), found)
    result[CATALOGUE] = catalogue_page()
    return result


def present(docs: Path) -> dict[str, str]:
    found = [path for folder in FOLDERS for path in sorted((docs / folder).glob("*.md"))]
    found += [docs / CATALOGUE] if (docs / CATALOGUE).exists() else []
    return {str(path.relative_to(docs)): path.read_text(encoding="utf-8") for path in found}


def differences(wanted: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """One line for each page that is not as it would be written."""
    lines = [f"docs/{name} is missing." for name in wanted if name not in there]
    lines += [f"docs/{name} is stale." for name in wanted if name in there and there[name] != wanted[name]]
    return [*lines, *(f"docs/{name} is left over." for name in there if name not in wanted)]


def write(docs: Path, wanted: Mapping[str, str], there: Mapping[str, str]) -> None:
    for name, text in wanted.items():
        if there.get(name) != text:
            path = docs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in there:
        if name not in wanted:
            (docs / name).unlink()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Write the pages of modules, roles and filters.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is not up to date")
    given = parser.parse_args(arguments)
    docs = ROOT / "docs"
    try:
        wanted = pages()
    except Undocumented as error:
        print(f"docs/generate.py: {error}", file=sys.stderr)
        return 1
    there = present(docs)
    found = differences(wanted, there)
    if given.check:
        for line in found:
            print(line, file=sys.stderr)
        if found:
            print("Run docs/generate.py and commit its pages.", file=sys.stderr)
        return 1 if found else 0
    write(docs, wanted, there)
    print(f"{len(wanted)} pages, {len(found)} of them changed.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
