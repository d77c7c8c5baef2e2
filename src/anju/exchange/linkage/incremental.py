"""A day's delta, linked against the library without relinking it.

A changed record whose number and name the library knows is that person. For the rest only people who share a rare key
with them are taken out of the library - as the ways they are described and what surrounds them, not record by record -
and linked anew beside them; what was one person before stays one person.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anju.exchange.linkage import meeting, shelves
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.profiles import described_sql, stated_sql
from anju.exchange.linkage.shelves import Library
from anju.exchange.linkage.state import AGAIN, AROUND, scan_lapsed
from anju.exchange.linkage.steps import Steps
from anju.exchange.linkage.surroundings import SURROUNDINGS

DESCRIBED = "raw_id, number, stated, sex, born, lunar, county, n, record"


def known(steps: Steps, library: Library, arrived: str, said: Sequence[Decision], reopened: str = "") -> None:
    """Tables ``lk_arrived`` (what changed records state), ``lk_known`` (record_id, person: settled by number and name),
    ``lk_unsettled`` (the rest, as ``lk_arrived``) and ``lk_former`` (how changed and withdrawn records stood).

    Reads ``lk_people``, ``lk_alias`` (person, root: people merged since), ``lk_before``, ``lk_gone`` (record_id). The
    records of the query ``reopened`` are never known, nor are their people taken for what they were.
    """
    steps.table("lk_arrived", stated_sql(arrived))
    library.seats({"record": " UNION ALL ".join(_records(said, reopened))})
    asked_anew = f"AND c.record_id NOT IN ({reopened})" if reopened else ""
    again = f"SEMI JOIN ({reopened}) AS r ON r.record_id = b.record_id" if reopened else "WHERE FALSE"
    steps.table(
        "lk_reopened_person", f"SELECT DISTINCT hash(b.person_code) AS person FROM lk_before AS b {again}"
    )
    certain = f"SELECT {shelves.certain_key()} FROM lk_arrived"
    library.show(shelves.PEOPLE, {"certain": certain}, ("person", "raw_id", "number", "is_anchor"))
    steps.table(
        "lk_known",
        f"""
        WITH met AS (
            SELECT c.record_id, p.person FROM lk_people AS p
            JOIN lk_arrived AS c ON p.raw_id = c.raw_id AND p.number = c.number WHERE p.is_anchor {asked_anew}
        )
        SELECT m.record_id, min(coalesce(a.root, m.person)) AS person FROM met AS m LEFT JOIN lk_alias AS a ON a.person = m.person
        GROUP BY m.record_id HAVING min(coalesce(a.root, m.person)) = max(coalesce(a.root, m.person))
        """,
    )
    steps.table(
        "lk_unsettled", "SELECT a.* FROM lk_arrived AS a ANTI JOIN lk_known AS k ON k.record_id = a.record_id"
    )
    steps.table(
        "lk_former",
        f"""
        SELECT b.record_id, b.person_code, b.how FROM lk_before AS b
        SEMI JOIN ({AGAIN}) AS c ON c.record_id = b.record_id
        """,
    )


def _records(said: Sequence[Decision], reopened: str) -> list[str]:
    """Queries of the records of which it matters how they stood."""
    told = ", ".join(f"({r})" for d in said for r in (d.record_a, d.record_b))
    asked = ["SELECT record_id FROM lk_arrived", "SELECT record_id FROM lk_gone"]
    if reopened:
        asked.append(reopened)
    if told:
        asked.append(f"SELECT CAST(r AS UBIGINT) FROM (VALUES {told}) AS w(r)")
    return asked


def affected(
    steps: Steps, library: Library, arrived: str, said: Sequence[Decision], parameters: Parameters
) -> None:
    """Table ``lk_affected`` (person, person_code): people of the library whom an unsettled record may be, or was;
    ``lk_given``: of all codes the ones that may change or be given, with ``person``; ``lk_stayed`` (record_id, person,
    person_code, how): known records that are still the person they were."""
    decided = ", ".join(f"({r})" for d in said for r in (d.record_a, d.record_b))
    told = f"SELECT CAST(r AS UBIGINT) AS record_id FROM (VALUES {decided}) AS w(r)"
    steps.table(
        "lk_decided_person",
        f"SELECT b.record_id, hash(b.person_code) AS person FROM lk_before AS b SEMI JOIN ({told}) AS w ON w.record_id = b.record_id"
        if said
        else "SELECT record_id, hash(person_code) AS person FROM lk_former WHERE FALSE",
    )
    steps.table(
        "lk_asked_person",
        """SELECT person FROM lk_decided_person
        UNION SELECT hash(f.person_code) FROM lk_former AS f SEMI JOIN lk_unsettled AS u ON u.record_id = f.record_id""",
    )
    meeting.meet(steps, library, arrived, parameters)
    steps.table(
        "lk_stayed",
        """SELECT k.record_id, k.person, f.person_code, f.how FROM lk_known AS k
        JOIN lk_former AS f ON f.record_id = k.record_id AND hash(f.person_code) = k.person""",
    )
    strange = "SELECT k.person FROM lk_known AS k ANTI JOIN lk_stayed AS s ON s.record_id = k.record_id"
    library.codes(
        f"""SELECT person FROM lk_met_person UNION ALL SELECT person FROM lk_asked_person UNION ALL {strange}
        UNION ALL SELECT root FROM lk_alias"""
    )
    steps.table(
        "lk_given",
        f"""
        WITH asked AS (
            SELECT person FROM lk_met_person
            UNION SELECT coalesce(a.root, m.person) FROM lk_asked_person AS m LEFT JOIN lk_alias AS a ON a.person = m.person
        ),
        wanted AS (
            SELECT person, TRUE AS is_affected FROM asked
            UNION ALL SELECT person, FALSE FROM ({strange} EXCEPT SELECT person FROM asked) AS k
        ),
        codes AS (SELECT *, hash(person_code) AS person FROM lk_codes_before)
        SELECT c.person_code, c.run, c.current_code, c.person, coalesce(w.is_affected, FALSE) AS is_affected FROM codes AS c
        LEFT JOIN wanted AS w ON w.person = c.person WHERE w.person IS NOT NULL OR c.current_code <> c.person_code
        """,
    )
    steps.table("lk_affected", "SELECT person, person_code FROM lk_given WHERE is_affected")


def subset(steps: Steps, library: Library) -> str:
    """Tables ``lk_library`` (profile, person and what ``lk_people`` says of affected people) and ``lk_record``; returns
    the query of everything described, for ``profiles.describe``."""
    steps.table(
        "lk_library",
        """
        WITH stale AS (SELECT record_id FROM lk_unsettled UNION SELECT record_id FROM lk_gone),
        picked AS (
            SELECT e.*, s.record_id IS NOT NULL AS is_stale FROM lk_row AS e SEMI JOIN lk_affected AS f ON f.person = e.person
            LEFT JOIN stale AS s ON s.record_id = e.record
        )
        SELECT row_number() OVER (ORDER BY record, n DESC, person) AS profile, *,
               coalesce(lag(record) OVER (ORDER BY record, n DESC, person) = record, FALSE) AS is_further
        FROM picked WHERE NOT (is_stale AND n = 1) AND person NOT IN (SELECT person FROM lk_reopened_person)
        """,
    )
    steps.table("lk_library_main", "SELECT person, min(profile) AS profile FROM lk_library GROUP BY person")
    home = "SELECT w.person FROM lk_wanted AS w JOIN lk_library_main AS m ON m.person = w.root"
    library.show(shelves.AROUND, {"person": home})
    columns = ", ".join(SURROUNDINGS)
    nothing = ", ".join(f"{NO_HASH} AS {c}" for c in SURROUNDINGS)
    around = ", ".join(f"a.{c}" if c in AROUND else f"{NO_HASH} AS {c}" for c in SURROUNDINGS)
    steps.table(
        "lk_record",
        f"""
        WITH home AS (
            SELECT w.person, m.profile FROM lk_wanted AS w JOIN lk_library_main AS m ON m.person = w.root
        ),
        former AS (
            SELECT CASE WHEN is_stale OR is_further OR record IN (SELECT record_id FROM lk_arrived)
                        THEN hash('former', profile, record) ELSE record END AS record_id, profile, {nothing} FROM lk_library
        )
        SELECT record_id, CAST(profile AS UBIGINT) AS profile, {columns} FROM lk_unsettled
        UNION ALL SELECT record_id, CAST(profile AS UBIGINT), {columns} FROM former
        UNION ALL
        SELECT hash('around', m.profile, {", ".join(f"a.{c}" for c in AROUND)}), CAST(m.profile AS UBIGINT), {around}
        FROM lk_around AS a JOIN home AS m ON m.person = a.person
        UNION ALL
        SELECT d.record_id, CAST(m.profile AS UBIGINT), {nothing} FROM lk_decided_person AS d
        JOIN lk_library_main AS m ON m.person = d.person
        WHERE d.record_id NOT IN (SELECT record_id FROM lk_unsettled) AND d.record_id NOT IN (SELECT record_id FROM former)
        """,
    )
    return f"""{described_sql("lk_unsettled")}
        UNION ALL SELECT CAST(profile AS UBIGINT), {DESCRIBED} FROM lk_library"""


NO_HASH = "CASE WHEN FALSE THEN hash('') END"
"""Null, of the type the engine's hashes have: the next run joins these files with this one's."""
FRESH = """SELECT coalesce(g.grp, m.node) FROM lk_member AS m SEMI JOIN lk_unsettled AS u ON u.record_id = m.record_id
    LEFT JOIN lk_group AS g ON g.node = m.node"""
"""Groups that hold a record that arrived: only pairs with one of them are weighed, the others were."""
ONE_NUMBER = """SELECT hash('number', x.number) AS a, hash('number', y.number) AS b FROM lk_library AS x
    JOIN lk_library AS y ON y.person = x.person AND x.number < y.number WHERE x.is_anchor AND y.is_anchor"""
"""Numbers that the library holds to be one person's."""


def standing(steps: Steps) -> None:
    """Table ``lk_stood`` (node_a, node_b, rule): what was one person belongs together."""
    steps.table(
        "lk_stood",
        """
        WITH held AS (SELECT DISTINCT m.node, l.person FROM lk_library AS l JOIN lk_member AS m ON m.profile = l.profile),
        hub AS (SELECT person, min(node) AS node FROM held GROUP BY person HAVING count(*) > 1)
        SELECT u.node AS node_a, h.node AS node_b, 'before' AS rule
        FROM held AS u JOIN hub AS h ON h.person = u.person WHERE u.node <> h.node
        """,
    )


def newcomers(steps: Steps) -> None:
    """Table ``lk_person`` (cluster) once more: only clusters that hold a record that arrived. A part of somebody that nothing
    new belongs to is given no code of its own: what was one person stays one person."""
    steps.table(
        "lk_person",
        "SELECT DISTINCT c.cluster FROM lk_cluster AS c SEMI JOIN lk_unsettled AS u ON u.record_id = c.record_id",
    )


CLAIMED = """
    WITH held AS (
        SELECT c.cluster, l.person, count(*) AS n, min(c.record_id) AS least FROM lk_cluster AS c
        JOIN lk_library AS l ON l.profile = c.profile GROUP BY c.cluster, l.person
    ),
    claimed AS (
        SELECT h.cluster, a.person_code, h.n, h.least FROM held AS h JOIN lk_affected AS a ON a.person = h.person
        UNION ALL
        SELECT c.cluster, f.person_code, 1, c.record_id FROM lk_former AS f
        SEMI JOIN lk_unsettled AS u ON u.record_id = f.record_id JOIN lk_cluster AS c ON c.record_id = f.record_id
    )
    SELECT c.cluster, coalesce(k.current_code, c.person_code) AS person_code, sum(c.n) AS n, min(c.least) AS least,
           min(k.run) AS run
    FROM claimed AS c LEFT JOIN lk_given AS k ON k.person_code = c.person_code GROUP BY 1, 2"""
"""What ``codes.claims_sql`` tells: how the library's people and the unsettled records stood."""


def returning(steps: Steps, library: Library, previous: Path) -> None:
    """Table ``lk_lapsed`` (record_id, person_code): unsettled records of people who had none left at the last whole run and
    have had none since; their codes stand among ``lk_given`` too."""
    kept = scan_lapsed(steps.engine, "lk_lapsed_kept", previous)
    steps.table(
        "lk_lapsed",
        f"SELECT l.record_id, l.person_code FROM ({kept}) AS l SEMI JOIN lk_unsettled AS u ON u.record_id = l.record_id",
    )
    if not steps.count("lk_lapsed"):
        return
    library.codes("SELECT hash(person_code) FROM lk_lapsed")
    steps.table(
        "lk_given_every",
        """SELECT * FROM lk_given UNION ALL
        SELECT c.person_code, c.run, c.current_code, hash(c.person_code) AS person, FALSE AS is_affected
        FROM lk_codes_before AS c SEMI JOIN lk_lapsed AS l ON l.person_code = c.person_code
        ANTI JOIN lk_given AS g ON g.person_code = c.person_code""",
    )
    steps.rename("lk_given_every", "lk_given")


def changes(steps: Steps, library: Library) -> None:
    """Table ``lk_change`` (record_id, person_code, how, weight): every record whose person is new or another, or who is that
    person on other grounds; a withdrawn record has none."""
    steps.table("lk_lost", "SELECT person_code, current_code FROM lk_codes WHERE current_code <> person_code")
    steps.table(
        "lk_change",
        """
        WITH coded AS (
            SELECT record_id, person_code, how FROM lk_stayed
            UNION ALL
            SELECT k.record_id, c.person_code, '' FROM lk_known AS k JOIN lk_given AS c ON c.person = k.person
            ANTI JOIN lk_stayed AS s ON s.record_id = k.record_id
        ),
        settled AS (
            SELECT c.record_id, coalesce(l.current_code, c.person_code) AS person_code
            FROM coded AS c LEFT JOIN lk_lost AS l ON l.person_code = c.person_code
            WHERE c.how <> 'key' OR l.person_code IS NOT NULL
        ),
        fresh AS (
            SELECT c.record_id, k.person_code, c.how, c.weight
            FROM lk_cluster AS c JOIN lk_code AS k ON k.cluster = c.cluster SEMI JOIN lk_unsettled AS u ON u.record_id = c.record_id
            UNION ALL SELECT record_id, person_code, 'key', CAST(NULL AS DOUBLE) FROM settled
        )
        SELECT * FROM fresh
        UNION ALL
        SELECT g.record_id, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS DOUBLE) FROM lk_gone AS g
        """,
    )
    if steps.count("lk_lost"):
        library.seats({"person": "SELECT hash(person_code) FROM lk_lost"})
        steps.table(
            "lk_moved",
            """SELECT b.record_id, l.current_code AS person_code, b.how, b.weight
            FROM lk_before AS b JOIN lk_lost AS l ON l.person_code = b.person_code""",
        )
        steps.table(
            "lk_changed",
            """SELECT * FROM lk_change
            UNION ALL SELECT m.* FROM lk_moved AS m ANTI JOIN lk_change AS c ON c.record_id = m.record_id""",
        )
        steps.rename("lk_changed", "lk_change")
