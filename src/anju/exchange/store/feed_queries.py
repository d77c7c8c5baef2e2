"""Following the library: first the state as one run left it, then every committed change after it, in one order.

A page is made only of what is committed and placed; its cursor names the last place that is told whole. Read again with
the same cursor gives the same changes again; the next cursor never repeats nor leaves out any.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from anju.exchange.doors import columns
from anju.exchange.doors.columns import NUMBER, Source
from anju.exchange.doors.cursors import Cursor, parse
from anju.exchange.store import feed_sql
from anju.exchange.store.feed_sql import Step
from anju.exchange.store.models import FeedRun
from anju.kernel.refusal import Refusal
from anju.trust.sealing import sealer
from anju.trust.store import erasure_queries

MOST = 5_000
COMPACTED = "compacted"
"""Marks the run before which the order was compacted."""
LOOKED_THROUGH = 20_000
"""Entries read for one page: a follower of a small place is handed an empty page now and then, never a slow one."""


@dataclass
class Changes:
    """One page of the feed. ``cursor`` goes back for the next; ``has_more``: ask again at once."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    cursor: str = ""
    has_more: bool = False

    @property
    def people(self) -> list[str]:
        """Everybody the page tells of."""
        return sorted({r["person"] for r in self.rows if r.get("person")})


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows: place, the aspects the purpose opens, whether sensitive values are shown clear."""

    region: str
    aspects: Collection[str]
    clear: bool = False

    @property
    def sources(self) -> tuple[Source, ...]:
        """The tables told."""
        return columns.opened(self.aspects)


def changes(cursor: str, follower: Follower, limit: int = 1_000) -> Changes:
    """The page after ``cursor`` (empty: from the beginning). Call inside a transaction bound to the follower's place."""
    head = int(feed_sql.rows("SELECT exchange_sequence_changes() AS head")[0]["head"])
    at = parse(cursor) or _begin()
    if at.position > head:
        raise Refusal("doors.bad_cursor")
    page = _Page(follower, max(1, min(limit, MOST)), head)
    end = page.read_state(at) if at.is_state else page.read_on(at)
    return Changes(page.told(), str(end), end.is_state or end.source is not None or end.position < head)


def _begin() -> Cursor:
    """The state of the newest run; without any, the beginning of the order."""
    newest = FeedRun.objects.order_by("-position").values_list("position", flat=True).first()
    return Cursor(0) if newest is None else Cursor(newest, True, 0, 0)


def _step(row: FeedRun) -> Step:
    former = FeedRun.objects.filter(position__lt=row.position).order_by("-position").first()
    return Step(row.position, row.upto, former.upto if former else row.upto.get(COMPACTED, {}))


class _Page:
    """One page being filled."""

    def __init__(self, follower: Follower, limit: int, head: int) -> None:
        self.follower, self.limit, self.head = follower, limit, head
        self.rows: list[dict[str, Any]] = []

    @property
    def room(self) -> int:
        return self.limit - len(self.rows)

    def told(self) -> list[dict[str, Any]]:
        """The page, without the values of people whose data are restricted; merged codes say where they lead, new ones
        whom they were split from."""
        codes = [r["person"] for r in self.rows if r.get("person")]
        held = erasure_queries.restricted(codes) if codes else frozenset()
        ended = [r["person"] for r in self.rows if r["kind"] == "end" and r["source"] == "person"]
        leads = feed_sql.merged(ended) if ended else {}
        begun = [r["person"] for r in self.rows if r["kind"] == "put" and r["source"] == "person"]
        parted = feed_sql.split(begun) if begun else {}
        for row in self.rows:
            if row["kind"] == "put" and row["source"] == "person" and row["person"] in parted:
                row["split_from"] = parted[row["person"]]
            if row["kind"] == "put" and row["person"] in held:
                row["values"], row["restricted"] = None, True
            if row["kind"] == "end" and row["source"] == "person" and row["person"] in leads:
                row["leads_to"] = leads[row["person"]]
        return self.rows

    def put(self, source: Source, found: Sequence[dict[str, Any]]) -> None:
        """Rows that are there now."""
        unseal = sealer().open
        self.rows += [
            {
                "kind": "put",
                "source": source.name,
                "id": r["id"],
                "person": r["person_code"],
                "values": columns.shown(source, r, clear=self.follower.clear, unseal=unseal),
            }
            for r in found
        ]

    # --- the state at the beginning

    def read_state(self, at: Cursor) -> Cursor:
        """The state of the run at ``at``, table by table; then on from there."""
        row = FeedRun.objects.filter(position=at.position).first()
        if row is None:
            raise Refusal("doors.cursor_too_old")
        step, last = _step(row), at.row
        for source in self._sources_from(at.source or 0):
            after = last if NUMBER[source.name] == at.source else 0
            found = feed_sql.state(
                source, self.follower.region, step.position, step.upto.get(source.name, 0), after, self.room
            )
            self.put(source, found)
            if self.room <= 0:
                return Cursor(step.position, True, NUMBER[source.name], found[-1]["id"] if found else after)
        return Cursor(step.position)

    def _sources_from(self, number: int) -> tuple[Source, ...]:
        return tuple(s for s in self.follower.sources if NUMBER[s.name] >= number)

    # --- changes after it

    def read_on(self, at: Cursor) -> Cursor:
        """Everything after ``at`` until the page is full or the order ends."""
        self._refuse_too_old(at)
        looked = 0
        while at.position < self.head or at.source is not None:
            if at.source is None:
                run = FeedRun.objects.filter(position__gt=at.position).order_by("position").first()
                until = run.position - 1 if run else self.head
                if until > at.position:
                    at, seen = self._entries(at.position, until)
                    looked += seen
                elif run is not None:
                    at = Cursor(run.position, False, 0, 0)
            if at.source is not None:
                at = self._run(at)
            if self.room <= 0 or looked >= LOOKED_THROUGH:
                break
        return at

    def _refuse_too_old(self, at: Cursor) -> None:
        first = FeedRun.objects.order_by("position").first()
        if first is not None and COMPACTED in first.upto and at.position < first.position - 1:
            raise Refusal("doors.cursor_too_old")

    def _run(self, at: Cursor) -> Cursor:
        """The rows one run opened, from (source, row) on."""
        row = FeedRun.objects.filter(position=at.position).first()
        if row is None:
            raise Refusal("doors.cursor_too_old")
        step = _step(row)
        for source in self._sources_from(at.source or 0):
            after = at.row if NUMBER[source.name] == at.source else 0
            found = feed_sql.opened(source, self.follower.region, step, after, self.room)
            self.put(source, found)
            if self.room <= 0:
                return Cursor(at.position, False, NUMBER[source.name], found[-1]["id"] if found else after)
        return Cursor(at.position)

    def _entries(self, after: int, until: int) -> tuple[Cursor, int]:
        """Single changes in (after, until], as many as the page has room for; how many were looked through."""
        entries = feed_sql.rows(
            "SELECT position, kind, source, row_id, person_code, at FROM exchange_feedentry "
            "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s",
            [after, until, room := self.room],
        )
        wanted = {s.name: s for s in self.follower.sources}
        arrivals = feed_sql.arrivals(after) if entries else {}
        puts = self._rows_of(entries, wanted)
        for e in entries:
            if e["kind"] == "left":
                self._leave(e)
            elif e["kind"] == "came":
                self._arrive(e, arrivals)
            elif e["source"] in wanted and arrivals.get(e["person_code"], 0) < e["position"]:
                if e["kind"] == "end":
                    self.rows.append(_ended(e))
                elif row := puts.get((e["source"], e["row_id"])):
                    self.put(wanted[e["source"]], [row])
        return Cursor(entries[-1]["position"] if len(entries) == room else until), len(entries)

    def _rows_of(
        self, entries: list[dict[str, Any]], wanted: dict[str, Source]
    ) -> dict[tuple[str, int], dict[str, Any]]:
        """The rows that were put, read table by table."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for name, source in wanted.items():
            ids = [e["row_id"] for e in entries if e["kind"] == "put" and e["source"] == name]
            for row in feed_sql.by_id(source, self.follower.region, ids):
                found[name, row["id"]] = row
        return found

    def _leave(self, entry: dict[str, Any]) -> None:
        """A person who is in the follower's place no more, or in the register."""
        if not feed_sql.has_pair(entry["person_code"], entry["at"], "came"):
            self.rows.append(
                {"kind": "leave", "source": "person", "id": None, "person": entry["person_code"]}
            )

    def _arrive(self, entry: dict[str, Any], arrivals: dict[str, int]) -> None:
        """Everything the follower may see of a person who came into their place; told where they came last.

        Whatever is held of them already goes first: between two arrivals nothing else was told of them.
        """
        if arrivals.get(entry["person_code"]) != entry["position"]:
            return
        self.rows.append(_left(entry["person_code"]))
        runs = FeedRun.objects.filter(position__lt=entry["position"]).order_by("-position")
        upto = runs.values_list("upto", flat=True).first() or {}
        for source in self.follower.sources:
            if source.of_person:
                found = feed_sql.state(
                    source,
                    self.follower.region,
                    entry["position"],
                    upto.get(source.name, 0),
                    0,
                    MOST,
                    entry["person_code"],
                )
                self.put(source, found)


def _left(person: str) -> dict[str, Any]:
    return {"kind": "leave", "source": "person", "id": None, "person": person}


def _ended(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "end",
        "source": entry["source"],
        "id": entry["row_id"],
        "person": entry["person_code"],
    }
