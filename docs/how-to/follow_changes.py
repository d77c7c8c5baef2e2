"""Follow the library of an Anju deployment: keep a copy of what you may see in SQLite. Python's own library suffices.

    ANJU_TOKEN=anju1.… python follow_changes.py https://anju.example residence_registration copy.sqlite

Changes and cursor are stored in one transaction. Kill it whenever you like and start it again: nothing is missed and
nothing stored twice, because the cursor that is kept always belongs to exactly the rows that are kept. Away for longer than
single changes are kept (410 Gone) it drops its copy and begins again with the state.
"""

import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PAGE, PAUSE, TRIES = 500, 60, 30
TABLES = """
CREATE TABLE IF NOT EXISTS kept (source TEXT, id INTEGER, person TEXT, told TEXT, PRIMARY KEY (source, id));
CREATE INDEX IF NOT EXISTS kept_person ON kept (person);
CREATE TABLE IF NOT EXISTS place (only INTEGER PRIMARY KEY CHECK (only = 1), cursor TEXT);
INSERT OR IGNORE INTO place VALUES (1, '');
"""


def ask(address: str, purpose: str, cursor: str) -> dict | None:
    """One page of changes after the cursor, or None where it is too old; asks again while the other side is away."""
    query = urllib.parse.urlencode({"cursor": cursor, "limit": PAGE})
    headers = {"Authorization": "Bearer " + os.environ["ANJU_TOKEN"], "Anju-Purpose": purpose}
    request = urllib.request.Request(f"{address}/api/exchange/changes?{query}", headers=headers)  # noqa: S310
    for attempt in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            if refused.code == 410:  # gone
                return None
            if refused.code not in (429, 500, 502, 503):
                raise SystemExit(refused.read().decode()) from None
        except OSError:  # not reached, or cut off in the middle
            pass
        time.sleep(min(0.1 * 2**attempt, 30))
    raise SystemExit("the other side is away")


def keep(copy: sqlite3.Connection, page: dict) -> None:
    """Store a page and its cursor: all of it, or nothing."""
    with copy:
        for change in page["changes"]:
            if change["kind"] == "put":
                told = json.dumps(change["values"], ensure_ascii=False)
                row = (change["source"], change["id"], change["person"], told)
                copy.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", row)
            elif change["kind"] == "end":
                copy.execute("DELETE FROM kept WHERE source = ? AND id = ?", (change["source"], change["id"]))
            else:  # leave: this person is no longer yours to know about
                copy.execute("DELETE FROM kept WHERE person = ?", (change["person"],))
        copy.execute("UPDATE place SET cursor = ?", (page["cursor"],))


def follow(address: str, purpose: str, path: str, *, for_ever: bool) -> None:
    """Catch up; then look again every minute, or stop."""
    copy = sqlite3.connect(path)
    copy.executescript(TABLES)
    while True:
        [cursor] = copy.execute("SELECT cursor FROM place").fetchone()
        page = ask(address, purpose, cursor)
        if page is None:
            with copy:  # what ended meanwhile is told no more: the copy goes with its cursor
                copy.execute("DELETE FROM kept")
                copy.execute("UPDATE place SET cursor = ''")
            continue
        keep(copy, page)
        if not page["more"]:
            if not for_ever:
                return
            time.sleep(PAUSE)


if __name__ == "__main__":
    follow(*sys.argv[1:4], for_ever="--once" not in sys.argv)
