"""Facts for policies: from a JSON file, and from the library.

The table a programme reads has one row per person: ``person_code``, then one column per fact it uses, named as
``anju policy facts PROGRAMME --json`` lists them under ``column`` (a dot becomes two underscores). Types: BIGINT for
months, days, counts and fen; DECIMAL for areas, percents and decimals; BOOLEAN; VARCHAR for codes; DATE; lists as
``STRUCT(...)[]`` with the fields listed under ``entry``. Unknown is NULL, never 0. Months and counts are as of the
programme's cut-off day. Groups for audits and quotas may stand beside them (sex, age_band, education, origin …).
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from anju.kernel.refusal import Refusal
from anju.policy.facts_file import PersonFacts
from anju.policy.model import Programme


def read_json(path: Path | None) -> dict[str, Any]:
    """One JSON object from a file. Refuses anything else, naming the line."""
    if path is None:
        raise Refusal("policy.facts_or_person")
    if not path.is_file():
        raise Refusal("policy.no_such_file", file=path.name)
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=str)
    except json.JSONDecodeError as error:
        raise Refusal("policy.facts_file_broken", file=path.name, line=error.lineno, problem=error.msg) from None
    except UnicodeDecodeError:
        raise Refusal("policy.facts_file_broken", file=path.name, line=1, problem="not UTF-8") from None
    if not isinstance(found, dict):
        raise Refusal("policy.facts_file_broken", file=path.name, line=1, problem=type(found).__name__)
    return found


def of_person(code: str, programme: Programme, on: date) -> PersonFacts:
    """Facts of one person from the library, as of the programme's cut-off day. Refuses while there is no library."""
    raise Refusal("policy.library_not_ready", reason="no facts table")


def of_everyone(programme: Programme, on: date) -> list[Path]:
    """Parquet files of the facts table of everyone. Refuses while there is no library."""
    raise Refusal("policy.library_not_ready", reason="no facts table")
