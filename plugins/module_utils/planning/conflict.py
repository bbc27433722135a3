# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A smallest set of constraints that contradict each other, by dividing the search (Junker's QuickXplain). Pure.

Smallest means that none can be left out: without any one of them the rest can be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Question = Callable[[frozenset[str]], bool]


def conflict(ids: Sequence[str], possible: Question) -> tuple[str, ...]:
    """Constraints that cannot be kept together and of which none is to spare; empty where all can be kept.

    possible: whether a set of constraints can be kept. Of several conflicts it gives the one that the order of ``ids``
    leads to: what stands first is kept longest, so that blame falls on what stands last.
    """
    if possible(frozenset(ids)):
        return ()
    if not possible(frozenset()):
        return ()
    found = _minimal(possible, frozenset(), False, tuple(ids))
    return tuple(id_ for id_ in ids if id_ in found)


def _minimal(possible: Question, kept: frozenset[str], grown: bool, ids: tuple[str, ...]) -> frozenset[str]:
    if grown and not possible(kept):
        return frozenset()
    if len(ids) == 1:
        return frozenset(ids)
    middle = len(ids) // 2
    first, second = ids[:middle], ids[middle:]
    of_second = _minimal(possible, kept | frozenset(first), bool(first), second)
    of_first = _minimal(possible, kept | of_second, bool(of_second), first)
    return of_first | of_second
