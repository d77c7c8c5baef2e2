"""A what-if's result as a page draws it: tiles, pictures, tables. Works the same on a fresh result and on a kept one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from anju.policy.simulate import Simulation, plain
from anju.web.shell.charts import Chart, Series
from anju.web.shell.tags import is_english
from anju.web.shell.terms import code_label

GROUPS = ("group_age_band", "group_education", "group_sex", "group_family", "group_sector", "group_origin")
DRAWN = 12
TEN_THOUSAND = 10_000


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure: name, value, what stood before, what it means."""

    words: str
    value: str
    note: str
    tone: str
    definition: str


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """One category's places and who took them, before and after."""

    name: str
    places_before: int | None
    before: str
    places_after: int | None
    after: str


@dataclass(frozen=True, slots=True)
class GroupTable:
    """Gains and losses by one grouping: a picture, and all rows."""

    title: str
    chart: Chart | None
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything a result shows."""

    people: int
    least: int
    tiles: tuple[Tile, ...]
    distribution: Chart | None
    quota: tuple[QuotaRow, ...]
    groups: tuple[GroupTable, ...]


def protected(found: Simulation) -> dict[str, Any]:
    """The result as JSON, with nothing left from which a hidden count could be had by subtraction."""
    told: dict[str, Any] = plain(asdict(found))
    before, after = told["before"], told["after"]
    is_all_admitted = after["admitted"] == after["qualified"]
    if _protect(told, before, after, "qualified"):
        after["mean_score"] = None
        if is_all_admitted:
            after["admitted"] = None
    if _protect(told, before, after, "admitted", "admitted_") or after["admitted"] is None:
        after["admitted"] = after["cost_yuan"] = None
        for use in after["quota"]:
            use["admitted"] = use["qualified"] = None
    for side in (before, after):
        _protect_quota(side["quota"])
        for use in side["quota"]:
            del use["line"]
    for row in told["groups"]:
        _protect(row, row, row, "")
    return told


def _protect_quota(uses: list[dict[str, Any]]) -> None:
    """One hidden category could be had from the total admitted: the smallest other one goes with it."""
    for key in ("admitted", "qualified"):
        shown = [u for u in uses if u[key]]
        if sum(u[key] is None for u in uses) == 1 and shown:
            min(shown, key=lambda u: u[key])[key] = None


def _protect(
    moves: dict[str, Any], before: dict[str, Any], after: dict[str, Any], key: str, kind: str = ""
) -> bool:
    """After minus before is gain minus loss: when one of the four is hidden, hide what would tell it."""
    one, other = (key, key) if key else ("before", "after")
    gain, lose = f"{kind}gain", f"{kind}lose"
    if all(n is not None for n in (moves[gain], moves[lose], before[one], after[other])):
        return False
    moves[gain] = moves[lose] = None
    after[other] = None
    return True


def picture(told: Mapping[str, Any]) -> Picture:
    """The page's value from a result as JSON."""
    before, after = told["before"], told["after"]
    return Picture(
        told["people"], told["least_cell"], _tiles(told, before, after), _distribution(told["distribution"]),
        _quota(before["quota"], after["quota"]), _groups(told["groups"]),
    )  # fmt: skip


def count(value: int | None) -> str:
    """A count, or that it is not shown."""
    return _("不显示") if value is None else f"{value:,}"


def score(value: float | Fraction | None) -> str:
    """A score or line without trailing zeros."""
    return "—" if value is None else f"{float(value):,.2f}".rstrip("0").rstrip(".")


def money(value: int | None) -> str:
    """Yuan a year, in ten thousands (Chinese) or millions (English)."""
    if value is None:
        return _("不显示")
    return f"¥ {value / 1_000_000:,.2f} m" if is_english() else f"{value / TEN_THOUSAND:,.0f} 万元"


def _was(value: str) -> str:
    return _("现行 %(value)s") % {"value": value}


def _tiles(told: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Tile, ...]:
    least = told["least_cell"]
    hidden = _("少于 %(n)s 人的数，以及可由它推出的数，不予显示。") % {"n": least}
    found = [
        Tile(_("符合人数"), count(after["qualified"]), _was(count(before["qualified"])), "",
             _("满足全部条件、无否决情形且达到分数线的人数。有事实未知的人不算符合。") + hidden),
        Tile(_("新增符合"), count(told["gain"]), _("现行规则下不符合，改后符合"), "good", hidden),
        Tile(_("不再符合"), count(told["lose"]), _("现行规则下符合，改后不符合"), "signal", hidden),
    ]  # fmt: skip
    if after["quota"] or before["quota"] or after["line"] is not None or before["line"] is not None:
        moved = _("有名额的规则下，符合的人不一定入围：这里只数因改动而进入或退出名额的人。") + hidden
        found += [
            Tile(_("新入围"), count(told.get("admitted_gain")), _("现行规则下没有入围，改后入围"), "good", moved),
            Tile(_("不再入围"), count(told.get("admitted_lose")), _("现行规则下入围，改后没有入围"), "signal", moved),
            Tile(_("入围线"), score(after["line"]), _was(score(before["line"])), "",
                 _("按名额从高分到低分排，不分类别名额的最后一名的分数；末位同分全部入围。")),
            Tile(_("入围人数"), count(after["admitted"]), _was(count(before["admitted"])), "",
                 _("在名额内入围的人数，各类别合计。")),
        ]  # fmt: skip
    found.append(
        Tile(
            _("每年公共支出"),
            money(after["cost_yuan"]),
            _was(money(before["cost_yuan"])),
            "",
            _("按每安置 1 万人每年所需公共支出推算：入围人数 × 单位成本。"),
        )
    )
    found.append(
        Tile(
            _("待核"), count(after["open"]), _was(count(before["open"])), "", _("还缺事实、既不能判定符合也不能判定不符合的人数。") + hidden
        )
    )  # fmt: skip
    return tuple(found)


def _distribution(bins: Sequence[Mapping[str, Any]]) -> Chart | None:
    if not bins:
        return None
    labels = [f"{score(b['low'])}–{score(b['high'])}" for b in bins]
    return Chart(
        "distribution", _("全体居民的得分分布（人）"), "bar", labels,
        [Series(_("现行"), [b["before"] for b in bins]), Series(_("改后"), [b["after"] for b in bins])], "",
    )  # fmt: skip


def _quota(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> tuple[QuotaRow, ...]:
    key = "en" if is_english() else "zh"
    was, now = ({u["category"]: u for u in side} for side in (before, after))
    found = []
    for category in dict.fromkeys([*was, *now]):
        one, other = was.get(category), now.get(category)
        found.append(
            QuotaRow(
                (other or one or {})[key],
                one["places"] if one else None, count(one["admitted"]) if one else "—",
                other["places"] if other else None, count(other["admitted"]) if other else "—",
            )
        )  # fmt: skip
    return tuple(found)


def _groups(rows: Sequence[Mapping[str, Any]]) -> tuple[GroupTable, ...]:
    columns = [c for c in GROUPS if any(r["column"] == c for r in rows)]
    columns += [c for c in dict.fromkeys(r["column"] for r in rows) if c not in columns]
    return tuple(_group(column, [r for r in rows if r["column"] == column]) for column in columns)


def _group(column: str, rows: Sequence[Mapping[str, Any]]) -> GroupTable:
    drawn = [r for r in rows if r["gain"] or r["lose"]][:DRAWN]
    title = group_title(column)
    chart = None
    if drawn:
        chart = Chart(
            f"by-{column.removeprefix('group_').replace('_', '-')}", title, "row", [group_value(column, r["value"]) for r in drawn],
            [Series(_("新增符合"), [r["gain"] for r in drawn]), Series(_("不再符合"), [r["lose"] for r in drawn])], _("人"),
        )  # fmt: skip
    told = tuple(
        (
            group_value(column, r["value"]),
            *(count(r[k]) for k in ("people", "before", "after", "gain", "lose")),
        )
        for r in rows
    )
    return GroupTable(title, chart, told)


def group_title(column: str) -> str:
    """What people are grouped by."""
    return {
        "group_sex": _("按性别"), "group_age_band": _("按年龄段"), "group_education": _("按学历"), "group_origin": _("按户籍省份"),
        "group_sector": _("按行业"), "group_family": _("按家庭类型"),
    }.get(column, column)  # fmt: skip


def group_value(column: str, value: str) -> str:
    """A group in words."""
    if value in ("", "—"):
        return _("未知")
    if column == "group_origin":
        told = code_label("province", value)
        return _("本省") if told == value else told  # an invented place's own province is on no list
    families = {
        "couple_with_children": _("夫妻和子女"), "couple": _("夫妻"), "parent_with_children": _("单亲和子女"), "single": _("单人"),
    }  # fmt: skip
    if column == "group_family":
        return families.get(value, value)
    lists = {"group_sex": "sex", "group_education": "education", "group_sector": "industry"}
    return code_label(lists[column], value) if column in lists else value
