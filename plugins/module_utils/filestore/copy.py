# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy of a filestore is made of: the commands a place understands, and what follows from their answers. Pure.

A filestore is content-addressed: a file's name is its SHA-1, and it is never written twice. So only names that the
taker lacks are sent; they are checked in a folder beside, and moved in when they are whole.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, InputError, Problem

# One POSIX script with tar, find, xargs and sha1sum or openssl for both sides; on the source it is the only thing the
# key may run. $1: folder of all filestores, $2: verb, $3: name of one. Names go in and come out separated by NUL; sums
# are lines as coreutils of every age print them, which begin with a backslash where something in the name is escaped.
SCRIPT = r"""set -eu
umask 077
case ${3-} in '' | .* | */*) echo "no name of a filestore: ${3-}" >&2; exit 64 ;; esac
tools() {
    lacking=
    for tool in tar find xargs mv mkdir rm chown id; do
        command -v "$tool" >/dev/null 2>&1 || lacking="$lacking $tool"
    done
    command -v sha1sum >/dev/null 2>&1 || command -v openssl >/dev/null 2>&1 || lacking="$lacking sha1sum"
    [ -z "$lacking" ] || { echo "not on this host:$lacking" >&2; exit 69; }
}
sum='sha1sum --'
command -v sha1sum >/dev/null 2>&1 || sum='openssl dgst -sha1 -r'
if [ ! -d "$1" ]; then
    [ -d "${1%/*}" ] || { echo "no folder $1 on this host" >&2; exit 66; }
    case $2 in
    keep | receive) mkdir -- "$1"; [ "$(id -u)" != 0 ] || chown --reference="${1%/*}" -- "$1" ;;
    ready) tools; exit 0 ;;
    *) exit 0 ;;
    esac
fi
cd -- "$1"
whose=$3
case $2 in
ready) tools ;;
list) [ -d "$3" ] || exit 0; cd -- "$3"; find . -type f ! -path './checklist/*' -print0 ;;
send) cd -- "$3"; exec tar --create --file=- --null --no-recursion --files-from=- ;;
sums) cd -- "$3"; exec xargs -0 -r $sum ;;
receive)
    rm -rf -- ".erpops-$3"; mkdir -- ".erpops-$3"; cd -- ".erpops-$3"
    tar --extract --file=- --no-same-owner --no-same-permissions
    find . -type f -exec $sum {} + ;;
keep)
    [ -d "$3" ] || { mkdir -- "$3"; [ "$(id -u)" != 0 ] || chown --reference=. -- "$3"; }
    cd -- ".erpops-$3"
    EXISTS=$3 xargs -0 -r sh -c 'set -eu
    own() { [ "$(id -u)" != 0 ] || chown --reference="../$EXISTS" -- "$1"; }
    for file; do
        place=../$EXISTS/$file; folder=${place%/*}
        [ -d "$folder" ] || { mkdir -p -- "$folder"; own "$folder"; }
        own "$file"
        mv -f -- "$file" "$place"
    done' keep
    cd ..; rm -rf -- ".erpops-$whose" ;;
*) echo "no such verb: $2" >&2; exit 64 ;;
esac
"""
# Where the folder depends on the name, such as /var/lib/erpops/tenants/{name}/filestore: the folder that bears the name
# must be there, and SCRIPT runs as its owner. So what it makes is the tenant's, and a link that a tenant laid leads no
# further than the tenant itself gets. $1: SCRIPT, then as above.
OWNED = r"""set -eu
case ${4-} in '' | .* | */*) echo "no name of a filestore: ${4-}" >&2; exit 64 ;; esac
home=${2%%'{name}'*}$4
[ -d "$home" ] && [ ! -L "$home" ] || { echo "no folder $home on this host" >&2; exit 66; }
as=
[ "$(id -u)" != 0 ] || as="setpriv --reuid=$(stat -c %u -- "$home") --regid=$(stat -c %g -- "$home") --clear-groups --"
exec $as sh -c "$1" filestore "$home${2#*'{name}'}" "$3" "$4"
"""
# What a key is restricted to. $1: the request, a verb, a filestore's name and its folder as `asked` writes them;
# $2, $3: OWNED and SCRIPT; then the folders that may be asked for. `ready` alone looks at each of them.
GATE = r"""set -eu
plain() { printf '%b.' "$1"; }
request=$1 owned=$2 script=$3
shift 3
run() {
    case $1 in *'{name}'*) sh -c "$owned" filestore "$script" "$@" ;; *) sh -c "$script" filestore "$@" ;; esac
}
verb=${request%% *}
rest=${request#"$verb"}; rest=${rest# }
name=${rest%% *}
wanted=${rest#"$name"}; wanted=${wanted# }
name=$(plain "$name"); name=${name%.}
wanted=$(plain "$wanted"); wanted=${wanted%.}
if [ "$request" = ready ]; then
    worst=0
    for folder; do
        case $folder in *'{name}'*) folder=/ ;; esac
        run "$folder" ready none || worst=$?
    done
    exit "$worst"
fi
[ -n "$wanted" ] || [ $# != 1 ] || wanted=$1
for folder; do
    [ "$folder" != "$wanted" ] || { run "$folder" "$verb" "$name"; exit; }
done
echo "this key may not reach folder ${wanted:-(none was named)}, but $*" >&2
exit 77
"""
NAME = "{name}"
SHA1 = re.compile(r"[0-9a-f]{40}")
SUM = re.compile(rb"(\\?)([0-9a-f]{40}) [ *](.*)")
ESCAPED = re.compile(rb"\\([\\nr])")
UNESCAPED = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}
# What find, tar and sha1sum say of files that came, went or grew while they read, and with what they end then.
CHANGED = (
    "No such file or directory",
    "file changed as we read it",
    "File removed before we read it",
    "File shrank by",
)
ENDING = ("Exiting with failure status due to previous errors", "Error exit delayed from previous errors")
CHANGED_CODES = (1, 2, 123)  # 123: of xargs
SHOWN = 50  # names in a result; a filestore that lost a disk would fill the ledger
NO_FOLDER, NOT_ALLOWED = 66, 77  # what the scripts end with
REFUSALS = (64, NO_FOLDER, 69, NOT_ALLOWED)
PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a filestore is. command: how to get there, such as an ssh command line; empty for this host.

    folder: of all filestores, maybe with ``{name}`` as one of its parts. name: of this one. forced: the other side runs
    the script by itself (``forced_command``), in the folders that it allows.
    """

    folder: str
    name: str
    command: tuple[str, ...] = ()
    forced: bool = False

    def line(self, verb: str) -> list[str]:
        if self.forced:
            return [*self.command, f"{verb} {asked(self.name)} {asked(self.folder)}"]
        scripts = [OWNED, "filestore", SCRIPT] if checked(self.folder) else [SCRIPT, "filestore"]
        run = ["sh", "-c", *scripts, self.folder, verb, self.name]
        return [*self.command, shlex.join(run)] if self.command else run

    def __str__(self) -> str:
        folder = self.folder.replace(NAME, self.name)
        return f"{folder}/{self.name}" + (f" on {self.command[-1]}" if self.command else "")


def checked(folder: str) -> bool:
    """Whether a name takes part in the folder. Raises InputError where it is not one whole part of it, once."""
    parts = folder.split("/")
    if not any(mark in folder for mark in "{}"):
        return False
    if (
        folder.startswith("/")
        and parts.count(NAME) == 1
        and not any(mark in part for part in parts if part != NAME for mark in "{}")
    ):
        return True
    cure = f"Give an absolute path in which {NAME} is one whole part, or none, such as /srv/{NAME}/filestore."
    raise InputError("A folder of filestores cannot be.", [Problem("filestores", "folder", folder, cure)])


def asked(text: str) -> str:
    """A name or folder in a request: one word, whatever it holds, which `printf %b` turns back."""
    return "".join(chr(byte) if byte in PLAIN else f"\\0{byte:03o}" for byte in os.fsencode(text))


def forced_command(folders: str | Sequence[str]) -> str:
    """The ``command=`` of a line in authorized_keys that lets a key do nothing but this, in these folders."""
    allowed = [folders] if isinstance(folders, str) else list(dict.fromkeys(folders))
    by_owner = [checked(folder) for folder in allowed]
    owned = _packed(OWNED) if any(by_owner) else "''"
    words = [_packed(GATE), "filestore", '"$SSH_ORIGINAL_COMMAND"', owned, _packed(SCRIPT), *map(shlex.quote, allowed)]
    return f"sh -c {' '.join(words)}".replace("\\", "\\\\").replace('"', '\\"')


def _packed(script: str) -> str:
    return f'"$(echo {base64.b64encode(script.encode()).decode()} | base64 -d)"'


@dataclass(slots=True, kw_only=True)
class Copied:
    """What a copy did and found. missing: referenced by the database, and not on the giver. corrupt: the content is not
    that of the name, on the giver too."""

    files: int = 0
    copied: int = 0
    missing: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        return {
            "files": self.files,
            "copied": self.copied,
            "missing": sorted(self.missing)[:SHOWN],
            "missing_count": len(self.missing),
            "corrupt": sorted(self.corrupt)[:SHOWN],
            "corrupt_count": len(self.corrupt),
        }


def names_from(data: bytes) -> set[bytes]:
    """Of ``list``: paths below the filestore, without the leading ``./``."""
    return {name.removeprefix(b"./") for name in data.split(b"\0") if name}


def names_to(names: Iterable[bytes]) -> bytes:
    return b"".join(b"./" + name + b"\0" for name in names)


def sums_from(data: bytes) -> dict[bytes, str]:
    """Of ``sha1sum``: path -> sum."""
    sums = {}
    for line in data.split(b"\n"):
        if not line:
            continue
        found = SUM.fullmatch(line)
        if not found:
            raise ErpopsError(f"A sum of a file cannot be read: {shown(line)}")
        name = ESCAPED.sub(lambda each: UNESCAPED[each[1]], found[3]) if found[1] else found[3]
        sums[name.removeprefix(b"./")] = found[2].decode("ascii")
    return sums


def batches(names: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


def only_changed(code: int, errors: str) -> bool:
    """Whether a command that read files failed for nothing but their change."""
    said = [line for line in errors.splitlines() if line.startswith(("find: ", "tar: ", "sha1sum: "))]
    return (
        code in CHANGED_CODES
        and any(word in line for line in said for word in CHANGED)
        and all(any(word in line for word in (*CHANGED, *ENDING)) for line in said)
    )


def right(name: bytes, found: str) -> bool:
    """Whether a name is that of a content-addressed file and the content is its own."""
    last = name.rsplit(b"/", 1)[-1].decode("ascii", "replace")
    return bool(SHA1.fullmatch(last)) and last == found


def addressed(name: bytes) -> bool:
    return bool(SHA1.fullmatch(name.rsplit(b"/", 1)[-1].decode("ascii", "replace")))


def doubtful(staged: Mapping[bytes, str]) -> list[bytes]:
    """Names whose content must be asked for on the giver."""
    return sorted(name for name, found in staged.items() if not right(name, found))


def shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
