"""Ten and more ways to break a policy file: each told with its line and a remedy, all of them together."""

from __future__ import annotations

from pathlib import Path

import pytest

from anju.kernel import packs, wording
from anju.policy import loading

GOOD = """\
zh: 例
en: example
document: 例〔2025〕1号
authority: {zh: 市政府, en: city government}
in_force: {from: 2025-01-01, until: 2025-12-31}
cutoff: {rule: filing, article: 第一条}
facts:
  pension_months: {}
  has_permit: {}
  education: {}
derived:
  - {id: years, zh: 年, en: years, article: 第一条, least_of: [pension_months, 60 months]}
conditions:
  - {id: permit, zh: 证, en: permit, article: 第二条, when: has_permit}
items:
  - {id: pension, zh: 养老, en: pension, article: 附表 1, per: {of: years, step: 1 year, points: 3}, cap: 30}
  - id: school
    zh: 学历
    en: education
    article: 附表 2
    ladder: {of: education, points: {college: 10, bachelor: 15}}
  - id: bands
    zh: 档
    en: bands
    article: 附表 3
    bands:
      of: pension_months
      rows:
        - {from: 1 year, below: 2 years, points: 1}
        - {from: 2 years, points: 2}
scores:
  - {id: total, zh: 总分, en: total, article: 附表}
services:
  - {id: settle, zh: 入户, en: settle, article: 第三条, score: total, line: 20}
"""
BROKEN = [
    # what is written                    instead of                              fault             line
    ("of: yeers, step", "of: years, step", "unknown_fact", 16),
    ("step: 1000 yuan", "step: 1 year", "unit", 16),
    ("least_of: [years, 60 months]", "least_of: [pension_months, 60 months]", "circle", 12),
    ("{from: 2 years, below: 1 year, points: 2}", "{from: 2 years, points: 2}", "band_empty", 30),
    ("{from: 18 months, points: 2}", "{from: 2 years, points: 2}", "band_overlaps", 30),
    ("en: pension, per", "en: pension, article: 附表 1, per", "no_article", 16),
    ("{college: 10, graduate: 15}", "{college: 10, bachelor: 15}", "unknown_code", 21),
    ("when: has_permit >= 2", "when: has_permit", "unit", 14),
    ("when: pension_months", "when: has_permit", "not_yes_no", 14),
    ("when: has_permit maybe", "when: has_permit", "condition", 14),
    ("id: pension, zh: 养老, en: pension", "id: permit, zh: 养老, en: pension", "", 0),
    ("id: permit, zh: 养老", "id: pension, zh: 养老", "id_twice", 16),
    ("score: sum, line", "score: total, line", "unknown_line", 34),
    ("points: 3}, cap: 2", "points: 3}, cap: 30", "cap_never_free", 16),
    ("points: three", "points: 3", "not_a_number", 16),
    ("stepp: 1 year", "step: 1 year", "unknown_key", 16),
    ("  education: {}\n  honours: {}", "  education: {}", "fact_not_used", 11),
    ("in_force: {from: 2025-12-31, until: 2025-01-01}", "in_force: {from: 2025-01-01, until: 2025-12-31}", "in_force", 5),
    ("cutoff: {rule: someday, article: 第一条}", "cutoff: {rule: filing, article: 第一条}", "day_rule", 6),
    ("zh: 例\nzh: 例", "zh: 例", "twice", 2),
    ("points: 3, ladder: {}}", "points: 3}", "unknown_key", 16),
    ("points: 3}, cap: 30, points: 1", "points: 3}, cap: 30", "one_shape", 16),
    ("when: education > college or more", "when: has_permit", "unknown_code", 14),
    ("document: [", "document: 例〔2025〕1号", "not_yaml", 5),
]  # fmt: skip


def faults(text: str, tmp_path: Path) -> list[tuple[str, int]]:
    path = tmp_path / "policies" / "example" / "1.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "pack.yaml").write_text("extends: cn\n", encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    return [(f.code.removeprefix("policy.fault."), f.line) for f in loading.build(path).faults]


def test_the_good_file_is_good(tmp_path: Path) -> None:
    assert faults(GOOD, tmp_path) == []


@pytest.mark.parametrize(("new", "old", "fault", "line"), [b for b in BROKEN if b[2]])
def test_one_thing_broken(new: str, old: str, fault: str, line: int, tmp_path: Path) -> None:
    assert old in GOOD
    assert (fault, line) in faults(GOOD.replace(old, new, 1), tmp_path)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("of: years, step", "of: yeers, step").replace(
        "points: {college: 10", "points: {colege: 10"
    )
    text = text.replace("article: 第二条, ", "")
    assert {f for f, _ in faults(text, tmp_path)} >= {"unknown_fact", "unknown_code", "no_article"}


def test_overlapping_versions_are_found(tmp_path: Path) -> None:
    faults(GOOD, tmp_path)
    (tmp_path / "policies" / "example" / "2.yaml").write_text(GOOD, encoding="utf-8")
    _, others = loading.check(tmp_path)
    assert [f.code for f in others] == ["policy.fault.versions_overlap"]


def test_every_fault_has_words_with_a_remedy_in_both_languages() -> None:
    source = packs.root().parent / "src" / "anju" / "policy"
    import re

    raised = {
        c
        for p in source.rglob("*.py")
        for c in re.findall(r'\.add\(\s*"([a-z_0-9]+)"', p.read_text(encoding="utf-8"))
    }
    raised |= {"unknown_code", "unit", "no_article", "missing"}
    assert len(raised) > 30
    for code in raised:
        for language in ("zh", "en"):
            said = wording.say("policy.fault." + code, language)
            assert said != "policy.fault." + code, code
            assert len(said) >= 8, said


def test_a_suggestion_names_the_fact_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "policies" / "example" / "1.yaml"
    faults(GOOD.replace("  pension_months: {}", "  pension_month: {}"), tmp_path)
    found = loading.build(path).faults
    near = [dict(f.facts)["near"] for f in found if f.line == 8]
    assert near == ["pension_months"]
