"""The sample follower of the docs, killed and started again while the server is too: its copy is exact in the end."""

from __future__ import annotations

import os
import random
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.core.handlers.wsgi import WSGIHandler
from django.db import connections

from anju.exchange.store import feed_actions
from anju.trust.access import system

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import PURPOSE, made
from test_doors_feed import Copy, Register

SAMPLE = Path(__file__).parents[2] / "docs" / "how-to" / "follow_changes.py"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Served:
    """The web stack on one port; it can die and come back."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.begin()

    def begin(self) -> None:
        def application(environ: Any, start: Any) -> Any:
            answer = WSGIHandler()(environ, start)
            body = [b"".join(answer)]
            connections.close_all()
            return body

        self.server = make_server("127.0.0.1", self.port, application, handler_class=Quiet)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def die(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_killed_and_restarted_on_both_sides_it_misses_and_repeats_nothing(
    transactional_db: None, tmp_path: Path
) -> None:
    dice, copy = random.Random(7), tmp_path / "copy.sqlite"
    register = Register(dice)
    for _ in range(5):
        register.live()
        register.publish()
    sample = tmp_path / "follow.py"
    sample.write_text(
        SAMPLE.read_text(encoding="utf-8").replace(
            "PAGE, PAUSE, TRIES = 500, 60, 30", "PAGE, PAUSE, TRIES = 1, 0.05, 30"
        )
    )
    environment = os.environ | {"ANJU_TOKEN": made(), "NO_PROXY": "127.0.0.1"}
    served = Served()
    command = [sys.executable, str(sample), f"http://127.0.0.1:{served.port}", PURPOSE, str(copy)]
    try:
        for turn in range(6):
            follower = subprocess.Popen(command, env=environment)
            time.sleep(dice.uniform(0.1, 0.5))
            if turn % 2:
                served.die()
                register.publish()
                served.begin()
            register.live()
            time.sleep(dice.uniform(0, 0.3))
            follower.kill()
            follower.wait()
        register.settle()
        subprocess.run([*command, "--once"], env=environment, check=True, timeout=120)
        register.publish()
        assert feed_actions.compact(days=30, by=system("test"), at=datetime.now(UTC) + timedelta(days=31))
        with sqlite3.connect(copy) as kept:  # away for a month: what ended meanwhile is told no more
            kept.execute("UPDATE place SET cursor = 'c1'")
            kept.execute("INSERT INTO kept VALUES ('stay', 999999, '0000000000001', '{}')")
        subprocess.run([*command, "--once"], env=environment, check=True, timeout=120)
    finally:
        served.die()
    with sqlite3.connect(copy) as kept:
        held = {(s, i): p for s, i, p in kept.execute("SELECT source, id, person FROM kept")}
    assert held == Copy("990102").truth()
    assert held
