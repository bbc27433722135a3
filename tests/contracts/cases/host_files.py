# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.harness import Case, System, lab_host

FOLDER = "/srv/contract-files"
SECRET = "not to be seen\nby anybody"
CLEAN = f"rm -rf {FOLDER}"
BEGIN = f"""{CLEAN}; mkdir -p {FOLDER}/conf.d; cd {FOLDER}
echo old > conf.d/old.conf; echo kept > conf.d/notes.txt; echo mine > shared; chmod 0600 shared
echo same > moded; ln -s nowhere link; mkdir -p gone/below; echo x > gone/below/x"""


def arguments(_system: System) -> Mapping[str, Any]:
    return {
        "directories": [
            {"path": f"{FOLDER}/new/below", "mode": "0750"},
            {"path": f"{FOLDER}/new", "group": "daemon"},
            {"path": f"{FOLDER}/conf.d", "exclusive": True, "pattern": "*.conf"},
            {"path": f"{FOLDER}/gone", "state": "absent"},
        ],
        "files": [
            {"path": f"{FOLDER}/new/below/a", "content": "a\n", "mode": "0640", "owner": "20017"},
            {"path": f"{FOLDER}/conf.d/declared.conf", "content": "x"},
            {"path": f"{FOLDER}/secret", "content": SECRET, "secret": True, "mode": "0600"},
            {"path": f"{FOLDER}/shared", "block": "ours", "content": "one\ntwo"},
            {"path": f"{FOLDER}/moded", "content": "same\n", "mode": "0400"},
            {"path": f"{FOLDER}/link", "link": "moded"},
            {"path": f"{FOLDER}/never", "state": "absent"},
        ],
    }


def twice(_system: System) -> Mapping[str, Any]:
    return {"files": [{"path": f"{FOLDER}/a", "content": "a"}, {"path": f"{FOLDER}/a", "link": "b", "mode": "rw"}]}


def probe(system: System) -> object:
    """Names, owners, modes, times and contents, as find and sha256sum see them."""
    listing = f"find {FOLDER} -printf '%p %y %m %u %g %T@ %l\\n' | sort; find {FOLDER} -type f | sort | xargs sha256sum"
    return system.shell(listing)


CASES = (
    Case(
        name="all kinds of entries",
        system=lab_host(BEGIN, clean=CLEAN),
        arguments=arguments,
        probe=probe,
        secrets=(SECRET, "by anybody"),
    ),
    Case(
        name="contradictions are refused together",
        system=lab_host(BEGIN, clean=CLEAN),
        arguments=twice,
        probe=probe,
        refused="declared twice",
    ),
)
