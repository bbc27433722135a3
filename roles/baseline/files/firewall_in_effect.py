# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel's table inet erpops is the one that the declared file makes. Changes nothing.

firewall-in-effect [FILE]    ends with 0 where it is, with 1 where somebody changed it, with 2 where it cannot be said

The file is loaded in a network namespace that nothing else uses and that ends with it. What both tables hold is then
compared as nft lists it, so that its own way of writing does not matter.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

FILE = "/etc/erpops/nftables.nft"
NFT = "/usr/sbin/nft"
LIST = f"{NFT} --json --stateless list table inet erpops"
SECONDS = 60
IN_EFFECT, CHANGED, UNKNOWN = 0, 1, 2


def table(listed: str) -> list[Any]:
    """What a listing says, without what differs between two tables of the same rules."""
    return [comparable(item) for item in json.loads(listed)["nftables"] if "metainfo" not in item]


def comparable(value: Any) -> Any:
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: comparable(item) for key, item in value.items() if key != "handle"}
    if isinstance(found.get("set"), list):
        found["set"] = sorted(found["set"], key=json.dumps)
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def main(arguments: list[str]) -> int:
    file = arguments[0] if arguments else FILE
    declared = run("/usr/bin/unshare", "--net", "/bin/sh", "-c", f'{NFT} --file "$1" && {LIST}', "sh", file)
    if declared.returncode:
        print(f"{file} cannot be loaded: {declared.stderr.strip()}", file=sys.stderr)
        return UNKNOWN
    live = run(*LIST.split())
    return IN_EFFECT if live.returncode == 0 and table(live.stdout) == table(declared.stdout) else CHANGED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
