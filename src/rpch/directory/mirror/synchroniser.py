"""One round of a mirror: what differs between the other directory and the book, found and stored.

The server is asked for its state first; where that has not changed, nothing has. Else those entries are read
that changed after the newest one known, which costs little. What went, what was moved with the branch it
lies on, and what no longer matches the filter does not show there: for that all entries are compared by GUID,
name and stamp, which in a large directory takes seconds and is therefore done in proportion: a list that
took one second is made every twenty. The server's state counts as known only when a list was made after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from rpch.directory.database import Database
from rpch.directory.growth import Growth
from rpch.directory.mirror.kinds import ServerKind
from rpch.directory.mirror.ldap_tree import Listed, Tree, TreeState, name_of
from rpch.directory.mirror.linking import forget_entries, relink, sources_naming
from rpch.directory.mirror.mirror_store import (
    Known,
    MirrorState,
    key_of,
    known_among,
    known_entries,
    mirror_named,
    note_state,
)
from rpch.directory.mirror.reading import Reading, read_entry
from rpch.directory.mirror.records_in import Applied, apply_readings
from rpch.directory.mirror.settings import MirrorSettings
from rpch.directory.transfer.ldif import LdapEntry
from rpch.directory.transfer.records import BadRecord

BATCH: Final = 200
LARGEST_BATCH: Final = 16 << 20  # bytes of pictures and certificates
PACE: Final = 20.0  # seconds between lists, for each second that one takes
FEW: Final = 10  # so many may always go
MOST_FAULTS: Final = 100


@dataclass
class Round:
    """What a round came to. `held_back` entries would have gone, but were too many.

    `faults` are what of entries could not be kept, by DN; of many only the first.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    linked: int = 0
    held_back: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """What could not be kept, one sentence each."""
        return [f"{dn}: {fault}" for dn, faults in self.faults.items() for fault in faults]

    @property
    def did_something(self) -> bool:
        """Whether the book is another than before."""
        return bool(self.added or self.changed or self.removed or self.linked)


class Synchroniser:
    """Keeps the book like one directory, round by round."""

    def __init__(
        self,
        database: Database,
        settings: MirrorSettings,
        *,
        clock: Callable[[], float] = time.time,
        progress: Callable[[int], None] = lambda done: None,
        remove_many: bool = False,
    ) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._progress, self._remove_many = progress, remove_many
        self._set_aside: dict[UUID, str] = {}  # entries that make none of ours, by stamp
        self._not_before = 0.0  # when to make the next list

    def round(self, tree: Tree) -> Round:
        """Bring the book up to date; whatever was stored when an error ends it is right."""
        found, outcome = tree.state(), Round()
        mirror, now = self._mirror(), self._clock()
        same_server = found.server == mirror.server
        is_old = now - mirror.listed >= self._settings.list_every
        if found.token and found.token == mirror.token and same_server and not is_old:
            return outcome
        applied = Applied()
        if mirror.newest and same_server:
            newest = self._take(tree.changed_since(mirror.newest), mirror, applied, outcome)
            mirror = replace(mirror, newest=self._later(mirror.newest, newest))
        if now >= self._not_before or not mirror.listed:
            mirror = self._compare(tree, mirror, found, applied, outcome)
        self._link(applied, outcome)
        with self._database.write() as connection:
            note_state(connection, mirror)
        outcome.added, outcome.changed = applied.added, applied.changed
        return outcome

    def what_if(self, tree: Tree) -> Round:
        """What a round would come to, as far as lists can tell."""
        mirror = self._mirror()
        with self._database.read() as connection:
            known = known_entries(connection, mirror.id)
        seen = {listed.guid: listed for listed in tree.listed()}
        differs = sum(
            (known[guid].stamp, known[guid].dn_key) != _stamped(each)
            for guid, each in seen.items()
            if guid in known
        )
        gone = len(known.keys() - seen.keys())
        return Round(added=len(seen.keys() - known.keys()), changed=differs, removed=gone)

    def _mirror(self) -> MirrorState:
        with self._database.write() as connection:
            return mirror_named(connection, self._settings.source, self._settings.signs_in)

    def _compare(
        self, tree: Tree, mirror: MirrorState, found: TreeState, applied: Applied, outcome: Round
    ) -> MirrorState:
        """Compare all entries; what the mirror is afterwards."""
        with self._database.read() as connection:
            known = known_entries(connection, mirror.id)
        if known:
            newest, stale, seen = self._differing(tree, known)
            # What goes gives up addresses that others may be waiting for.
            self._forget([known[guid].entry_id for guid in known.keys() - seen], len(known), outcome)
            self._take(tree.fetched(stale), mirror, applied, outcome)
        else:
            newest = self._take(tree.entries(), mirror, applied, outcome)
        token = "" if outcome.held_back else found.token
        return replace(mirror, server=found.server, token=token, newest=newest, listed=self._clock())

    def _differing(self, tree: Tree, known: Mapping[UUID, Known]) -> tuple[str, list[UUID], set[UUID]]:
        """The newest stamp of all, who is new or other than known, and who is there at all."""
        began, newest = self._clock(), ""
        stale: list[UUID] = []
        seen: set[UUID] = set()
        for listed in tree.listed():
            newest = self._later(newest, listed.stamp)
            seen.add(listed.guid)
            mine = known.get(listed.guid)
            is_same = mine and (mine.stamp, mine.dn_key) == _stamped(listed)
            if not is_same and self._set_aside.get(listed.guid) != listed.stamp:
                stale.append(listed.guid)
        ended = self._clock()
        self._not_before = ended + PACE * (ended - began)
        return newest, stale, seen

    def _take(
        self, entries: Iterable[LdapEntry], mirror: MirrorState, applied: Applied, outcome: Round
    ) -> str:
        """Store entries, some at a time; the newest stamp among them."""
        newest, growth = "", Growth(self._database)
        for batch in self._batches(entries, outcome):
            for reading in batch:
                newest = self._later(newest, reading.listed.stamp)
                outcome.faults.pop(reading.listed.dn, None)  # read twice in a round: the last one counts
            with self._database.write() as connection:
                known = known_among(connection, mirror.id, [each.guid for each in batch])
                stamps = {guid: (each.stamp, each.dn_key) for guid, each in known.items()}
                other = [each for each in batch if stamps.get(each.guid) != _stamped(each.listed)]
                apply_readings(connection, mirror.id, other, self._clock(), applied, _says_into(outcome))
            growth.stored(len(other))
            self._progress(len(batch))
        return newest

    def _batches(self, entries: Iterable[LdapEntry], outcome: Round) -> Iterator[list[Reading]]:
        batch: list[Reading] = []
        size = 0
        for entry in entries:
            reading = self._read(entry, outcome)
            if reading is None:
                continue
            batch.append(reading)
            size += sum(len(data) for values in reading.record.binaries.values() for data in values)
            if len(batch) >= BATCH or size >= LARGEST_BATCH:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _read(self, entry: LdapEntry, outcome: Round) -> Reading | None:
        listed = name_of(entry, self._settings)
        try:
            reading = read_entry(entry, self._settings)
        except BadRecord as problem:
            reading = None
            _note_fault(outcome, entry.dn, problem.problem)
        if reading is None:
            self._set_aside[listed.guid] = listed.stamp
        return reading

    def _forget(self, gone: Sequence[int], known: int, outcome: Round) -> None:
        """Remove what is no longer there; not so much that it must be a mistake."""
        if not self._remove_many and len(gone) > max(FEW, known * self._settings.most_removed):
            outcome.held_back = len(gone)
            return
        for start in range(0, len(gone), BATCH):
            with self._database.write() as connection:
                outcome.removed += forget_entries(connection, gone[start : start + BATCH], self._clock())

    def _link(self, applied: Applied, outcome: Round) -> None:
        with self._database.read() as connection:
            sources = sorted(applied.sources | sources_naming(connection, applied.keys))
        for start in range(0, len(sources), BATCH):
            with self._database.write() as connection:
                outcome.linked += relink(connection, sources[start : start + BATCH], self._clock())

    def _later(self, one: str, other: str) -> str:
        """The later of two stamps; texts of the same length, but for Active Directory's numbers."""
        if self._settings.kind is ServerKind.AD:
            return max(one, other, key=lambda stamp: int(stamp) if stamp.isdigit() else 0)
        return max(one, other)


def _says_into(outcome: Round) -> Callable[[Reading, str], None]:
    """Notes what of an entry could not be kept."""
    return lambda reading, fault: _note_fault(outcome, reading.listed.dn, fault)


def _note_fault(outcome: Round, dn: str, fault: str) -> None:
    if dn in outcome.faults or len(outcome.faults) < MOST_FAULTS:
        outcome.faults.setdefault(dn, []).append(fault)


def _stamped(listed: Listed) -> tuple[str, str]:
    return listed.stamp, key_of(listed.dn)
