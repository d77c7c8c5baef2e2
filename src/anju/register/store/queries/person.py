"""One person, one file: what is shown, what every source says, and the dated facts, as true and as known on a day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from anju.kernel.refusal import Refusal
from anju.register import canon, dossier
from anju.register.store.queries import lines, people, person_rows, sql
from anju.register.store.queries.values import (
    AidView,
    ContributionView,
    DiscrepancyLine,
    EnrolmentView,
    FieldView,
    HealthView,
    JobView,
    KinView,
    LandView,
    OtherValue,
    PermitView,
    PersonFile,
    SkillView,
    Source,
    StayView,
    TaxView,
)
from anju.trust import masking
from anju.trust.sealing import sealer

ASPECTS = (
    "stay",
    "job",
    "kin",
    "contribution",
    "enrolment",
    "permit",
    "tax",
    "skill",
    "land",
    "aid",
    "health",
)
MASKED = {"name": masking.mask_name, "citizen_no": masking.mask_citizen_no, "phone": masking.mask_phone}
REVEALED = ("name", "citizen_no", "phone", "address")
Row = Mapping[str, Any]


def get_person_file(
    code: str,
    *,
    valid_on: date | None = None,
    known_on: datetime | None = None,
    masked: bool = True,
    aspects: Collection[str] | None = None,
) -> PersonFile:
    """The file of the person ``code`` leads to.

    ``valid_on`` keeps the stays, jobs and enrolments true on that day; ``known_on`` answers as the register knew
    it then; ``aspects`` names those the caller may see (None: all). Refuses ``register.unknown_code`` and
    ``register.no_person`` (no such person, or not known then).
    """
    may = set(ASPECTS if aspects is None else aspects)
    row, facts = person_rows.read(code, frozenset(may & set(ASPECTS)) | {"discrepancy"}, known_on)
    shown = _shown(row)
    contradictions = tuple(discrepancy(r | {"name": ""}, masked) for r in facts["discrepancy"])
    said = dossier.unpack(sealer().open(row["records"]), shown) if row["records"] is not None else ()
    contributions = [_contribution(r, masked) for r in facts["contribution"]]
    return PersonFile(
        code=row["code"],
        asked_code=code,
        former_codes=tuple(row["former"]),
        valid_on=valid_on,
        known_on=known_on,
        line=lines.line(row, masked),
        fields=_fields(shown, said, contradictions, masked),
        stays=_periods(facts["stay"], lambda r: _stay(r, masked), valid_on),
        jobs=_periods(facts["job"], lambda r: _job(r, masked), valid_on),
        family=tuple(_kin(r, masked) for r in facts["kin"]),
        contributions=tuple(contributions),
        contribution_months=_months(contributions),
        enrolments=_periods(facts["enrolment"], _enrolment, valid_on),
        permits=tuple(_made(PermitView, facts["permit"], "permit_no", "issued_on", "valid_until")),
        taxes=tuple(
            TaxView(r["year"], None if masked else r["paid_fen"], sql.sources(r["sources"]))
            for r in facts["tax"]
        ),
        skills=tuple(_made(SkillView, facts["skill"], "name", "level", "issued_on")),
        lands=tuple(
            LandView(
                r["land_region"], r["area_m2"], r["begin_on"], r["is_leased_out"], sql.sources(r["sources"])
            )
            for r in facts["land"]
        ),
        aids=tuple(_made(AidView, facts["aid"], "kind", "opened_on", "closed_on")),
        health=tuple(_made(HealthView, facts["health"], "station_code", "opened_on")),
        discrepancies=contradictions,
        datasets=tuple(sorted({s.dataset for s in said})),
        withheld=tuple(a for a in ASPECTS if a not in may),
    )


def reveal(code: str, field: str) -> str | None:
    """One value in clear: name, citizen_no, phone or address. The guard has logged it before."""
    if field not in REVEALED:
        raise Refusal("register.cannot_reveal", field=field)
    line = lines.line(_identity(people.resolve_code(code)), masked=False)
    return str(getattr(line, field)) or None


def discrepancies_of(
    code: str, known_on: datetime | None = None, masked: bool = True
) -> tuple[DiscrepancyLine, ...]:
    """The contradictions of one person."""
    when, values = sql.known("d", known_on)
    found = sql.rows(
        f"SELECT d.*, '' AS name FROM register_discrepancy d WHERE d.person_code = %s AND {when} ORDER BY d.field",
        code,
        *values,
    )
    return tuple(discrepancy(r, masked) for r in found)


def discrepancy(row: Row, masked: bool) -> DiscrepancyLine:
    """A row of register_discrepancy with the person's ``name``."""
    return DiscrepancyLine(
        row["id"],
        row["person_code"],
        (masking.mask_name(row["name"]) if masked else row["name"]) or "",
        row["region"],
        row["field"],
        row["owner"],
        row["shown_dataset"],
        tuple(filter(None, row["against"].split(";"))),
        row["known_from"],
    )


def _identity(code: str) -> Row:
    found = sql.rows(
        f"SELECT {lines.COLUMNS}, {lines.PLACE} FROM register_identity i {lines.JOIN_PLACE} "
        "WHERE i.person_code = %s AND i.known_to IS NULL ORDER BY i.known_from DESC LIMIT 1",
        code,
    )
    if not found:
        raise Refusal("register.no_person")
    return found[0]


def _shown(row: Row) -> dict[str, str | None]:
    seal = sealer()
    shown = {f: row[f] for f in dossier.FIELDS}
    for name in ("citizen_no", "phone"):
        shown[name] = seal.open(shown[name]) if shown[name] is not None else None
    shown["born_on"] = shown["born_on"].isoformat() if shown["born_on"] else None
    return {name: value or None for name, value in shown.items()}


def _fields(
    shown: Mapping[str, str | None],
    said: Iterable[dossier.Said],
    contradictions: Iterable[DiscrepancyLine],
    masked: bool,
) -> tuple[FieldView, ...]:
    """Each field: the value shown with its sources, the others with theirs."""
    against = {d.field: set(d.against) for d in contradictions}
    views = []
    for name in dossier.FIELDS:
        by_value: dict[str, list[Source]] = {}
        for record in said:
            if name in record.values:
                source = Source(record.dataset, record.observed_on, record.record_key, record.batch)
                by_value.setdefault(record.values[name], []).append(source)
        mask: Callable[[str | None], str | None] = MASKED.get(name, lambda v: v) if masked else lambda v: v
        chosen = shown[name]
        others = tuple(
            OtherValue(
                mask(value) or "",
                tuple(told),
                any(s.dataset in against.get(name, ()) for s in told),
            )
            for value, told in by_value.items()
            if value != chosen
        )
        views.append(
            FieldView(
                name,
                mask(chosen),
                tuple(by_value.get(chosen or "", ())),
                others,
                canon.column(f"person.{name}").privacy,
            )
        )
    return tuple(views)


def _periods(
    found: list[dict[str, Any]], make: Callable[[Row], Any], valid_on: date | None
) -> tuple[Any, ...]:
    made = (make(r) for r in found)
    if valid_on is None:
        return tuple(made)
    return tuple(m for m in made if m.begin_on <= valid_on and (m.until is None or m.until > valid_on))


def _stay(r: Row, masked: bool) -> StayView:
    where = sql.address(r)
    return StayView(
        r["dwelling_code"],
        (masking.mask_address(where) if masked else where) or "",
        r["stay_region"],
        r["begin_on"],
        r["end_on"],
        r["presumed_end_on"],
        r["dwelling_kind"],
        r["reason"],
        r["confirmed_on"],
        r["registered_on"],
        sql.sources(r["sources"]),
        r["is_live"],
    )


def _job(r: Row, masked: bool) -> JobView:
    return JobView(
        r["employer_code"],
        r["employer_name"],
        r["begin_on"],
        r["end_on"],
        r["presumed_end_on"],
        r["occupation"],
        r["has_contract"],
        None if masked else r["wage_fen"],
        r["confirmed_on"],
        sql.sources(r["sources"]),
        r["is_live"],
    )


def _kin(r: Row, masked: bool) -> KinView:
    name = (masking.mask_name(r["relative_name"]) if masked else r["relative_name"]) or ""
    return KinView(
        r["relation"],
        r["relative_code"] or None,
        name,
        r["is_inverse"],
        r["household"],
        sql.sources(r["sources"]),
    )


def _contribution(r: Row, masked: bool) -> ContributionView:
    return ContributionView(
        r["scheme"],
        r["kind"],
        r["insured_region"],
        r["from_month"],
        r["to_month"],
        r["months"],
        None if masked else r["base_fen"],
        sql.sources(r["sources"]),
    )


def _enrolment(r: Row) -> EnrolmentView:
    return EnrolmentView(
        r["school_code"],
        r["school_name"],
        r["stage"],
        r["grade"],
        r["begin_on"],
        r["end_on"],
        r["presumed_end_on"],
        r["confirmed_on"],
        sql.sources(r["sources"]),
    )


def _made(view: Callable[..., Any], found: list[dict[str, Any]], *columns: str) -> list[Any]:
    return [view(*(r[c] for c in columns), sql.sources(r["sources"])) for r in found]


def _months(contributions: Iterable[ContributionView]) -> dict[str, int]:
    """Months per scheme, all kinds together, a month of two kinds counted once."""
    months: dict[str, set[int]] = {}
    for run in contributions:
        first = run.from_month.year * 12 + run.from_month.month
        months.setdefault(run.scheme, set()).update(range(first, first + run.months))
    return {scheme: len(held) for scheme, held in months.items()}
