"""One visit's form: where somebody lives from when, as what, who stands beside a minor, where they work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from anju.exchange.contracts import get_codelist
from anju.kernel.identifiers import is_citizen_no
from anju.register import counter
from anju.register.counter import Guardian
from anju.register.store import queries as register
from anju.web.shell import terms
from anju.web.shell.tags import is_english

FOUND = 12


@dataclass(frozen=True, slots=True)
class Form:
    """What is filled in, as typed; codes for what was chosen."""

    sex: str = ""
    hukou_region: str = ""
    address: str = ""
    dwelling: str = ""
    dwelling_kind: str = ""
    reason: str = ""
    begin_on: str = ""
    guardian_name: str = ""
    guardian_relation: str = ""
    guardian_phone: str = ""
    employer_text: str = ""
    employer: str = ""
    occupation: str = ""
    job_begin_on: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One code of a list in words."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class VisitPage:
    """The form, with what can be chosen in it."""

    code: str
    told: Any
    token: str
    form: Form
    person: register.PersonLine | None
    dwellings: tuple[register.DwellingLine, ...]
    employers: tuple[register.EmployerLine, ...]
    kinds: tuple[Choice, ...]
    reasons: tuple[Choice, ...]
    relations: tuple[Choice, ...]
    occupations: tuple[Choice, ...]
    sexes: tuple[Choice, ...]
    needs_guardian: bool
    guardian_below: int
    hukou_words: str
    trouble: str


def begin(citizen_no: str, today: date) -> Form:
    """An empty form: today, and what a citizen number says by itself."""
    number = citizen_no.upper()
    if not is_citizen_no(number):
        return Form(begin_on=today.isoformat())
    return Form(begin_on=today.isoformat(), sex="1" if int(number[16]) % 2 else "2", hukou_region=number[:6])


def read(posted: Mapping[str, str]) -> Form:
    """What was sent."""
    return Form(**{f.name: posted.get(f.name, "").strip()[:120] for f in fields(Form)})


def page(
    code: str, told: Any, token: str, form: Form, *, scope: Sequence[str], today: date, trouble: str
) -> VisitPage:
    """The page: dwellings and employers found for what was typed."""
    wanted = told.wanted
    line = register.people_of([code]).get(code) if code else None
    relations = counter.rules().guardian_relations
    return VisitPage(
        code=code,
        told=told,
        token=token,
        form=form,
        person=line,
        dwellings=_dwellings(form, scope),
        employers=_employers(form, scope),
        kinds=_choices("dwelling_kind"),
        reasons=_choices("inflow_reason"),
        relations=tuple(c for c in _choices("relation") if c.code in relations),
        occupations=_choices("occupation"),
        sexes=_choices("sex"),
        needs_guardian=counter.needs_guardian(wanted.born_on, today),
        guardian_below=counter.rules().guardian_below,
        hukou_words=terms.region_name(form.hukou_region) if form.hukou_region else "",
        trouble=trouble,
    )


def _dwellings(form: Form, scope: Sequence[str]) -> tuple[register.DwellingLine, ...]:
    text = form.address or form.dwelling
    return register.list_dwellings(text, scope=scope, limit=FOUND).rows if text else ()


def _employers(form: Form, scope: Sequence[str]) -> tuple[register.EmployerLine, ...]:
    text = form.employer_text or form.employer
    return register.list_employers(text, scope=("",), limit=FOUND).rows if text else ()


def _choices(listed: str) -> tuple[Choice, ...]:
    english = is_english()
    return tuple(
        Choice(code, pair[1] if english else pair[0]) for code, pair in get_codelist(listed).labels.items()
    )


def guardian(form: Form) -> Guardian | None:
    """The guardian told, or None."""
    if not form.guardian_name:
        return None
    return Guardian(form.guardian_name, form.guardian_relation, form.guardian_phone)


def person_values(told: Any, form: Form) -> dict[str, str]:
    """A new person's columns: what was told at the counter and filled in."""
    born_on = told.wanted.born_on
    number = "".join(told.citizen_no.split()).upper()
    if born_on is None and is_citizen_no(number):
        born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    values = {
        "name": told.name,
        "citizen_no": number,
        "phone": "".join(told.phone.split()),
        "sex": form.sex,
        "born_on": born_on.isoformat() if born_on else "",
        "hukou_region": form.hukou_region,
    }
    return {name: value for name, value in values.items() if value}
