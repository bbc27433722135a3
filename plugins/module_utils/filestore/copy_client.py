# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a filestore between two places that have a POSIX shell, tar, find and sha1sum."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.filestore import copy
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy import Copied, Place

BATCH = 1000
SSH_FAILED = 255
READING = ("list", "send", "sums")


def copy_missing(
    giver: Place, taker: Place, referenced: Collection[str], remaining: Callable[[], float | None], seconds: float
) -> Copied:
    """Everything that the taker lacks. Killed and run again, it goes on with what is not there yet.

    referenced: names the database knows. remaining: seconds that the window still has, if there is one.
    """

    def left() -> float:
        window = remaining()
        return seconds if window is None else min(seconds, window)

    given, taken = _listed(giver, taker, left())
    done = Copied(files=len(given))
    known = {copy.shown(name) for name in given}
    done.missing = [name for name in referenced if name not in known]
    for batch in copy.batches(sorted(given - taken), BATCH):
        first = _brought(giver, taker, batch, done, left)
        again = _brought(giver, taker, sorted(first), done, left) if first else {}
        hurt = [copy.shown(name) for name, found in again.items() if first.get(name) == found]
        if hurt:
            raise ErpopsError(f"Files of {giver} arrived with another content: {', '.join(hurt[: copy.SHOWN])}.")
    return done


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
    given, taken = _listed(giver, taker, seconds)
    return len(given - taken)


def _listed(giver: Place, taker: Place, seconds: float) -> tuple[set[bytes], set[bytes]]:
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = (pool.submit(_run, place, "list", b"", seconds) for place in (giver, taker))
        return copy.names_from(ours.result()), copy.names_from(theirs.result())


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
                sent = sending.wait(timeout=seconds)
            except subprocess.TimeoutExpired as error:
                sending.kill()
                raise ErpopsError(f"Files from {giver} took more than {seconds:.0f} seconds.") from error
        errors.seek(0)
        _succeeded(giver, "send", sent, errors.read())
    _succeeded(taker, "receive", done.returncode, done.stderr)
    return done.stdout


def _succeeded(place: Place, verb: str, code: int, errors: bytes) -> None:
    """The application may remove or write a file while it is read; what could be read is there all the same."""
    text = errors.decode("utf-8", "backslashreplace")
    if code == 0 or (verb in READING and copy.only_changed(code, text)):
        return
    kind = Unreachable if code == SSH_FAILED and place.command else ErpopsError
    raise kind(f"Filestore {place}: {verb} failed with {code}: {' '.join(text.split())[-500:]}")
