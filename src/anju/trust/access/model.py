"""The words of an access question and of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anju.trust import places

REACHES = ("open", "login", "own", "office", "person", "system")


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done. ``reach`` is one of ``REACHES``; see actions.yaml."""

    name: str
    zh: str
    en: str
    reach: str
    bulk: bool = False
    write: bool = False
    quiet: bool = False

    @property
    def needs_purpose(self) -> bool:
        """Whoever touches people's data says why."""
        return self.reach == "person"

    @property
    def is_read_logged(self) -> bool:
        """Whether looking makes a log entry. Writing does always, by the action that writes; a no does always."""
        return not self.quiet and (self.reach == "person" or self.name in {"own.read", "log.read"})


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of work, and the actions it has."""

    name: str
    zh: str
    en: str
    place: str
    may: frozenset[str]
    staff: bool = False
    department: bool = False
    glass: bool = False


@dataclass(frozen=True, slots=True)
class Purpose:
    """A published reason with its legal basis. Empty ``actions``: every action of the role.

    ``on_restricted``: also opens the file of somebody whose data are restricted (PIPL arts. 44, 47).
    """

    name: str
    zh: str
    en: str
    basis: Mapping[str, str] = field(hash=False)
    roles: frozenset[str]
    aspects: tuple[str, ...]
    departments: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    on_restricted: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """One account acting in one assignment. ``region`` is a division code, or ``*`` for the whole deployment."""

    account: str
    role: str
    region: str = ""
    department: str = ""
    person_code: str = ""

    @property
    def office(self) -> str:
        """What the log names instead of a private name: department and region."""
        return ":".join(part for part in (self.department, self.region) if part)


SYSTEM_ROLE = "system"


def system(name: str) -> Actor:
    """The actor of pipelines and of the command line on the server itself; never of a web request."""
    return Actor(account=f"system:{name}", role=SYSTEM_ROLE, region=places.WHOLE)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about: ``kind`` such as person, dwelling, batch; where it lies; whose it is.

    ``is_restricted``: the person's data may be kept and otherwise left alone.
    """

    kind: str = ""
    code: str = ""
    region: str | None = None
    person_code: str = ""
    department: str = ""
    is_restricted: bool = False

    def __str__(self) -> str:
        return f"{self.kind}:{self.code}" if self.kind else ""


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What holds at the moment: second factor used, a second person's approval, an open glass."""

    second_factor: bool = False
    approved: bool = False
    glass: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground of a decision: a wording code ``access.<...>`` and its facts (no personal data)."""

    code: str
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with every ground: all that speaks against it, or what it rests on.

    ``aspects`` of a person's file that the purpose opens; ``lacks`` what the actor could still do about a no:
    ``purpose``, ``second_factor``, ``approval`` - empty when nothing helps.
    """

    allowed: bool
    reasons: tuple[Reason, ...]
    aspects: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
