"""One file to one ``Programme``: every section in turn, faults gathered."""

from __future__ import annotations

import difflib
import hashlib
import re
from datetime import date
from pathlib import Path
from typing import Any

from anju.policy.catalogue import Catalogue
from anju.policy.loading.checks import cross_check
from anju.policy.loading.conditions import condition, day
from anju.policy.loading.derived import DerivedReader
from anju.policy.loading.items import LINE_KEYS, item, times_of
from anju.policy.loading.scope import Scope
from anju.policy.model import (
    Category,
    Day,
    Gap,
    Item,
    Key,
    Line,
    Programme,
    Ranking,
    Reading,
    Score,
    Service,
    Test,
    Use,
)
from anju.policy.source import Faults, Map

_TOP = [
    "zh",
    "en",
    "document",
    "authority",
    "source",
    "in_force",
    "cutoff",
    "facts",
    "readings",
    "derived",
    "conditions",
    "vetoes",
    "items",
    "deductions",
    "scores",
    "services",
    "gaps",
    "note",
]
_ID = re.compile(r"[a-z][a-z0-9_]*")
_REASONS = ("not_seen", "not_collected", "not_expressible")


class ProgrammeReader:
    """Reads one file. ``programme`` is None when a fault leaves nothing whole to build."""

    def __init__(self, raw: Map, catalogue: Catalogue, faults: Faults) -> None:
        self.raw, self.catalogue, self.faults = raw, catalogue, faults
        self.scope = Scope(faults)
        self.scope.suggestions = lambda: catalogue.names()
        self.seen: dict[str, list[Line]] = {}

    def programme(self, place: str, name: str, version: str, text: str, path: Path) -> Programme | None:
        """The checked model, or None when there are faults."""
        raw, scope = self.raw, self.scope
        scope.keys(raw, _TOP, "")
        for key in ("zh", "en", "document", "authority", "in_force", "cutoff", "facts", "services"):
            if key not in raw:
                self.faults.add("missing", raw.line, key, key=key)
        scope.services = tuple(
            str(b.get("id")) for _, b in scope.entries(raw, "services", "") if isinstance(b, Map)
        )
        readings = tuple(self._reading(b, w) for b, w in self._bodies("readings"))
        scope.readings = {r.id: tuple(o[0] for o in r.options) for r in readings}
        uses = self._uses()
        derived = DerivedReader(self._bodies("derived"), scope, self._line).all()
        conditions = self._tests("conditions")
        vetoes = self._tests("vetoes")
        items = self._items("items")
        deductions = self._items("deductions")
        gaps = tuple(self._gap(b, w) for b, w in self._bodies("gaps"))
        scores = tuple(self._score(b, w, items, deductions) for b, w in self._bodies("scores"))
        services = tuple(self._service(b, w) for b, w in self._bodies("services"))
        from_on, until_on = self._in_force()
        made = Programme(
            place, name, version, str(path), hashlib.sha256(text.encode()).hexdigest(),
            str(raw.get("zh")), str(raw.get("en")), str(raw.get("document")), *self._two("authority"),
            self._seen(), *self._two("source"), from_on, until_on, *self._cutoff(),
            uses, readings, derived, conditions, vetoes, items, deductions, scores, services, gaps,
        )  # fmt: skip
        cross_check(made, scope)
        return None if self.faults else made

    def _bodies(self, section: str) -> list[tuple[Map, str]]:
        found = []
        for line, raw in self.scope.entries(self.raw, section, ""):
            body = self.scope.mapping(raw, line, section)
            if body is not None:
                found.append((body, f"{section}.{body.get('id', '?')}"))
        return found

    def _two(self, key: str) -> tuple[str, str]:
        raw = self.raw.get(key)
        return (
            (str(raw.get("zh", "")), str(raw.get("en", "")))
            if isinstance(raw, Map)
            else (str(raw or ""),) * 2
        )

    def _line(self, body: Map, where: str) -> Line:
        """What every line carries; a missing id, label or article is a fault."""
        for key in ("id", "zh", "en", "article"):
            if not body.get(key):
                code = "no_article" if key == "article" else "missing"
                self.faults.add(code, body.line, where, key=key)
        name = str(body.get("id", ""))
        if name and not _ID.fullmatch(name):
            self.faults.add("bad_id", body.line, where, id=name)
        only = body.get("only_for") or ()
        for service in only:
            if service not in self.scope.services:
                self.faults.add(
                    "not_one_of", body.line, where, value=service, known=", ".join(self.scope.services)
                )
        line = Line(
            name, _told(body, "zh"), _told(body, "en"), _told(body, "article"), body.line,
            tuple(str(s) for s in only), self._kept_to(body, where),
        )  # fmt: skip
        for other in self.seen.get(name, ()):
            if not _exclusive(line, other):
                self.faults.add("id_twice", body.line, where, id=name, at=other.at)
        self.seen.setdefault(name, []).append(line)
        return line

    def _kept_to(self, body: Map, where: str) -> tuple[tuple[str, str], ...]:
        raw = body.get("reading")
        if raw is None:
            return ()
        kept = self.scope.mapping(raw, body.lines["reading"], where)
        for name, option in (kept or {}).items():
            self.scope.used.add("reading:" + name)
            if option not in self.scope.readings.get(name, ()):
                known = ", ".join(f"{n}={o}" for n, os in self.scope.readings.items() for o in os)
                self.faults.add(
                    "not_one_of", body.lines["reading"], where, value=f"{name}={option}", known=known
                )
        return tuple((n, str(o)) for n, o in (kept or {}).items() if n in self.scope.readings)

    def _uses(self) -> tuple[Use, ...]:
        raw = self.raw.get("facts")
        found: list[Use] = []
        if raw is None or (body := self.scope.mapping(raw, self.raw.lines["facts"], "facts")) is None:
            return ()
        for key, told in body.items():
            line = body.lines[key]
            fact = self.catalogue.find(key)
            if fact is None:
                near = difflib.get_close_matches(key, self.catalogue.names(), 1, 0.5)
                self.faults.add("unknown_fact", line, f"facts.{key}", fact=key, near=near[0] if near else "—")
                continue
            told = told if isinstance(told, Map) else Map()
            if isinstance(told, Map) and told:
                self.scope.keys(told, ("zh", "en", "window", "note"), f"facts.{key}")
            self.scope.types[key] = fact.type
            window = re.fullmatch(r"(\d+) (calendar_years|years?|months?|days?)", str(told.get("window", "")))
            if "window" in told and not window:
                self.faults.add(
                    "unit",
                    told.lines["window"],
                    f"facts.{key}",
                    fact=key,
                    value=told["window"],
                    type="5 years",
                )
            found.append(
                Use(
                    key, fact, str(told.get("zh", fact.zh)), str(told.get("en", fact.en)),
                    (int(window.group(1)), window.group(2)) if window else None, line,
                )
            )  # fmt: skip
        return tuple(found)

    def _reading(self, body: Map, where: str) -> Reading:
        head = self._line(body, where)
        self.scope.keys(body, (*LINE_KEYS, "default", "options", "why"), where)
        found = self.scope.mapping(body.get("options"), body.line, where)
        options: dict[str, Any] = {} if found is None else found
        for option, words in options.items():
            if not isinstance(words, Map) or not words.get("zh") or not words.get("en"):
                self.faults.add("missing", body.line, f"{where}.{option}", key="zh/en")
        told = tuple(
            (str(o), str(w.get("zh")), str(w.get("en"))) for o, w in options.items() if isinstance(w, Map)
        )
        default = self.scope.choice(
            body.get("default"), tuple(o[0] for o in told) or ("—",), body.line, f"{where}.default"
        )
        return Reading(head.id, head.zh, head.en, head.article, head.at, default=default, options=told)

    def _tests(self, section: str) -> tuple[Test, ...]:
        found = []
        for body, where in self._bodies(section):
            head = self._line(body, where)
            self.scope.keys(body, (*LINE_KEYS, "when"), where)
            if "when" not in body:
                self.faults.add("missing", body.line, where, key="when")
                continue
            when = condition(body["when"], self.scope, body.lines["when"], f"{where}.when")
            if when:
                found.append(
                    Test(
                        head.id,
                        head.zh,
                        head.en,
                        head.article,
                        head.at,
                        head.only_for,
                        head.reading,
                        when=when,
                    )
                )
        return tuple(found)

    def _items(self, section: str) -> tuple[Item, ...]:
        made = (item(b, self.scope, w, self._line) for b, w in self._bodies(section))
        return tuple(i for i in made if i)

    def _gap(self, body: Map, where: str) -> Gap:
        head = self._line(body, where)
        self.scope.keys(body, (*LINE_KEYS, "reason", "open_when"), where)
        reason = self.scope.choice(body.get("reason"), _REASONS, body.line, f"{where}.reason")
        when = condition(body["open_when"], self.scope, body.line, where) if "open_when" in body else None
        return Gap(
            head.id,
            head.zh,
            head.en,
            head.article,
            head.at,
            head.only_for,
            head.reading,
            reason=reason,
            open_when=when,
        )

    def _score(self, body: Map, where: str, items: tuple[Item, ...], deductions: tuple[Item, ...]) -> Score:
        head = self._line(body, where)
        self.scope.keys(body, (*LINE_KEYS, "add", "subtract", "times", "floor", "cap", "round"), where)
        rounding = self.scope.mapping(body["round"], body.lines["round"], where) if "round" in body else None
        modes = ("half_up", "down", "up")
        return Score(
            head.id, head.zh, head.en, head.article, head.at, head.only_for, head.reading,
            add=self._parts(body, "add", items, where),
            subtract=self._parts(body, "subtract", deductions, where),
            times=times_of(body, self.scope, where),
            floor=self.scope.points(body, "floor", where) if "floor" in body else None,
            cap=self.scope.points(body, "cap", where) if "cap" in body else None,
            places=int(rounding.get("places", 0)) if rounding is not None else None,
            rounding=self.scope.choice("half_up" if rounding is None else rounding.get("mode", "half_up"), modes, body.line, where),
        )  # fmt: skip

    def _parts(self, body: Map, key: str, lines: tuple[Item, ...], where: str) -> tuple[str, ...]:
        known = {i.id for top in lines for i in top.walk()}
        raw = body.get(key, "all")
        if raw == "all":
            return tuple(dict.fromkeys(top.id for top in lines))
        if not isinstance(raw, list):
            self.faults.add("expected", body.lines[key], where, what="[id, …] / all")
            return ()
        for name in raw:
            if name not in known:
                self.faults.add(
                    "unknown_line",
                    body.lines[key],
                    where,
                    id=name,
                    section="items" if key == "add" else "deductions",
                )
        return tuple(str(n) for n in raw if n in known)

    def _service(self, body: Map, where: str) -> Service:
        head = self._line(body, where)
        self.scope.keys(body, (*LINE_KEYS, "score", "line", "ranking"), where)
        score = body.get("score")
        line = self.scope.points(body, "line", where) if "line" in body else None
        ranking = None
        if (
            "ranking" in body
            and (raw := self.scope.mapping(body["ranking"], body.lines["ranking"], where)) is not None
        ):
            ranking = self._ranking(raw, str(score), f"{where}.ranking")
        return Service(
            head.id, head.zh, head.en, head.article, head.at, (), head.reading,
            score=str(score or ""), line=line, ranking=ranking,
        )  # fmt: skip

    def _ranking(self, raw: Map, score: str, where: str) -> Ranking:
        scope = self.scope
        scope.keys(raw, ("article", "score", "keys", "ties", "places", "categories", "order"), where)
        if not raw.get("article"):
            self.faults.add("no_article", raw.line, where, key="article")
        keys = []
        for line, entry in scope.entries(raw, "keys", where):
            body = scope.mapping(entry, line, where)
            if body is not None:
                keys.append(self._key(body, where))
        categories = []
        for line, entry in scope.entries(raw, "categories", where):
            body = scope.mapping(entry, line, where)
            if body is None:
                continue
            when = condition(body["when"], scope, body.lines["when"], where) if "when" in body else None
            share = scope.points(body, "percent", where) if "percent" in body else None
            categories.append(Category(_told(body, "id"), _told(body, "zh"), _told(body, "en"), when, share))
        places = raw.get("places")
        return Ranking(
            str(raw.get("article", "")), str(raw.get("score", score)), tuple(keys),
            scope.choice(raw.get("ties"), ("all_admitted", "draw", "none_admitted"), raw.line, f"{where}.ties"),
            places if isinstance(places, int) else None, tuple(categories),
            scope.choice(raw.get("order", "score_first"), ("score_first", "category_first"), raw.line, f"{where}.order"),
        )  # fmt: skip

    def _key(self, body: Map, where: str) -> Key:
        firsts = ("most", "least", "earliest", "latest")
        name = str(body.get("of"))
        if name not in self.seen:
            self.scope.name(name, body.line, f"{where}.keys")
        first = self.scope.choice(body.get("first"), firsts, body.line, f"{where}.keys")
        return Key(name, first, *(str(body.get(k, "")) for k in ("zh", "en", "article")))

    def _seen(self) -> str:
        raw = self.raw.get("source")
        seen = raw.get("seen", "primary") if isinstance(raw, Map) else "primary"
        return self.scope.choice(
            seen, ("primary", "secondary"), self.raw.lines.get("source", 1), "source.seen"
        )

    def _cutoff(self) -> tuple[Day, str]:
        raw, line = self.raw.get("cutoff"), self.raw.lines.get("cutoff", 1)
        rule = raw.get("rule", raw) if isinstance(raw, Map) else raw
        if isinstance(raw, Map) and not raw.get("article"):
            self.faults.add("no_article", line, "cutoff", key="article")
        return day(rule, self.scope, line, "cutoff"), str(raw.get("article", "")) if isinstance(
            raw, Map
        ) else ""

    def _in_force(self) -> tuple[date, date | None]:
        raw, line = self.raw.get("in_force"), self.raw.lines.get("in_force", 1)
        first = raw.get("from") if isinstance(raw, Map) else None
        last = raw.get("until") if isinstance(raw, Map) else None
        if not isinstance(first, date) or not (last is None or (isinstance(last, date) and last >= first)):
            self.faults.add("in_force", line, "in_force")
            return date(1900, 1, 1), None
        return first, last


def _told(body: Map, key: str) -> str:
    return str(body.get(key, ""))


def _exclusive(a: Line, b: Line) -> bool:
    """Two lines of one id never stand together: some reading keeps them apart, or no service has both."""
    mine, theirs = dict(a.reading), dict(b.reading)
    by_reading = any(name in theirs and theirs[name] != option for name, option in mine.items())
    return by_reading or bool(a.only_for and b.only_for and not set(a.only_for) & set(b.only_for))
