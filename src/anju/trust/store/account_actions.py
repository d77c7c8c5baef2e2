"""Writes about accounts: making one, setting a password, letting one go."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor, rules
from anju.trust.store import access_actions, log
from anju.trust.store.models import Account, Assignment

FIRST_PASSWORD_LASTS = timedelta(days=7)
"""A password somebody else gave opens the door this long."""


@transaction.atomic
def make_account(username: str, password: str, *, by: Actor, at: datetime, email: str = "") -> int:
    """A new account without any role; return its id. Refuses a taken name and a weak password.

    The password is a first one: it opens the door for ``FIRST_PASSWORD_LASTS``, until its owner chooses another.
    """
    if Account.objects.filter(username=username).exists():
        raise Refusal("trust.account_exists", account=username)
    account = Account(username=username, email=email, first_password_until=at + FIRST_PASSWORD_LASTS)
    _strong(password, account)
    account.set_password(password)
    account.save()
    log.record(by, "account.make", at, subject=f"account:{account.pk}")
    return account.pk


@transaction.atomic
def set_password(username: str, password: str, *, by: Actor, at: datetime) -> None:
    """A new first password, given by an administrator; every session of the account ends with it."""
    account = Account.objects.select_for_update().filter(username=username).first()
    if account is None:
        raise Refusal("trust.no_account", account=username)
    _strong(password, account)
    account.set_password(password)
    account.first_password_until = at + FIRST_PASSWORD_LASTS
    account.save(update_fields=["password", "first_password_until"])
    log.record(by, "account.password", at, subject=f"account:{account.pk}")


def own_password(number: int) -> None:
    """The account's owner chose their password: it does not end by itself any more."""
    Account.objects.filter(pk=number).update(first_password_until=None)


@transaction.atomic
def close_account(username: str, *, by: Actor, at: datetime) -> None:
    """The account can no longer log in, and all its roles end."""
    account = Account.objects.select_for_update().filter(username=username).first()
    if account is None:
        raise Refusal("trust.no_account", account=username)
    account.is_active = False
    account.save(update_fields=["is_active"])
    for number in Assignment.objects.filter(account=account, end_at__isnull=True).values_list(
        "id", flat=True
    ):
        access_actions.end_role(number, by=by, at=at)
    log.record(by, "account.close", at, subject=f"account:{account.pk}")


def _strong(password: str, account: Account) -> None:
    try:
        validate_password(password, account)
    except ValidationError as weak:
        raise Refusal("trust.weak_password", reasons=" ".join(weak.messages)) from weak


def demo_accounts() -> dict[str, Any]:
    """The demo's accounts as the pack states them; refuses outside the demo."""
    if not settings.DEMO:
        raise Refusal("trust.not_a_demo")
    found = packs.find_file("trust/accounts.yaml")
    return packs.read_yaml(found) if found else {"password": "", "accounts": []}


@transaction.atomic
def make_demo_accounts(person_code: str, *, by: Actor, at: datetime) -> list[tuple[str, str, str]]:
    """Make or renew the demo's accounts; return (name, role, region). ``person_code`` is the resident's own."""
    told = demo_accounts()
    made = []
    for line in told["accounts"]:
        account, _ = Account.objects.update_or_create(
            username=line["name"], defaults={"is_demo": True, "is_active": True}
        )
        account.set_password(told["password"])
        account.save()
        code = person_code if rules().roles[line["role"]].name == "resident" else ""
        held = {
            "role": line["role"],
            "region": line["region"],
            "department": line.get("department", ""),
            "person_code": code,
        }
        if not Assignment.objects.filter(account=account, end_at__isnull=True, **held).exists():
            Assignment.objects.filter(account=account, end_at__isnull=True).delete()
            access_actions.grant_role(
                line["name"], line["role"], line["region"], by=by, at=at,
                department=held["department"], person_code=code,
            )  # fmt: skip
        made.append((line["name"], line["role"], line["region"]))
    return made
