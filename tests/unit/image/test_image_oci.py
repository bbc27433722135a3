# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json

from ansible_collections.erpops.odoo.plugins.module_utils.image import oci
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import Blob

LOWER = Blob(digest="sha256:aa", size=10, diff_id="sha256:11")
UPPER = Blob(digest="sha256:bb", size=20, diff_id="sha256:22")


def test_documents_refer_to_each_other() -> None:
    config = oci.config([(LOWER, "lower"), (UPPER, "upper")], {"b": "2", "a": "1"}, "amd64", 0)
    manifest = oci.manifest([LOWER, UPPER], config)
    index = oci.index(manifest, "tag")
    assert json.loads(config)["rootfs"]["diff_ids"] == ["sha256:11", "sha256:22"]
    assert json.loads(manifest)["config"]["digest"] == "sha256:" + hashlib.sha256(config).hexdigest()
    assert [layer["digest"] for layer in json.loads(manifest)["layers"]] == ["sha256:aa", "sha256:bb"]
    assert json.loads(index)["manifests"][0]["digest"] == "sha256:" + hashlib.sha256(manifest).hexdigest()
    assert json.loads(index)["manifests"][0]["size"] == len(manifest)


def test_no_clock_but_the_given_one() -> None:
    config = json.loads(oci.config([(LOWER, "lower")], {}, "amd64", 0))
    assert config["created"] == config["history"][0]["created"] == "1970-01-01T00:00:00Z"


def test_the_order_of_labels_does_not_matter() -> None:
    one = oci.config([(LOWER, "x")], {"a": "1", "b": "2"}, "amd64", 5)
    assert one == oci.config([(LOWER, "x")], {"b": "2", "a": "1"}, "amd64", 5)


def test_it_does_not_run_as_root() -> None:
    config = json.loads(oci.config([(LOWER, "x")], {}, "amd64", 5))["config"]
    assert config["User"] == "20000:20000"
    assert config["Entrypoint"] == ["odoo"]
    assert "HOME=/var/lib/odoo" in config["Env"]
