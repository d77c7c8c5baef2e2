"""A resident's policy page asked for again and again, as a browser would, in one process."""

from __future__ import annotations

import time

from anju.jobs.cli import setup_django


def ask(programme: str, asks: int) -> list[float]:
    """Seconds of each answer. Residents are drawn from the register; their roles are granted and taken back.

    Empty where the register holds nobody.
    """
    setup_django()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.utils import timezone

    from anju.jobs.pipeline import facts
    from anju.policy import loading
    from anju.policy.explain import default_day
    from anju.register.store import queries
    from anju.trust.access import system
    from anju.trust.store import access_actions

    found = loading.get(programme)
    run = queries.latest_run()
    if run is None:
        return []
    on = default_day(found, run.as_of or timezone.localdate())
    path = facts.of_everyone(found, on)[0]
    import pyarrow.parquet as pq

    codes = [str(c) for c in pq.read_table(path, columns=["person_code"]).column(0)[:5].to_pylist()]
    by, at, seconds = system("bench"), timezone.now(), []
    settings.DEMO = True  # demo accounts need no second factor
    for code in codes:
        account, _ = get_user_model().objects.get_or_create(
            username=f"bench-{code}", defaults={"is_demo": True}
        )
        try:
            access_actions.grant_role(account.username, "resident", "", by=by, at=at, person_code=code)
            client = Client(SERVER_NAME="127.0.0.1")
            client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
            where = f"/me/policies/{found.place}/{found.name}/"
            client.get(where)
            for _ in range(asks // len(codes)):
                begin = time.perf_counter()
                answer = client.get(where)
                seconds.append(time.perf_counter() - begin)
                assert answer.status_code == 200, answer.status_code
        finally:
            account.delete()
    return seconds
