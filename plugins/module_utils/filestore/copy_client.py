# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a filestore between two places that have a POSIX shell, tar, find and sha1sum."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.filestore import copy
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.copy import Copied, Place

BATCH = 1000
SSH_FAILED = 255


def copy_missing(
    giver: Place, taker: Place, referenced: Collection[str], remaining: Callable[[], float | None], seconds: float
) -> Copied:
    """Everything that the taker lacks. Killed and run again, it goes on with what is not there yet.

    referenced: names the database knows. remaining: seconds that the window still has, if there is one.
    """

    def left() -> float:
        window = remaining()
        return seconds if window is None else min(seconds, window)

    with ThreadPoolExecutor(2) as pool:
        ours, theirs = (pool.submit(_run, place, "list", b"", left()) for place in (giver, taker))
        given, taken = copy.names_from(ours.result()), copy.names_from(theirs.result())
    done = Copied(files=len(given))
    known = {copy.shown(name) for name in given}
    done.missing = [name for name in referenced if name not in known]
    for batch in copy.batches(sorted(given - taken), BATCH):
        staged = copy.sums_from(_transfer(giver, taker, copy.names_to(batch), left()))
        doubtful = copy.doubtful(staged)
        if doubtful:
            _confirm(giver, staged, doubtful, done, left())
        _run(taker, "keep", copy.names_to(sorted(staged)), left())
        done.copied += len(staged)
    return done


def lacking(place: Place, referenced: Collection[str], seconds: float) -> list[str]:
    """Names that the database knows and the place has not."""
    known = {copy.shown(name) for name in copy.names_from(_run(place, "list", b"", seconds))}
    return sorted(set(referenced) - known)


def _confirm(giver: Place, staged: dict[bytes, str], doubtful: list[bytes], done: Copied, seconds: float) -> None:
    """A file that is not what its name says is kept as it is if it is so on the giver; else it was hurt on the way."""
    there = copy.sums_from(_run(giver, "sums", copy.names_to(doubtful), seconds))
    hurt = [copy.shown(name) for name in doubtful if there.get(name) != staged[name]]
    if hurt:
        raise ErpopsError(f"Files of {giver} arrived with another content: {', '.join(hurt[: copy.SHOWN])}.")
    done.corrupt += [copy.shown(name) for name in doubtful if copy.addressed(name)]


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
        _succeeded(giver, "send", sent, errors.read(), gone_is_fine=True)
    _succeeded(taker, "receive", done.returncode, done.stderr)
    return done.stdout


def _succeeded(place: Place, verb: str, code: int, errors: bytes, *, gone_is_fine: bool = False) -> None:
    """The application may remove a file between the list and the sending; tar then ends with 2, and sends the rest."""
    text = " ".join(errors.decode("utf-8", "backslashreplace").split())
    if code == 0 or (gone_is_fine and code in (1, 2) and "No such file or directory" in text):
        return
    kind = Unreachable if code == SSH_FAILED and place.command else ErpopsError
    raise kind(f"Filestore {place}: {verb} failed with {code}: {text[-500:]}")
