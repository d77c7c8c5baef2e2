"""A decision about one family tie: how two people are related, or that they are not.

Relations are GB/T 4761 codes of the relative to the person. Pure; rows and actions are in ``register.store``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date

from anju.kernel.refusal import Refusal
from anju.register.settling import code_values

FIELD = "kin"
NOT_A_TIE = frozenset({"01", "02"})
"""Of the list of relations: the person themselves, and the head of a household."""
SPOUSE, CHILD, GRANDCHILD, PARENT, GRANDPARENT, SIBLING, OTHER = "1", "2", "4", "5", "6", "7", "9"
YOUNGER = frozenset({CHILD, GRANDCHILD})
TURNED = {SPOUSE: "10", GRANDCHILD: "60", PARENT: "", GRANDPARENT: "40", SIBLING: "70", CHILD: "50"}
"""Kind of relation -> the relation seen from the other side; a child is son or daughter, see ``inverse``."""


@dataclass(frozen=True, slots=True)
class TieDecision:
    """``relative``: person code, empty where they are not in the register; then ``name`` tells who is meant.

    ``relation``: what is right; empty: not related, nor of one household. ``stated``: kinds (see ``kind``) that were
    stated of the two when it was decided: said again they are no news.
    """

    relative: str
    name: str
    relation: str
    stated: tuple[str, ...] = ()

    @property
    def is_taken_out(self) -> bool:
        """Whether there is no tie."""
        return not self.relation

    def is_about(self, other: TieDecision) -> bool:
        """Whether another decision in the same file is about the same relative."""
        return self.relative == other.relative and (bool(self.relative) or self.name == other.name)


def kind(relation: str) -> str:
    """The first digit of a relation, sons and daughters as one."""
    return CHILD if relation[:1] == "3" else relation[:1]


def inverse(relation: str, sex: str) -> str:
    """What the person is to the relative; ``sex`` of the person (GB/T 2261.1) tells a son from a daughter."""
    if kind(relation) == PARENT:
        return {"1": "20", "2": "30"}.get(sex, "99")
    return TURNED.get(kind(relation), "99")


def relations() -> tuple[str, ...]:
    """The relations one can be to another."""
    return tuple(r for r in code_values("relation") if r not in NOT_A_TIE)


def check(
    decision: TieDecision, code: str, born_on: date | None, relatives_born_on: date | None
) -> TieDecision:
    """The decision, if it can be. Refuses an unknown relation, a tie to oneself, and a parent who is the younger one.

    Unknown birthdays refuse nothing.
    """
    if decision.relation and decision.relation not in relations():
        raise Refusal("register.choose_relation")
    if decision.relative == code or not (decision.relative or decision.name.strip()):
        raise Refusal("register.choose_relative")
    older = {PARENT: -1, GRANDPARENT: -1, CHILD: 1, GRANDCHILD: 1}.get(kind(decision.relation), 0)
    if older and born_on and relatives_born_on and (relatives_born_on - born_on).days * older <= 0:
        raise Refusal("register.parent_is_younger")
    return replace(decision, name=decision.name.strip())


def pack(decision: TieDecision) -> str:
    """As it is sealed."""
    return json.dumps(asdict(decision), ensure_ascii=False, sort_keys=True)


def unpack(packed: str) -> TieDecision:
    """A decision as it was packed."""
    told = json.loads(packed)
    return TieDecision(**told | {"stated": tuple(told["stated"])})


def kinds(relations_stated: Iterable[str]) -> tuple[str, ...]:
    """The kinds among relations, each once, in order."""
    return tuple(sorted({kind(r) for r in relations_stated if r}))
