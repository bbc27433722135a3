# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH keys that are made on a host and never leave it: what is there, and what is lacking."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, InputError, Problem

SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair as it is there. public: empty where it is not."""

    name: str
    private: bool
    public: str = ""

    @property
    def whole(self) -> bool:
        return self.private and bool(self.public)


def problems(names: Sequence[str]) -> list[Problem]:
    cure = "Give a plain file name, once."
    return [
        Problem(f"names[{index}]", "", name, cure)
        for index, name in enumerate(names)
        if not name or name.startswith(".") or "/" in name or name in names[:index]
    ]


def read(folder: Path, names: Sequence[str]) -> list[Pair]:
    if wrong := problems(names):
        raise InputError("The keys cannot be as declared. Nothing was changed.", wrong)
    pairs = []
    for name in names:
        public = folder / f"{name}.key.pub"
        text = public.read_text(encoding="utf-8").strip() if public.is_file() else ""
        pairs.append(Pair(name=name, private=(folder / f"{name}.key").is_file(), public=text))
    return pairs


def actions(pairs: Sequence[Pair]) -> tuple[Action, ...]:
    return tuple(
        Action("write", f"public key {pair.name}") if pair.private else Action("make", f"key {pair.name}")
        for pair in pairs
        if not pair.whole
    )


def snapshot(pairs: Sequence[Pair], *, after: bool) -> dict[str, bool]:
    return {pair.name: after or pair.whole for pair in pairs}


def apply(folder: Path, pairs: Sequence[Pair], owner: str, comment: str) -> None:
    """The private half comes last: while it is not there, nothing is."""
    if not folder.is_dir():
        cure = "Make it first: only its owner may enter it."
        raise InputError("The keys have no place. Nothing was changed.", [Problem("folder", "", str(folder), cure)])
    try:
        user = pwd.getpwnam(owner)
    except KeyError:
        cure = "There is no such user: name another."
        raise InputError("The keys have no owner. Nothing was changed.", [Problem("owner", "", owner, cure)]) from None
    for pair in pairs:
        if pair.whole:
            continue
        private = folder / f"{pair.name}.key"
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as place:
            new = Path(place, "key")
            if pair.private:
                Path(place, "key.pub").write_text(_keygen("-y", "-f", str(private)), encoding="utf-8")
            else:
                _keygen("-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(new))
            for path in sorted(Path(place).iterdir(), reverse=True):  # key.pub before key
                os.chown(path, user.pw_uid, user.pw_gid)
                path.rename(folder / path.name.replace("key", f"{pair.name}.key", 1))


def _keygen(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["ssh-keygen", *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ErpopsError(f"ssh-keygen could not be run: {error}.") from error
    if done.returncode != 0:
        raise ErpopsError(f"ssh-keygen failed: {done.stderr.strip()[-300:]}.")
    return done.stdout
