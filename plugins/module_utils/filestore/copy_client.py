# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a filestore between two places that have a POSIX shell, tar, find, and sha1sum or openssl."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import (
    ErpopsError,
    Problem,
    Unreachable,
)
from ansible_collections.erpops.odoo.plugins.module_utils.filestore import copy
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy import Copied, Place

BATCH = 1000
SSH_FAILED = 255
READING = ("list", "send", "sums")


class NoFolder(ErpopsError):
    """The folder of all filestores, or the one that bears the name, is not there."""


def copy_missing(
    giver: Place,
    taker: Place,
    referenced: Collection[str],
    remaining: Callable[[], float | None],
    seconds: float,
    *,
    lost: bool = False,
) -> Copied:
    """Everything that the taker lacks. Killed and run again, it goes on with what is not there yet.

    referenced: names the database knows. remaining: seconds that the window still has, if there is one. lost: it is
    known that the giver has none of them; else that is an error, since another folder looks just so.
    """

    def left() -> float:
        window = remaining()
        return seconds if window is None else min(seconds, window)

    given, taken, nowhere = _listed(giver, taker, left())
    done = Copied(files=len(given))
    known = {copy.shown(name) for name in given}
    done.missing = [name for name in referenced if name not in known]
    if referenced and len(done.missing) == len(referenced) and not lost:
        raise _empty(giver, len(given), len(referenced), nowhere)
    for batch in copy.batches(sorted(given - taken), BATCH):
        first = _brought(giver, taker, batch, done, left)
        again = _brought(giver, taker, sorted(first), done, left) if first else {}
        hurt = [copy.shown(name) for name, found in again.items() if first.get(name) == found]
        if hurt:
            raise ErpopsError(f"Files of {giver} arrived with another content: {', '.join(hurt[: copy.SHOWN])}.")
    return done


def _empty(giver: Place, files: int, referenced: int, nowhere: str) -> ErpopsError:
    found = nowhere or (f"none of its {files} files is one of those" if files else "it has no file at all")
    cure = (
        "Another folder than Odoo's looks just so: say where its files are (filestores in wave_members) and run"
        " wave_discover and wave_access. If they are lost, waive rule filestore_not_found of gate preflight."
    )
    problem = Problem(f"filestore {giver}", "files", str(files), cure)
    return ErpopsError(f"The database knows {referenced} files, and {found}.", [problem])


def _brought(
    giver: Place, taker: Place, names: Sequence[bytes], done: Copied, left: Callable[[], float]
) -> dict[bytes, str]:
    """Returns those that arrived with another content, with the sum of what the giver has now: the application may be
    writing them. They are not kept; what it goes on writing is left to the next copy."""
    staged = copy.sums_from(_transfer(giver, taker, copy.names_to(names), left()))
    doubtful = copy.doubtful(staged)
    there = copy.sums_from(_run(giver, "sums", copy.names_to(doubtful), left())) if doubtful else {}
    changing = {name: there[name] for name in doubtful if name in there and there[name] != staged[name]}
    gone = {name for name in doubtful if name not in there}
    kept = sorted(staged.keys() - changing.keys() - gone)
    if kept:
        _run(taker, "keep", copy.names_to(kept), left())
    # A file that is not what its name says is kept as it is if it is so on the giver.
    done.corrupt += [copy.shown(name) for name in doubtful if name in kept and copy.addressed(name)]
    done.copied += len(kept)
    return changing


def lacking(giver: Place, taker: Place, seconds: float) -> int:
    """How many files a copy would bring."""
    given, taken, _nowhere = _listed(giver, taker, seconds)
    return len(given - taken)


def _listed(giver: Place, taker: Place, seconds: float) -> tuple[set[bytes], set[bytes], str]:
    """Names of all files of both, and why there is no folder of the giver's."""
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = (pool.submit(_list, place, seconds) for place in (giver, taker))
        (given, nowhere), (taken, _lacking) = ours.result(), theirs.result()
    return given, taken, nowhere


def _list(place: Place, seconds: float) -> tuple[set[bytes], str]:
    """Names of all files, and why there is no folder: without one there are none, which only the caller can judge."""
    try:
        return copy.names_from(_run(place, "list", b"", seconds)), ""
    except NoFolder as error:
        return set(), error.message


def unknown(place: Place, referenced: Collection[str], seconds: float) -> list[str]:
    """Names that the database knows and the place has not."""
    found, _nowhere = _list(place, seconds)
    return sorted(set(referenced) - {copy.shown(name) for name in found})


def _run(place: Place, verb: str, stdin: bytes, seconds: float) -> bytes:
    try:
        done = subprocess.run(place.line(verb), input=stdin, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise ErpopsError(f"Filestore {place}: {verb} took more than {seconds:.0f} seconds.") from error
    _succeeded(place, verb, done.returncode, done.stderr)
    return done.stdout


def _transfer(giver: Place, taker: Place, names: bytes, seconds: float) -> bytes:
    """A tar from one to the other. Returns the sums of what arrived."""
    with tempfile.TemporaryFile() as listed, tempfile.TemporaryFile() as errors:
        listed.write(names)
        listed.seek(0)
        with subprocess.Popen(giver.line("send"), stdin=listed, stdout=subprocess.PIPE, stderr=errors) as sending:
            try:
                done = subprocess.run(
                    taker.line("receive"), stdin=sending.stdout, capture_output=True, timeout=seconds, check=False
                )
                if sending.stdout:
                    sending.stdout.close()  # else whoever sends to a taker that refused would wait for a reader
                sent = sending.wait(timeout=seconds)
            except subprocess.TimeoutExpired as error:
                sending.kill()
                raise ErpopsError(f"Files from {giver} took more than {seconds:.0f} seconds.") from error
        errors.seek(0)
        if done.returncode in copy.REFUSALS:
            _succeeded(taker, "receive", done.returncode, done.stderr)
        _succeeded(giver, "send", sent, errors.read())
    _succeeded(taker, "receive", done.returncode, done.stderr)
    return done.stdout


def _succeeded(place: Place, verb: str, code: int, errors: bytes) -> None:
    """The application may remove or write a file while it is read; what could be read is there all the same."""
    text = errors.decode("utf-8", "backslashreplace")
    if code == 0 or (verb in READING and copy.only_changed(code, text)):
        return
    kind = Unreachable if code == SSH_FAILED and place.command else ErpopsError
    text = " ".join(text.split())
    if code == copy.NOT_ALLOWED and place.forced:
        text += "; run wave_access, which allows the folders of the members (filestores in wave_members)"
    if code == copy.NO_FOLDER:
        kind = NoFolder
    raise kind(f"Filestore {place}: {verb} failed with {code}: {text[-500:]}")
