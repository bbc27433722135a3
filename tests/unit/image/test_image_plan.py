# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fnmatch
import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.image import plan
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import Base, Blob, Image, images_from

NINETEEN = Image(name="odoo19", version="19.0", repository="odoo19")
FOURTEEN = Image(name="odoo14", version="14.0", repository="odoo14")
BASE = Base(
    blob=Blob(digest="sha256:b", size=1, diff_id="sha256:d"),
    epoch=1000,
    packages={"odoo-19": "19.0.0+dfsg-1", "libc6": "2.41"},
    distributions=("requests", "python-dateutil"),
    modules={"base": "19.0.1.3"},
)


def test_declared_values_become_images() -> None:
    values = [{"name": "a", "version": "19.0", "addons": ["y==1", "x==1", "x==1"], "addon_folders": ["/f/own"]}]
    (image,) = images_from(values, ["/f/common"])
    assert image.repository == "a"
    assert image.addons == ("x==1", "y==1")
    assert image.addon_folders == ("/f/common", "/f/own")
    assert image.languages is None


def test_only_odoo_comes_from_the_foreign_release() -> None:
    assert plan.pinning(FOURTEEN.release) == ""
    text = plan.pinning(NINETEEN.release)
    assert "Package: *\nPin: release n=sid\nPin-Priority: -10" in text
    assert "Package: odoo-19\nPin: release n=sid\nPin-Priority: 990" in text
    assert plan.sources(NINETEEN.release, "http://m/debian") == (
        "deb http://m/debian trixie main",
        "deb http://m/debian sid main",
    )
    assert plan.sources(FOURTEEN.release, "http://m/debian") == ("deb http://m/debian bullseye main",)


def test_packages() -> None:
    assert {"odoo-19", "tzdata-legacy", "python3-redis", "curl"} <= set(plan.wanted_packages(NINETEEN))
    assert "tzdata-legacy" not in plan.wanted_packages(FOURTEEN)
    assert "fonts-x" in plan.wanted_packages(replace(FOURTEEN, packages=("fonts-x",)))


def kept(options: tuple[str, ...], path: str) -> bool:
    """As dpkg decides: the last pattern that matches."""
    keep = True
    for option in options:
        kind, _equals, pattern = option.partition("=")
        if kind in ("path-exclude", "path-include") and fnmatch.fnmatchcase(path, pattern):
            keep = kind == "path-include"
    return keep


@pytest.mark.parametrize(
    ("path", "keep"),
    [
        ("/usr/share/doc/odoo-19/copyright", True),
        ("/usr/share/doc/odoo-19/changelog.gz", False),
        ("/usr/share/man/man1/odoo.1.gz", False),
        ("/usr/lib/python3/dist-packages/odoo/addons/sale/i18n/fr.po", True),
        ("/usr/lib/python3/dist-packages/odoo/addons/sale/i18n/fr_CA.po", True),
        ("/usr/lib/python3/dist-packages/odoo/addons/sale/i18n/sr@latin.po", False),
        ("/usr/lib/python3/dist-packages/odoo/addons/sale/i18n/de.po", False),
        ("/usr/lib/python3/dist-packages/odoo/addons/sale/i18n_extra/de.po", False),
        ("/usr/lib/python3/dist-packages/odoo/addons/sale/i18n/sale.pot", True),
        ("/usr/lib/python3/dist-packages/odoo/addons/sale/static/src/x.js", True),
    ],
)
def test_what_is_unpacked(path: str, keep: bool) -> None:
    assert kept(plan.dpkg_options(replace(NINETEEN, languages=("fr",))), path) is keep


def test_all_translations_unless_some_are_named() -> None:
    path = "/usr/lib/python3/dist-packages/odoo/addons/sale/i18n/de.po"
    assert kept(plan.dpkg_options(NINETEEN), path)
    assert not kept(plan.dpkg_options(replace(NINETEEN, languages=())), path)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "14.0"},
        {"packages": ("x",)},
        {"languages": ("fr",)},
        {"languages": ()},
    ],
)
def test_the_base_key_follows_what_is_in_the_base(change: dict[str, Any]) -> None:
    assert plan.base_key(replace(NINETEEN, **change), "amd64") != plan.base_key(NINETEEN, "amd64")


@pytest.mark.parametrize("change", [{"name": "x"}, {"addons": ("x==1",)}, {"addon_folders": ("/x",)}])
def test_the_base_is_shared_whatever_lies_on_it(change: dict[str, Any]) -> None:
    assert plan.base_key(replace(NINETEEN, **change), "amd64") == plan.base_key(NINETEEN, "amd64")


def test_the_image_key_follows_everything_but_places() -> None:
    key = plan.image_key(NINETEEN, "amd64", {"x": "1"})
    assert plan.image_key(replace(NINETEEN, addon_folders=("/elsewhere/x",)), "amd64", {"x": "1"}) == key
    assert plan.image_key(replace(NINETEEN, repository="other"), "amd64", {"x": "1"}) == key
    others = [
        plan.image_key(NINETEEN, "arm64", {"x": "1"}),
        plan.image_key(NINETEEN, "amd64", {"x": "2"}),
        plan.image_key(NINETEEN, "amd64", {}),
        plan.image_key(replace(NINETEEN, addons=("y==1",)), "amd64", {"x": "1"}),
        plan.image_key(replace(NINETEEN, name="other"), "amd64", {"x": "1"}),
    ]
    assert len({key, *others}) == 6


def test_labels_tell_the_origin() -> None:
    image = replace(NINETEEN, addons=("odoo-addon-queue-job==19.0.1.0.0",))
    found = plan.labels(image, BASE, {"queue_job": "19.0.1.0.0"}, "key")
    assert found["org.opencontainers.image.version"] == "19.0.0+dfsg-1"
    assert found["erpops.odoo.package"] == "odoo-19=19.0.0+dfsg-1"
    assert found["erpops.source"] == "Debian trixie main, odoo-19 from sid main"
    assert json.loads(found["erpops.addons"]) == {"queue_job": "19.0.1.0.0"}
    assert found["erpops.requirements"] == "odoo-addon-queue-job==19.0.1.0.0"
    more = plan.labels(image, BASE, {"queue_job": "19.0.2.0.0"}, "key")
    assert more["erpops.modules.digest"] != found["erpops.modules.digest"]


def test_the_configuration_loads_the_session_store() -> None:
    assert "server_wide_modules = base,web,erpops_session_redis\n" in plan.configuration(FOURTEEN)
    assert "server_wide_modules = base,rpc,web,erpops_session_redis\n" in plan.configuration(NINETEEN)


def test_references() -> None:
    assert plan.reference("r:5000", "a/b", "sha256:abc") == "r:5000/a/b@sha256:abc"
    assert plan.reference("", "a", "sha256:abc") == "localhost/a@sha256:abc"
    assert plan.tag_of("sha256:0123456789abcdef") == "0123456789ab"


def test_good_images_pass() -> None:
    plan.check([replace(NINETEEN, addons=("odoo-addon-queue-job==19.0.1.0.0.3",)), FOURTEEN])


def test_all_problems_at_once() -> None:
    bad = replace(
        NINETEEN,
        name="Odoo 19",
        repository="own/Odoo",
        addons=("queue", "x>=1", "y==1.*", "-r file"),
        addon_folders=("/a/x", "/b/x"),
    )
    with pytest.raises(InputError) as caught:
        plan.check([bad, FOURTEEN, FOURTEEN])
    found = {(problem.field, problem.value) for problem in caught.value.problems}
    assert found == {
        ("name", "Odoo 19"),
        ("repository", "Odoo"),
        *(("addons", value) for value in bad.addons),
        ("addon_folders", "x"),
        ("name", "odoo14"),
    }


def test_what_addons_need_is_missed() -> None:
    requirements = {
        "odoo-addon-a": ["odoo==19.0.*", "requests>=2", "python_dateutil", "odoo_addon_b==19.0.*", "absent<2"],
        "odoo-addon-b": ["only-windows ; sys_platform == 'win32'", "gone"],
    }
    missing = plan.missing_requirements(requirements, list(requirements), BASE)
    assert missing == [("odoo-addon-a", "absent<2"), ("odoo-addon-b", "gone")]


def test_actions() -> None:
    assert plan.actions(NINETEEN, build=False, push_to="", store="") == ()
    steps = plan.actions(NINETEEN, build=True, push_to="r/x@sha256:a", store="/s")
    assert [(step.verb, step.subject, step.detail) for step in steps] == [
        ("build", "image odoo19", "Odoo 19.0"),
        ("push", "image odoo19", "r/x@sha256:a"),
        ("load", "image odoo19", "/s"),
    ]
