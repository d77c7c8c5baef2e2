"""The demo's accounts; its resident is somebody of the invented city whose file has something to show."""

from __future__ import annotations

from datetime import UTC, datetime

from anju.kernel.refusal import Refusal


def make(person_code: str = "") -> tuple[list[tuple[str, str, str]], str]:
    """Make them; return (name, role, region) of each and the published password."""
    from anju.trust.access import system
    from anju.trust.store import account_actions

    code = person_code or _somebody()
    made = account_actions.make_demo_accounts(code, by=system("demo"), at=datetime.now(UTC))
    return made, str(account_actions.demo_accounts()["password"])


def _somebody() -> str:
    """The person of the first station's district with the fullest file; empty before the library is published."""
    from anju.register.store import queries as register

    try:
        found = register.find_people("", scope=("990102",), limit=200).rows
    except Refusal:
        return ""
    best = max(found, key=lambda line: (line.is_resident, line.dataset_count, line.code), default=None)
    return best.code if best else ""
