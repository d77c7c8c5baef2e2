"""Contradictions as work: whose turn, by when, and rules that settle many at once. Read from ``settlement.yaml``.

Pure; rows and actions are in ``register.store``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from anju.kernel import packs
from anju.kernel.identifiers import is_citizen_no
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import Deadline, deadline
from anju.register import dossier, spells
from anju.register.dossier import Said

TAKES = ("shown", "authority", "newest")
CONDITIONS = frozenset(
    {"from_owner", "departments_at_least", "against_at_most", "against_older_days", "fits_number"}
)
OWN = frozenset({"settlement"})
"""What is no department's word: earlier decisions."""
CODED = {"sex": "sex", "education": "education", "marital": "marital"}
LONGEST_NAME = 60
IN_PARTS = (*spells.ASPECTS, "kin")
"""What is decided one by one: a stay, a job, a family tie."""
FIELDS = (*dossier.FIELDS, *IN_PARTS)
"""What there can be a case about: a person's own fields, their stays, their jobs, their family."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule for settling many: which fields, which value is taken, under which conditions."""

    key: str
    zh: str
    en: str
    fields: tuple[str, ...]
    take: str
    when: Mapping[str, Any] = field(hash=False)


@lru_cache
def plan() -> dict[str, Any]:
    """The whole file, nearest pack first."""
    path = packs.find_file("settlement.yaml")
    if path is None:
        raise Refusal("register.no_settlement_file")
    found: dict[str, Any] = packs.read_yaml(path)
    return found


@lru_cache
def rules() -> dict[str, Rule]:
    """Every rule. Refuses a field, a way to take, or a condition it does not know: nothing is applied half."""
    made = {
        key: Rule(key, r["zh"], r["en"], tuple(r["fields"]), r["take"], r.get("when", {}))
        for key, r in plan()["rules"].items()
    }
    for rule in made.values():
        unknown = {*rule.when} - CONDITIONS | {*rule.fields} - {*dossier.FIELDS} | {rule.take} - {*TAKES}
        if unknown:
            raise Refusal("register.bad_rule", rule=rule.key, what=", ".join(sorted(unknown)))
    return made


def get_rule(key: str) -> Rule:
    """One rule. Refuses an unknown one."""
    if key not in rules():
        raise Refusal("register.no_rule", rule=key)
    return rules()[key]


def owner_of(name: str, authority: str) -> str:
    """Whose turn a contradiction on a field is."""
    return str(plan()["owners"].get(name) or authority or plan()["otherwise"])


def due(found_on: date, *, sent: bool = False) -> Deadline:
    """The last day to settle."""
    return deadline(found_on, int(plan()["sent_workdays" if sent else "workdays"]))


@lru_cache
def departments() -> dict[str, str]:
    """Dataset -> the department that sends it."""
    found = {}
    for path in packs.files("contracts/*.yaml"):
        told = packs.read_yaml(path)
        found[told["id"]] = told["department"]
    return found


@lru_cache
def ranks(name: str) -> dict[str, int]:
    """Dataset -> its authority over a person field, stays, jobs or family (1 decides); those that claim none are missing."""
    overrides = (
        packs.read_yaml(path).get("authority", {}) if (path := packs.find_file("resolution.yaml")) else {}
    )
    found = {}
    for contract in packs.files("contracts/*.yaml"):
        told = packs.read_yaml(contract)
        own = {
            **told.get("authority", {}),
            **{c: r[told["id"]] for c, r in overrides.items() if told["id"] in r},
        }
        rank = own.get(name) if name in IN_PARTS else own.get(f"person.{name}", own.get("person"))
        if rank is not None:
            found[told["id"]] = int(rank)
    return found


def check(name: str, value: str) -> str:
    """The value as the register keeps it. Refuses a field that is not settled by a value, and nonsense."""
    told = value.strip()
    if name not in dossier.FIELDS:
        raise Refusal("register.cannot_settle", field=name)
    if not _fits(name, told):
        raise Refusal("register.bad_value", field=name)
    return told


def _fits(name: str, told: str) -> bool:
    if name == "name":
        return 0 < len(told) <= LONGEST_NAME and told.isprintable()
    if name == "citizen_no":
        return is_citizen_no(told)
    if name == "born_on":
        try:
            return date(1900, 1, 1) <= date.fromisoformat(told) and len(told) == len("1990-01-01")
        except ValueError:
            return False
    if name == "phone":
        return len(told) == 11 and told.isascii() and told.isdigit()
    if name == "hukou_region":
        return len(told) in (6, 9, 12) and told.isascii() and told.isdigit()
    return told in code_values(CODED[name])


@lru_cache
def code_values(listed: str) -> tuple[str, ...]:
    """The codes of a list."""
    path = packs.find_file(f"codes/{listed}.yaml")
    return tuple(str(v) for v in packs.read_yaml(path)["values"]) if path else ()


def decide(
    rule: Rule, name: str, owner: str, shown: Mapping[str, str | None], said: Sequence[Said]
) -> str | None:
    """The value a rule takes for one contradiction, or None where its conditions do not hold.

    ``said``: every record of the person. Unknown: a record without a day counts as older than every other.
    """
    records = [s for s in said if s.values.get(name) and s.dataset not in OWN]
    value = _taken(rule, name, owner, shown, records)
    if not value:
        return None
    backing = [s for s in records if s.values[name] == value]
    against = [s for s in records if s.values[name] != value]
    return (
        value
        if all(_holds(c, w, value, name, owner, shown, backing, against) for c, w in rule.when.items())
        else None
    )


def _taken(
    rule: Rule, name: str, owner: str, shown: Mapping[str, str | None], records: Sequence[Said]
) -> str | None:
    if rule.take == "shown":
        return shown.get(name)
    if rule.take == "authority":
        records = [s for s in records if departments().get(s.dataset) == owner]
    newest = max(records, key=lambda s: (s.observed_on or date.min, s.dataset, s.record_key), default=None)
    return newest.values[name] if newest else None


def _holds(
    condition: str, wanted: Any, value: str, name: str, owner: str, shown: Mapping[str, str | None],
    backing: Sequence[Said], against: Sequence[Said],
) -> bool:  # fmt: skip
    if condition == "from_owner":
        return any(departments().get(s.dataset) == owner for s in backing) is bool(wanted)
    if condition == "departments_at_least":
        return len({departments().get(s.dataset, s.dataset) for s in backing}) >= int(wanted)
    if condition == "against_at_most":
        return len({departments().get(s.dataset, s.dataset) for s in against}) <= int(wanted)
    if condition == "against_older_days":
        newest = max((s.observed_on or date.min for s in backing), default=date.min)
        return all((newest - (s.observed_on or date.min)).days > int(wanted) for s in against)
    return _fits_number(name, value, shown.get("citizen_no") or "") is bool(wanted)


def _fits_number(name: str, value: str, number: str) -> bool:
    if not is_citizen_no(number):
        return False
    if name == "born_on":
        return value.replace("-", "") == number[6:14]
    return name == "sex" and value == ("1" if int(number[16]) % 2 else "2")
