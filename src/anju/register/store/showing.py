"""A decided value in the person's file at once: a new row of what is shown, and of what the sources say.

The next run publishes what it finds itself; a row written here gives way to it. A row that says what the library says
already is the library's own, so that nothing is lost when the run finds nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register import dossier, names
from anju.register.dossier import Said
from anju.register.store.models import Dossier, Identity
from anju.trust.sealing import sealer

DATASET = "settlement"
SEALED = ("citizen_no", "phone")
CONTENT = [
    f.name
    for f in Identity._meta.concrete_fields
    if f.name not in {"id", "known_from", "known_to", "is_live", "given_key", "citizen_no", "phone", "region"}
]
"""What tells one shown row from another; sealed values by their blind index."""


def shown(person: Identity) -> dict[str, str | None]:
    """The value shown of each field, as text."""
    seal = sealer()
    found: dict[str, str | None] = {}
    for name in dossier.FIELDS:
        value = getattr(person, name)
        if name in SEALED:
            value = seal.open(value) if value is not None else None
        found[name] = value.isoformat() if isinstance(value, date) else value or None
    return found


def show(code: str, field: str, value: str, at: datetime, *, settled: bool = True) -> str:
    """Show ``value`` from now on; ``settled`` False: no decision stands behind it any more. Returns what was shown."""
    person = Identity.objects.select_for_update().filter(person_code=code, known_to__isnull=True).first()
    if person is None:
        raise Refusal("register.no_person")
    before = shown(person)
    after = {**before, field: value or None}
    _restate(person, before, after, field, at, settled)
    if before != after:
        _identify(person, field, value, at)
    return before[field] or ""


def _identify(person: Identity, field: str, value: str, at: datetime) -> None:
    Identity.objects.filter(pk=person.pk).update(known_to=at)
    person.pk, person.known_from, person.known_to = None, at, None
    _put(person, field, value)
    library = (
        Identity.objects.filter(person_code=person.person_code, is_live=False)
        .order_by("-known_from", "-id")
        .first()
    )
    person.is_live = library is None or any(_raw(person, c) != _raw(library, c) for c in CONTENT)
    person.save(force_insert=True)


def _raw(row: Identity, name: str) -> object:
    value = getattr(row, name)
    return bytes(value) if isinstance(value, memoryview) else value


def _put(person: Identity, field: str, value: str) -> None:
    seal = sealer()
    if field in SEALED:
        setattr(person, field, seal.seal(value) if value else None)
        setattr(person, f"{field}_index", seal.index(field, value) if value else None)
        setattr(person, f"{field}_last4", value[-4:])
    elif field == "born_on":
        person.born_on = date.fromisoformat(value) if value else None
    else:
        setattr(person, field, value)
    if field == "name":
        person.name_key = names.key(value)
        sounds = names.syllables(person.name_key)
        person.pinyin, person.initials = "".join(sounds), "".join(s[:1] for s in sounds)


def _restate(
    person: Identity,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
    field: str,
    at: datetime,
    settled: bool,
) -> None:
    """The dossier says what was decided beside what the sources say."""
    code = person.person_code
    row = Dossier.objects.select_for_update().filter(person_code=code, known_to__isnull=True).first()
    said = list(dossier.unpack(sealer().open(row.records), before)) if row and row.records else []
    key = f"{code}-{field}"
    said = [s for s in said if (s.dataset, s.record_key) != (DATASET, key)]
    if settled:
        said.append(Said(day_of(at), DATASET, key, f"own-{DATASET}", {field: after[field] or ""}))
    if row is not None:
        Dossier.objects.filter(pk=row.pk).update(known_to=at)
    library = Dossier.objects.filter(person_code=code, is_live=False).order_by("-known_from", "-id").first()
    Dossier.objects.create(
        person_code=code,
        region=person.region,
        known_from=at,
        records=sealer().seal(_pack(said, after)),
        is_live=not _says(library, after, said),
    )


def _pack(said: list[Said], shown_now: Mapping[str, str | None]) -> str:
    """Records as ``dossier.unpack`` reads them: one part per field."""
    return dossier.RECORD_MARK.join(
        dossier.PART_MARK.join(
            [
                s.observed_on.isoformat() if s.observed_on else "",
                s.dataset,
                s.record_key,
                s.batch,
                *(_part(s.values.get(f), shown_now.get(f)) for f in dossier.FIELDS),
            ]
        )
        for s in said
    )


def _part(value: str | None, shown_value: str | None) -> str:
    if not value:
        return ""
    return dossier.SHOWN if value == shown_value else value


def _says(library: Dossier | None, shown_now: Mapping[str, str | None], said: list[Said]) -> bool:
    """Whether the library's own row says the same, record for record."""
    if library is None or not library.records:
        return False
    theirs = dossier.unpack(sealer().open(library.records), shown_now)
    return sorted(theirs, key=repr) == sorted(said, key=repr)
