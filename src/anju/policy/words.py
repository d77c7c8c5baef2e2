"""Words for conditions, shapes and values, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from anju.policy.model import (
    Age,
    All,
    Bands,
    Cases,
    Choose,
    Combine,
    Compare,
    Condition,
    Day,
    Derived,
    Elapsed,
    Flat,
    Group,
    Item,
    Ladder,
    Not,
    Per,
    Programme,
    Row,
    Tally,
)
from anju.policy.values import Type, shown


def number(value: Fraction | None) -> str:
    """Points as people write them: ``12``, ``0.35``, ``20/3``."""
    if value is None:
        return "—"
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return f"{float(value):.6f}".rstrip("0") if rest == 1 else f"{float(value):.4f}".rstrip("0")


@dataclass(frozen=True, slots=True)
class Words:
    """Puts the parts of one programme into words of one language."""

    programme: Programme
    language: str = "zh"

    @property
    def zh(self) -> bool:
        """Whether the words are Chinese."""
        return self.language.startswith("zh")

    def _say(self, zh: str, en: str) -> str:
        return zh if self.zh else en

    def name(self, key: str) -> str:
        """The label of a fact, derived value, item or score."""
        for use in self.programme.uses:
            if use.key == key:
                return use.label(self.language)
        if key.startswith("."):
            return self._field(key[1:])
        return next((line.label(self.language) for line in self.programme.lines() if line.id == key), key)

    def _field(self, name: str) -> str:
        for use in self.programme.uses:
            for field, zh, en in use.fact.field_labels:
                if field == name:
                    return zh if self.zh else en
        return name

    def type(self, key: str) -> Type:
        """The type of a name."""
        for use in self.programme.uses:
            if use.key == key:
                return use.fact.type
            if key.startswith(".") and (found := use.fact.type.field_type(key[1:])):
                return found
        return next((d.type for d in self.programme.derived if d.id == key), Type("count"))

    def value(self, value: Any, key: str) -> str:
        """A value of a name as people read it; codes by their labels."""
        if isinstance(value, tuple):
            return (
                "、".join(self.value(v, key) for v in value)
                if self.zh
                else ", ".join(self.value(v, key) for v in value)
            )
        kind = self.type(key)
        if kind.kind == "code" and value is not None:
            return self._option(key, value)
        return shown(value, kind, self.language)

    def _option(self, key: str, code: str) -> str:
        for use in self.programme.uses:
            options = use.fact.options if use.key == key else ()
            if key.startswith("."):
                options = dict(use.fact.field_options).get(key[1:], ())
            for option in options:
                if option.code == code:
                    return option.zh if self.zh else option.en
        return code

    def condition(self, condition: Condition) -> str:
        """A condition in words."""
        if isinstance(condition, Compare):
            return self._compare(condition)
        if isinstance(condition, Not):
            return self._say("非（", "not (") + self.condition(condition.part) + self._say("）", ")")
        joint = self._say("，且", " and ") if isinstance(condition, All) else self._say("，或", " or ")
        return joint.join(self.condition(p) for p in condition.parts)

    def _compare(self, compare: Compare) -> str:
        name = self.name(compare.name)
        if isinstance(compare.value, bool):
            is_so = compare.value == (compare.op == "eq")
            return name if is_so else self._say(f"无“{name}”", f"not: {name}")
        if compare.op == "within":
            return self._within(name, *compare.value)
        value = self.value(compare.value, compare.name)
        words = {
            "ge": ("不少于", "at least"), "gt": ("超过", "more than"), "le": ("不超过", "at most"), "lt": ("少于", "less than"),
            "eq": ("为", "is"), "ne": ("不为", "is not"), "in": ("为", "is one of"), "not_in": ("不为", "is none of"),
        }  # fmt: skip
        if self.type(compare.name).kind == "date":
            words |= {
                "ge": ("不早于", "not before"),
                "gt": ("晚于", "after"),
                "le": ("不晚于", "not after"),
                "lt": ("早于", "before"),
            }
        return self._say(f"{name}{words[compare.op][0]}{value}", f"{name} {words[compare.op][1]} {value}")

    def _within(self, name: str, count: int, unit: str) -> str:
        if unit == "calendar_years":
            return self._say(
                f"{name}在申报前{count}个自然年度内",
                f"{name} within the {count} calendar years before filing",
            )
        number_, is_ahead = abs(count), count < 0
        span = shown(number_, Type("days" if unit == "days" else "months"), self.language)
        if is_ahead:
            return self._say(f"{name}在申报日起{span}内", f"{name} within {span} after filing")
        return self._say(f"{name}在截止日前{span}内", f"{name} within {span} before the cut-off")

    def rule(self, item: Item) -> str:
        """What an item gives, in words, with its modifiers."""
        parts = [self._shape(item)]
        if item.when is not None:
            parts.insert(0, self._say("条件：", "if ") + self.condition(item.when))
        if item.for_each and item.for_each.where is not None:
            parts.append(self._say("只计：", "counting ") + self.condition(item.for_each.where))
        if item.for_each and item.for_each.cap is not None:
            parts.append(
                self._say(
                    f"每项（年）最高{number(item.for_each.cap)}分",
                    f"at most {number(item.for_each.cap)} each",
                )
            )
        if item.for_each and item.for_each.take:
            parts.append(self._say(f"取最高{item.for_each.take}项", f"the best {item.for_each.take}"))
        for times in item.times:
            when = f"（{self.condition(times.when)}）" if times.when is not None else ""
            parts.append(f"× {number(times.factor)}{when}")
        if item.percent_of:
            parts.append(
                self._say(f"按{self.name(item.percent_of)}折算", f"pro rata to {self.name(item.percent_of)}")
            )
        if item.divide_by:
            name, plus = item.divide_by
            parts.append(f"÷ {self.name(name)}" + (f" + {plus}" if plus else ""))
        if item.floor is not None:
            parts.append(self._say(f"最低{number(item.floor)}分", f"at least {number(item.floor)}"))
        if item.cap is not None:
            parts.append(self._say(f"最高{number(item.cap)}分", f"at most {number(item.cap)}"))
        return self._say("；", "; ").join(p for p in parts if p)

    def _shape(self, item: Item) -> str:
        shape = item.shape
        if isinstance(shape, Flat):
            return self._say(f"{number(shape.points)}分", f"{number(shape.points)} points")
        if isinstance(shape, Group):
            words = {
                "sum": ("各项相加", "added up"),
                "best_of": ("取最高一项", "the best one"),
                "choose_one": ("任选一项（取有利者）", "choose one"),
            }
            return self._say(*words[shape.mode])
        if isinstance(shape, Per):
            return self._per(shape)
        if isinstance(shape, Ladder):
            return self._say("，", ", ").join(
                f"{self.value(c, shape.of)} {number(p)}" for c, p in shape.points
            )
        if isinstance(shape, Cases):
            return self._say("；", "; ").join(
                f"{self._case_words(r.zh, r.en, r.when)} {number(r.points)}" for r in shape.rows
            )
        return self._bands(shape)

    def _case_words(self, zh: str, en: str, when: Condition | None) -> str:
        told = zh if self.zh else en
        return told or (self.condition(when) if when is not None else self._say("其他", "otherwise"))

    def _per(self, shape: Per) -> str:
        step, points = self.value(shape.step, shape.of), number(shape.points)
        name = self.name(shape.of)
        each = {
            "down": (f"{name}每满{step} {points}分", f"{points} per full {step} of {name}"),
            "up": (f"{name}每{step}（不满按一计）{points}分", f"{points} per started {step} of {name}"),
            "exact": (f"{name}每{step} {points}分（按比例）", f"{points} per {step} of {name}, pro rata"),
        }[shape.round]
        parts = [self._say(*each)]
        if shape.start:
            parts.insert(0, self._say(f"起始{number(shape.start)}分", f"{number(shape.start)} to start with"))
        if shape.beyond is not None:
            parts.append(
                self._say(
                    f"只计超过{self.value(shape.beyond, shape.of)}的部分",
                    f"only beyond {self.value(shape.beyond, shape.of)}",
                )
            )
        if shape.below is not None:
            parts.append(
                self._say(
                    f"只计不足{self.value(shape.below, shape.of)}的部分",
                    f"only what is short of {self.value(shape.below, shape.of)}",
                )
            )
        if shape.active_from is not None:
            parts.append(
                self._say(
                    f"满{self.value(shape.active_from, shape.of)}后起计",
                    f"counted once {self.value(shape.active_from, shape.of)} are reached",
                )
            )
        if shape.max_steps is not None:
            parts.append(self._say(f"最多{shape.max_steps}次", f"at most {shape.max_steps} steps"))
        return self._say("，", ", ").join(parts)

    def _bands(self, shape: Bands) -> str:
        unit = f"/{self.value(shape.step, shape.of)}" if shape.step else ""
        rows = self._say("；", "; ").join(
            f"{self._range(r, shape.of)} {number(r.points)}{unit}" for r in shape.rows
        )
        mode = {
            "lookup": ("", ""),
            "progressive": ("（分段计）", " (each part at its own rate)"),
            "whole_period": ("（全部按所达档次计）", " (all at the rate reached)"),
        }
        return f"{self.name(shape.of)}{self._say(*mode[shape.mode])}：{rows}"

    def _range(self, row: Row, key: str) -> str:
        low = None if row.low is None else self.value(row.low, key)
        whole = self.type(key).kind in ("years", "count") and row.high is not None
        high = None if row.high is None else self.value(row.high - 1 if whole else row.high, key)
        if low is None:
            return self._say(
                f"{high}{'及以下' if whole else '以下'}", f"up to {high}" if whole else f"below {high}"
            )
        if high is None:
            return self._say(f"{low}及以上", f"{low} and more")
        if low == high:
            return low
        return f"{low} – {high}" if whole else self._say(f"{low}至{high}以下", f"{low} to below {high}")

    def derived(self, derived: Derived) -> str:
        """How a derived value is worked out, in words."""
        how = derived.how
        if isinstance(how, Age):
            count = {
                "full_years": ("周岁", "in full years"),
                "started_years": ("不满一年按一年", "a started year counts"),
                "calendar_years": ("年份相减", "calendar years"),
            }
            return self._say(
                f"按{self.day(how.on)}计（{count[how.count][0]}）",
                f"on {self.day(how.on)}, {count[how.count][1]}",
            )
        if isinstance(how, Elapsed):
            return self._say(
                f"从{self.name(how.of)}到{self.day(how.until)}",
                f"from {self.name(how.of)} to {self.day(how.until)}",
            )
        if isinstance(how, Combine):
            words = {
                "sum_of": ("相加", "sum of"),
                "least_of": ("取最小", "least of"),
                "greatest_of": ("取最大", "greatest of"),
                "difference": ("相减（不低于0）", "difference (not below 0) of"),
            }
            told = self._say("、", ", ").join(
                self.name(p) if isinstance(p, str) else shown(p, derived.type, self.language)
                for p in how.parts
            )
            return self._say(f"{told}{words[how.op][0]}", f"{words[how.op][1]} {told}")
        if isinstance(how, Choose):
            rows = []
            for when, of in how.rows:
                told = self.name(of) if isinstance(of, str) else shown(of, derived.type, self.language)
                rows.append(
                    (self.condition(when) + "：" if when is not None else self._say("其他：", "otherwise: "))
                    + told
                )
            return self._say("；", "; ").join(rows)
        return self._tally(how)

    def _tally(self, how: Tally) -> str:
        where = f"（{self.condition(how.where)}）" if how.where is not None else ""
        told = self.name(how.of) + where
        if how.field is None:
            return self._say(f"{told}的项数", f"number of {told}")
        return self._say(
            f"{told}的{self._field(how.field)}合计", f"{self._field(how.field)} of {told}, added up"
        )

    def day(self, rule: Day) -> str:
        """A day rule in words."""
        if rule.rule == "fixed" and rule.fixed:
            return rule.fixed.isoformat()
        if rule.rule == "month_day":
            month, number_ = rule.month_days[0]
            years = {0: ("申报当年", "of the filing year"), 1: ("申报上一年", "of the year before filing")}
            told = years.get(
                rule.years_back, (f"申报前{rule.years_back}年", f"{rule.years_back} years before filing")
            )
            return self._say(f"{told[0]}{month}月{number_}日", f"{month:02}-{number_:02} {told[1]}")
        if rule.rule == "latest_of":
            told_days = [self._say(f"{m}月{d}日", f"{m:02}-{d:02}") for m, d in rule.month_days]
            return self._say("申报前最近的", "the latest before filing of ") + self._say("或", " or ").join(
                told_days
            )
        return (
            self._say("申报日", "the day of filing")
            if rule.rule == "filing"
            else self._say("截止日", "the cut-off day")
        )
