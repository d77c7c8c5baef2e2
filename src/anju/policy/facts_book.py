"""The facts catalogue as one page of Markdown, made from the packs."""

from __future__ import annotations

from collections.abc import Sequence

from anju.policy.catalogue import KINDS, ROLES, Fact
from anju.policy.facts_file import form

_HEAD = """<!-- Made by `anju policy docs`; change packs/*/facts, not this page. -->

# 事实目录 Facts

What programmes may ask about a person. `anju policy facts PROGRAMME` lists those of one programme and prints the empty JSON
form for `--facts`. A missing value (null, or a key left out) is *unknown*: it never scores, never passes, and is named in the
answer. In a table of people each fact is one column; a dot in its key becomes two underscores.

- Months are whole months up to the programme's cut-off day. Facts marked *kinds* count normal months only, each calendar
  month once; {kinds} stand beside them as `key.kind`. A bare number in a facts file is all normal months.
- {roles} before a key (`spouse.pension_months`) ask the same about another person of the family, or about the whole province.
- Money is held in fen. Facts files may write `"120000元"`, or the key with `_yuan` in place of `_fen`.
- `{{"value": …, "source": …}}` keeps where a value comes from; the answer shows it on every line.
"""


def facts_page(groups: Sequence[tuple[str, Sequence[Fact]]]) -> str:
    """The page; ``groups``: title (a place) and its facts."""
    kinds, roles = ", ".join(f"`{k}`" for k in KINDS), ", ".join(f"`{r}.`" for r in ROLES)
    out = [_HEAD.format(kinds=kinds, roles=roles)]
    for title, facts in groups:
        out += [
            f"## {title}",
            "",
            "| 键 key | 含义 meaning | 填法 write | 证明 proof | 未知时 if unknown | 由库计算 from the library |",
            "|---|---|---|---|---|---|",
        ]
        out += ["| " + " | ".join(_cells(f)) + " |" for f in facts]
        out.append("")
    return "\n".join(out)


def _cells(fact: Fact) -> list[str]:
    computed = ", ".join(f"{k} {_plain(v)}" for k, v in (fact.computed or {}).items()) or "—"
    key = f"`{fact.key}`" + (" *kinds*" if fact.kinds else "")
    cells = (
        key,
        f"{fact.zh}<br>{fact.en}",
        f"{form(fact, 'zh')}<br>{form(fact, 'en')}",
        f"{fact.proof_zh}<br>{fact.proof_en}",
        f"{fact.unknown_zh}<br>{fact.unknown_en}",
        computed,
    )
    return [c.replace("|", "\\|").replace("\n", " ") for c in cells]


def _plain(value: object) -> str:
    return "/".join(str(v) for v in value) if isinstance(value, list) else str(value)
