"""A Chinese list as mentions: read by the intake's own macros, compared like any department's records."""

from __future__ import annotations

from collections.abc import Mapping

from anju.exchange.intake import macros
from anju.exchange.linkage.mentions import COLUMNS
from anju.exchange.linkage.steps import LinkEngine
from anju.register import canon

SEXES = {"1": ("男", "男性", "1", "M", "MALE"), "2": ("女", "女性", "2", "F", "FEMALE")}
PLACES = "省市区县镇乡村"


def mentions(
    engine: LinkEngine, to: Mapping[str, tuple[str, ...]], source: str, name: str = "mentions"
) -> None:
    """Make the view ``name`` from the table ``source`` (unique_id and text columns): what can be read counts, the
    rest is unknown. ``to`` maps a heading to canonical columns; ``stay`` is an address to be taken apart."""
    macros.define(engine)
    plain = ", ".join(f'stated("{heading}") AS stated_{i}' for i, heading in enumerate(to))
    engine.run(f"CREATE OR REPLACE TABLE lk_stated AS SELECT unique_id, {plain} FROM {source}")
    filled: dict[str, str] = {}
    for i, columns in enumerate(to.values()):
        for column in columns:
            filled |= _address(f"stated_{i}") if column == "stay" else _read(column, f"stated_{i}")
    listed = ", ".join(
        f'{filled[c]} AS "{c}"' if c in filled else f'CAST(NULL AS {canon.column(c).type}) AS "{c}"'
        for c in COLUMNS
    )
    engine.run(
        f"""CREATE OR REPLACE TABLE {name} AS
        SELECT CAST(unique_id AS UBIGINT) AS record_id, 'list' AS dataset, {listed} FROM lk_stated"""
    )


def _read(column: str, text: str) -> dict[str, str]:
    if column == "person.citizen_no":
        return {
            column: f"read_citizen_no({text})",
            "person.citizen_no_stated": f"CASE WHEN read_citizen_no({text}) IS NULL THEN upper({text}) END",
        }
    if column == "person.sex":
        cases = " ".join(
            f"WHEN upper({text}) IN ({', '.join(repr(w) for w in words)}) THEN '{code}'"
            for code, words in SEXES.items()
        )
        return {column: f"CASE {cases} END"}
    readers = {"person.name": "read_name", "person.born_on": "read_date", "person.phone": "read_phone"}
    readers |= {"kin.name": "read_name", "kin.citizen_no": "read_citizen_no", "kin.phone": "read_phone"}
    return {column: f"{readers[column]}({text})" if column in readers else text}


def _address(text: str) -> dict[str, str]:
    """Street, first and last number of an address; the numbers between are building and unit."""
    plain = f"replace({text}, ' ', '')"
    before = f"regexp_extract({plain}, '^[^0-9]*', 0)"
    street = f"regexp_replace(regexp_replace({before}, '^.*(街道|社区)', ''), '^.*[{PLACES}]', '')"
    numbers = f"regexp_extract_all({plain}, '[0-9A-Za-z]+')"
    return {
        "stay.street": f"coalesce(nullif({street}, ''), {before})",
        "stay.number": f"{numbers}[1]",
        "stay.building": f"CASE WHEN length({numbers}) > 2 THEN {numbers}[2] END",
        "stay.unit": f"CASE WHEN length({numbers}) > 3 THEN {numbers}[3] END",
        "stay.room": f"CASE WHEN length({numbers}) > 1 THEN {numbers}[-1] END",
    }
