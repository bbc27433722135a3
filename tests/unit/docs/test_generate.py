"""The generator of the reference pages."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "docs" / "generate.py"
MODULE = '''
DOCUMENTATION = r"""
module: thing
short_description: Make a thing
description:
  - Makes O(name) of M(erpops.odoo.other), see V(x).
options:
  name:
    description: Its name.
    type: str
    required: true
  parts:
    description: Its parts.
    type: list
    elements: dict
    default: []
    suboptions:
      size: {description: Its size., type: int, choices: [1, 2]}
extends_documentation_fragment:
  - erpops.odoo.shared
attributes:
  check_mode: {description: It predicts., support: full}
"""
EXAMPLES = r"""
- name: Make one
"""
RETURN = r"""
made:
  description: What was made.
  returned: success
  type: dict
  contains:
    size: {description: Its size., type: int}
"""
'''
FRAGMENT = '''
class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  secret: {description: A secret., type: str}
"""
'''
ROLE = """
argument_specs:
  main:
    short_description: A role
    options:
      role_list:
        type: list
        elements: str
        default: [a, b]
        description: Some texts.
      role_secret: {type: str, no_log: true, required: true, description: Hidden.}
"""
FILTER = """
DOCUMENTATION:
  name: turn
  short_description: Turn it
  positional: how
  options:
    _input: {description: What to turn., type: str, required: true}
"""


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for path, text in {
        "plugins/modules/thing.py": MODULE,
        "plugins/doc_fragments/shared.py": FRAGMENT,
        "plugins/filter/turn.yml": FILTER,
        "roles/thing/meta/argument_specs.yml": ROLE,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "docs").mkdir()
    return module


def test_a_module_s_page_has_its_options_fragments_examples_and_results(generate: ModuleType) -> None:
    text = generate.pages()["modules/thing.md"]
    assert "# Module erpops.odoo.thing" in text
    assert "Makes `name` of [`other`](../modules/other.md), see `x`." in text
    assert "- **`name`** (str, **required**): Its name." in text
    assert "- **`parts`** (list of dict, default `[]`): Its parts." in text
    assert "  - **`size`** (int, one of `1`, `2`): Its size." in text
    assert "- **`secret`** (str): A secret." in text
    assert "- **check_mode**: full. It predicts." in text
    assert "- name: Make one" in text
    assert "- **`made`** (dict, success): What was made.\n  - **`size`** (int): Its size." in text


def test_a_role_s_page_has_every_variable(generate: ModuleType) -> None:
    text = generate.pages()["roles/thing.md"]
    assert "## Entry point `main`" in text
    assert "- **`role_list`** (list of str, default `[a, b]`): Some texts." in text
    assert "- **`role_secret`** (str, **required**, secret): Hidden." in text


def test_a_filter_s_page_and_the_indexes(generate: ModuleType) -> None:
    made = generate.pages()
    assert "By position: `how`." in made["filters/turn.md"]
    assert "- [thing](thing.md): Make a thing." in made["modules/README.md"]


def test_check_names_what_is_missing_stale_and_left_over(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--check"]) == 1
    assert "docs/modules/thing.md is missing." in capsys.readouterr().err
    assert not (tmp_path / "docs" / "modules").exists(), "a check writes nothing"

    assert generate.main([]) == 0
    capsys.readouterr()
    assert generate.main(["--check"]) == 0

    (tmp_path / "docs/roles/thing.md").write_text("old")
    (tmp_path / "docs/modules/gone.md").write_text("of a module that went")
    assert generate.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "docs/roles/thing.md is stale." in said and "docs/modules/gone.md is left over." in said

    assert generate.main([]) == 0
    assert not (tmp_path / "docs/modules/gone.md").exists()
    assert generate.main(["--check"]) == 0


def test_a_changed_spec_makes_its_page_stale(generate: ModuleType, tmp_path: Path) -> None:
    generate.main([])
    path = tmp_path / "roles/thing/meta/argument_specs.yml"
    path.write_text(path.read_text().replace("[a, b]", "[a, b, c]"))
    assert generate.main(["--check"]) == 1


def test_what_has_no_documentation_is_an_error(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "roles" / "bare").mkdir()
    assert generate.main([]) == 1
    assert "roles/bare has no meta/argument_specs.yml." in capsys.readouterr().err
