"""Citations in English: 个人信息保护法第四十五条第二款 -> PIPL art. 45(2). Titles and words stand in ``articles.yaml``."""

from __future__ import annotations

import re
from functools import lru_cache

from anju.kernel import packs

DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
UNITS = {"十": 10, "百": 100, "千": 1000}
_N = "[〇零一二三四五六七八九十百千两]+"
_SIGNS = {
    "；": "; ", "、": ", ", "，": ", ", "。": ". ", "（": " (", "）": ") ", "(": " (", ")": ") ", "〔": " (", "〕": ") ",
    "至": "–", " ": ", ",
}  # fmt: skip


@lru_cache(maxsize=4096)
def english(citation: str) -> str:
    """The citation in English. What is no known word stays as it is."""
    words = _words()
    told, at = "", 0
    while at < len(citation):
        for form, write in _FORMS:
            if found := form.match(citation, at):
                told += f" {write(found)} "
                at = found.end()
                break
        else:
            known = next((w for w in words if citation.startswith(w, at)), "")
            told += f" {words[known]} " if known else _SIGNS.get(citation[at], citation[at])
            at += len(known) or 1
    return _tidy(told)


def number(chinese: str) -> int:
    """四十五 -> 45, 一千零四十九 -> 1049."""
    total, digit = 0, 0
    for char in chinese:
        if char in UNITS:
            total, digit = total + (digit or 1) * UNITS[char], 0
        else:
            digit = DIGITS[char]
    return total + digit


@lru_cache
def _words() -> dict[str, str]:
    """Every title and word of the packs in force, the longest first."""
    path = packs.find_file("articles.yaml")
    told = packs.read_yaml(path) if path else {}
    listed = {**told.get("words", {}), **told.get("titles", {})}
    return {word: listed[word] for word in sorted(listed, key=len, reverse=True)}


def _article(found: re.Match[str]) -> str:
    parts = re.findall(rf"({_N}|\d+)[款项)）]", found[2])
    return f"art. {number(found[1])}" + "".join(f"({_plain(p)})" for p in parts)


def _annex(found: re.Match[str]) -> str:
    kind = "annex" if found[1] == "附件" else "table"
    rest = f".{found[3]}" if found[3] else ""
    return f"{kind} {_plain(found[2])}{rest}{found[4] or ''}"


def _plain(stated: str) -> str:
    return stated if stated.isascii() else str(number(stated))


_FORMS = (
    (re.compile(rf"第({_N})条((?:第{_N}[款项]|[(（](?:{_N}|\d+)[)）])*)"), _article),
    (re.compile(rf"(附件|附表) ?({_N}|\d+)(?!票)、?(\d+)?((?:\(\d+\))*)"), _annex),
    (re.compile(rf"[(（]({_N})[)）]"), lambda m: f"({number(m[1])})"),
    (re.compile(r"第?(\d+)号"), lambda m: f"No. {m[1]}"),
    (re.compile(r"(\d{4})年"), lambda m: m[1]),
    (re.compile("备注"), lambda _: ", note"),
)


def _tidy(told: str) -> str:
    told = re.sub(r"(?<=[a-z)]) +art\.", ", art.", re.sub(r" +", " ", told))
    told = re.sub(r" ([,;.)–])", r"\1", told)
    told = re.sub(r"([(–]) ", r"\1", told)
    return re.sub(r"[,;] ?(?=[,;])", "", told).strip(" ,;")
