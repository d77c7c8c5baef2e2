"""The hand that writes a department's cells: turns what is known into what is sent, with its habits and slips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anju.city import forms, misspelling, numbers
from anju.city.arrays import (
    Array,
    Text,
    chance,
    chosen,
    numbered,
    table,
    take,
)
from anju.city.changes import Changes
from anju.city.layouts import Layout
from anju.city.lives import City
from anju.city.mistakes import ABSENT, FIFTEEN, INVALID, Mistakes
from anju.city.people import EDUCATION, MARITAL
from anju.city.rows import Rows


@dataclass(slots=True)
class Lines:
    """Grain: one line of a dataset's files: a row, or a row sent again because something changed.

    ``end`` the day the stay or job ended when that is what changed, NEVER otherwise; ``longer`` months paid
    since the row was first sent; ``corrected`` lines state right what the row stated wrongly.
    """

    row: Array
    sent: Array
    observed: Array
    end: Array
    longer: Array
    corrected: Array


def lines_of(city: City, rows: Rows, changes: Changes) -> Lines:
    """Every row once, then the changes."""
    count = len(rows)
    return Lines(
        row=np.r_[np.arange(count), changes.row],
        sent=np.r_[rows.sent, changes.sent],
        observed=np.r_[rows.observed, changes.observed],
        end=np.r_[np.full(count, -1), changes.end],
        longer=np.r_[np.zeros(count, np.int64), changes.longer],
        corrected=np.r_[np.zeros(count, dtype=bool), changes.corrected],
    )


class Pen:
    """Writes cells of one dataset: ``p`` person, ``which`` stay or job, per line."""

    def __init__(
        self,
        city: City,
        layout: Layout,
        rows: Rows,
        lines: Lines,
        mistakes: Mistakes,
        profile: dict[str, float],
    ) -> None:
        self.city, self.layout, self.rows, self.lines = city, layout, rows, lines
        self.mistakes, self.profile = mistakes, profile
        self.draw = chance(city.seed, "pen", layout.dataset)
        self.p = rows.person[lines.row]
        self.thing = rows.thing[lines.row]
        self.which, self.extra = self.thing % 10, self.thing // 10
        self.luck = rows.luck[lines.row]
        self.count = len(lines.row)
        self._latest: Array | None = None

    def luck_of(self, step: int) -> Array:
        """Another number in [0, 1) that a row shares with the rows that repeat it."""
        return np.asarray((self.luck * 9973.137 * (step + 1) + 0.618 * step) % 1.0)

    def row_luck(self, name: str) -> Array:
        """Chance of a row's own, the same on every line of the row."""
        return chance(self.city.seed, "row", self.layout.dataset, name).random(len(self.rows))[self.lines.row]

    def some(self, share: float, name: str) -> Array:
        """Lines picked with probability ``share``; a row keeps its pick."""
        return np.flatnonzero(self.row_luck(name) < share)

    def touched(self, text: Text, at: Array, change: Callable[[str], str | None]) -> Text:
        """``text`` with the cells ``at`` changed one by one. For small shares."""
        if not len(at):
            return text
        mask = np.zeros(len(text), dtype=bool)
        mask[at] = True
        old = text.take(pa.array(at)).to_pylist()
        new = pa.array([None if v is None else change(v) for v in old], pa.string())
        return pc.replace_with_mask(text, pa.array(mask), new)

    # What is stated of the person -------------------------------------------------------------------------

    def _is_latest(self) -> Array:
        """Per row: the person's latest in this dataset on the first day, or sent later."""
        if self._latest is None:
            rows = self.rows
            order = np.lexsort((np.arange(len(rows)), rows.observed - 10**7 * (rows.sent > 0), rows.person))
            person = rows.person[order]
            last = np.zeros(len(rows), dtype=bool)
            last[order[np.r_[person[1:] != person[:-1], True]]] = True
            self._latest = last | (rows.sent > 0)
        return self._latest

    def misstated(self, field: str) -> tuple[Array, Array]:
        """Lines that state a wrong value of the field, and where among the wrong values it stands."""
        wrong = self.mistakes.wrong.get((self.layout.dataset, field))
        if wrong is None or not len(wrong.person):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        place = np.minimum(np.searchsorted(wrong.person, self.p), len(wrong.person) - 1)
        hit = (wrong.person[place] == self.p) & (wrong.everywhere[place] | self._is_latest()[self.lines.row])
        lines = np.flatnonzero(hit & ~self.lines.corrected)
        return lines, place[lines]

    def stated(self, field: str, true: Array) -> Array:
        """Whole numbers per line: the true ones, with the wrong ones put in."""
        at, place = self.misstated(field)
        found = true.astype(np.int64)
        if len(at):
            found = found.copy()
            found[at] = np.asarray(self.mistakes.wrong[(self.layout.dataset, field)].value)[place]
        return found

    def name(self) -> Text:
        """The name: misspelt for some, in other characters or letters for a few, with stray spaces."""
        text = take(self.city.people.name, self.p)
        at, place = self.misstated("name")
        if len(at):
            mask = np.zeros(self.count, dtype=bool)
            mask[at] = True
            text = pc.replace_with_mask(
                text, pa.array(mask), take(self.mistakes.wrong[(self.layout.dataset, "name")].value, place)
            )
        speller = misspelling.Speller(self.draw)
        text = self.touched(text, self.some(self.profile["other_script"], "script"), speller.in_traditional)
        text = self.touched(text, self.some(self.profile["pinyin"], "letters"), speller.in_letters)
        text = self.touched(text, self.some(self.profile["rough"] * 0.25, "spaces"), forms.spaced)
        dotted = np.flatnonzero(pc.match_substring(text, "·").to_numpy(zero_copy_only=False))
        dotted = dotted[self.row_luck("dots")[dotted] < self.profile["rough"] * 5]
        return self.touched(text, dotted, lambda v: v.replace("·", "•．.・"[len(v) % 4]))

    def citizen_no(self) -> Text:
        """The citizen number, absent, invalid, with 15 digits, or somebody else's for some."""
        characters = self.city.people.number[self.p]
        at, place = self.misstated("citizen_no")
        state = self.mistakes.number_state[self.layout.dataset][self.lines.row]
        if len(at):
            characters = characters.copy()
            characters[at] = self.mistakes.wrong[(self.layout.dataset, "citizen_no")].value[place]
        text = numbers.text_of(characters)
        text = self.touched(text, np.flatnonzero(state == FIFTEEN), lambda v: v[:6] + v[8:17])
        text = self.touched(text, np.flatnonzero(state == INVALID), forms.miskeyed)
        text = self.touched(text, self.some(self.profile["rough"] * 0.06, "number"), forms.rough_number)
        return chosen(state == ABSENT, None, text)

    def sex(self) -> Text:
        """男 or 女, or in the code of the standard, as the department has it."""
        words = table(["1", "2"] if self.layout.format in ("parquet", "ndjson") else ["男", "女"])
        return take(words, self.stated("sex", self.city.people.sex[self.p]) - 1)

    def born(self) -> Text:
        """The birthday as stated."""
        return self.date(self.stated("born_on", self.city.people.born[self.p]), "born")

    def phone(self) -> Text:
        """The phone: an earlier one or somebody else's for some; prefixed or hyphenated for a few."""
        folk, luck = self.city.people, self.row_luck("phone")
        text = take(folk.phone, self.p)
        old, lent = self.profile["old_phone"], self.profile["lent_phone"]
        before = numbers.phones(len(self.city), first=len(self.city) + 1)
        text = chosen(luck < old, take(before, self.p), text)
        other = self.city.people.families.starts[folk.families.household[self.p]]
        text = chosen((luck > 1 - lent), take(folk.phone, other), text)
        text = chosen(
            (luck > 1 - lent / 2), take(folk.phone, (self.p * 7 + 13) // 997 * 997 % len(folk)), text
        )
        text = chosen((luck > 0.5) & (luck < 0.5 + self.profile["rough"] * 0.2), None, text)
        return self.touched(text, self.some(self.profile["rough"] * 0.15, "dial"), forms.rough_phone)

    def hukou(self) -> Text:
        """County of registered household by today's code, for some by a code of former days."""
        return self.division(self.stated("hukou_region", self.city.people.hukou[self.p]), "hukou")

    def education(self) -> Text:
        """Schooling, in the department's words."""
        stated = self.stated("education", self.city.people.education[self.p])
        words = self._words(EDUCATION, ["研究生", "大学本科", "大专", "中专", "高中", "初中", "小学", "其他"])
        return take(words, stated)

    def marital(self) -> Text:
        """Marital status, in the department's words."""
        stated = self.stated("marital", self.city.people.marital[self.p])
        return take(self._words(MARITAL, ["未婚", "已婚", "丧偶", "离婚"]), stated)

    def _words(self, codes: tuple[str, ...], words: list[str]) -> Text:
        return table(list(codes) if self.layout.format in ("parquet", "ndjson") else list(words))

    # Forms ------------------------------------------------------------------------------------------------

    def date(self, days: Array, name: str) -> Text:
        """Dates in the department's usual style, some in another; NEVER is null."""
        habit = self.layout.dates
        usual = 5 if habit in ("cell", "serial") else forms.DATE_STYLES.index(habit)
        luck = self.row_luck("date " + name)
        rough = self.profile["rough"]
        style = np.where(luck < rough, (luck * 5 / max(rough, 1e-9)).astype(np.int64), usual)
        if usual == 5:
            # Spreadsheets count days from 1900; what is older than that, or odd, is text.
            style = np.where(days < 100, 0, style)
        text = take(
            forms.date_words(),
            np.where(days < 0, -1, np.minimum(days, forms.LAST_DAY - 1) + style * forms.LAST_DAY),
        )
        return self.touched(text, np.flatnonzero((luck > 0.999 - rough * 0.01) & (luck < 0.999)), forms.wide)

    def month(self, months: Array, name: str) -> Text:
        """Months (counted from January 1900) in the department's style, some in another."""
        luck = self.row_luck("month " + name)
        usual = 0 if self.layout.dates == "plain" else 1
        style = np.where(luck < self.profile["rough"], (luck * 97).astype(np.int64) % 3, usual)
        return take(forms.month_words(), np.where(months < 0, -1, months + style * 1800))

    def division(self, codes: Array, name: str) -> Text:
        """Six-digit codes; for some the code the county had in former days."""
        some = np.flatnonzero(self.row_luck("old " + name) < self.profile["old_division"])
        known = forms.former_codes()
        found = codes.copy()
        for at in some.tolist():
            choices = known.get(int(codes[at]))
            if choices:
                found[at] = choices[at % len(choices)]
        return numbered(found, 6)

    def money(self, yuan: Array, name: str) -> Text:
        """Whole yuan; with a comma or the word for a few; negative is null."""
        text = chosen(yuan < 0, None, numbered(yuan.astype(np.int64)))
        some = self.some(self.profile["rough"] * 0.1, "money " + name)
        return self.touched(text, some, lambda v: f"{int(v):,}.00" if len(v) % 2 else v + "元")

    def flag(self, yes: Array) -> Text:
        """是 or 否."""
        return take(table(["否", "是"]), yes.astype(np.int64))
