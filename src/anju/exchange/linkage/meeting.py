"""Whom of the library an arriving record may be.

People who share a blocking key with it, or a phone, a room or a relative that few state, and whom what is quickly
compared does not rule out. Names are few and people are many: likeness of names is looked up among the library's
names first, and each rule then passes once over two or three columns of everyone's descriptions.
"""

from __future__ import annotations

from anju.exchange.linkage import blocking
from anju.exchange.linkage.features import digits_sql
from anju.exchange.linkage.keys import NUMBER_DAY, day_sql, swapped_sql
from anju.exchange.linkage.names import BEGINS, prepare_names
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps
from anju.exchange.linkage.surroundings import KINDS, most_own

MOST_SHARED = 40
"""A phone, room or relative that more people state tells nobody apart."""
MEETING = ("phone", "room", "kin_number", "kin_phone", "household")
WORTH = {"phone": "phone", "room": "place", "kin": "kin"}
"""Kinds of surroundings that bring people together: the comparison that weighs them."""
DAY = f"coalesce(born, CAST({NUMBER_DAY} AS INTEGER))"


def meet(steps: Steps, arrived: str, parameters: Parameters) -> None:
    """Table ``lk_met_person`` (person): whom the records of ``lk_unsettled`` may be; ``lk_row``: the library's
    descriptions of everyone looked at; ``lk_name_known``: their names; ``lk_common``: values that many share.

    Reads ``lk_people``, ``lk_around``, ``lk_names``, ``lk_spelled``, ``lk_alias`` and ``lk_asked_person`` (person:
    people to be looked at whatever they share).
    """
    _ask(steps, arrived, parameters)
    _by_key(steps)
    _by_value(steps, parameters)
    _described(steps)
    steps.table("lk_met_person", _may_be(parameters))
    steps.drop("lk_like_name", "lk_same_name", "lk_met_key", "lk_value", "lk_met_pair")


def _ask(steps: Steps, arrived: str, parameters: Parameters) -> None:
    """Table ``lk_name`` (names that arrived) and ``lk_loose`` (one row per description that arrived)."""
    unsettled = f'SELECT DISTINCT m."person.name" AS raw FROM {arrived} AS m SEMI JOIN lk_unsettled AS u ON u.record_id = m.record_id'
    prepare_names(steps, unsettled, parameters)
    steps.table(
        "lk_loose",
        f"""
        WITH asked AS (
            SELECT profile AS grp, any_value(raw_id) AS raw_id, any_value(number) AS number,
                   any_value(stated) AS stated, {day_sql("any_value(born_on)")} AS born,
                   {day_sql("any_value(lunar_on)")} AS lunar, TRY_CAST(any_value(sex) AS INTEGER) AS sex
            FROM lk_unsettled GROUP BY profile
        )
        SELECT a.grp, a.raw_id, {DAY} AS born, a.lunar, coalesce(CAST(a.number AS VARCHAR), {digits_sql("a.stated")}) AS digits,
               a.sex, n.name_id, {BEGINS} AS begins
        FROM asked AS a LEFT JOIN lk_name AS n ON n.raw_id = a.raw_id
        """,
    )


def _by_key(steps: Steps) -> None:
    """Table ``lk_met_key`` (person, grp): people who share a rule's key with the description ``grp``."""
    steps.table(
        "lk_like_name",
        f"""
        WITH named AS (
            SELECT n.raw_id, n.near_id, n.given_id, n.bag_id FROM lk_name AS n SEMI JOIN lk_loose AS l ON l.raw_id = n.raw_id
        ),
        alike AS (
            SELECT k.raw_id, n.raw_id AS asked FROM lk_names AS k JOIN named AS n ON n.near_id = k.near_id
            UNION SELECT k.raw_id, n.raw_id FROM lk_names AS k JOIN named AS n ON n.given_id = k.given_id
            UNION SELECT k.raw_id, n.raw_id FROM lk_names AS k JOIN named AS n ON n.bag_id = k.bag_id
            UNION SELECT s.raw_id, o.raw_id FROM lk_spelled AS s JOIN ({blocking.SPELLED}) AS o ON o.spelling_id = s.spelling_id
        ),
        years AS (
            SELECT grp, raw_id, born // 10000 AS year FROM lk_loose WHERE born IS NOT NULL
            UNION SELECT grp, raw_id, lunar // 10000 FROM lk_loose WHERE lunar IS NOT NULL
        )
        SELECT a.raw_id, y.year, y.grp FROM alike AS a JOIN years AS y ON y.raw_id = a.asked
        """,
    )
    steps.table(
        "lk_same_name",
        "SELECT k.raw_id, k.name_id FROM lk_names AS k SEMI JOIN lk_loose AS l ON l.name_id = k.name_id",
    )
    steps.table(
        "lk_held_name",
        """SELECT s.name_id, count(DISTINCT p.person) AS n FROM lk_people AS p
        JOIN lk_same_name AS s ON s.raw_id = p.raw_id GROUP BY s.name_id""",
    )
    steps.table("lk_met_key", _met())


def _met() -> str:
    numbers = " UNION ALL ".join(
        f"""SELECT p.person, a.grp FROM numbered AS p JOIN asked_number AS a
        ON {" AND ".join(f"a.{part} = p.{part}" for part in parts)}"""
        for parts in (("region_birth",), ("birth_sequence",), ("region", "month_sequence"))
    )
    whole = ", ".join(f"{sql} AS {name}" for name, (sql, _, _) in blocking.NUMBER_PARTS.items())
    return f"""
        WITH stated AS (
            SELECT person, raw_id, begins, {DAY} AS day FROM lk_people
            UNION ALL SELECT person, raw_id, begins, lunar FROM lk_people WHERE lunar IS NOT NULL
        ),
        days AS (
            SELECT grp, begins, born AS day FROM lk_loose WHERE born IS NOT NULL
            UNION SELECT grp, begins, lunar FROM lk_loose WHERE lunar IS NOT NULL
            UNION SELECT grp, begins, {swapped_sql("born")} FROM lk_loose WHERE born IS NOT NULL
        ),
        months AS (
            SELECT s.raw_id, l.born % 10000 AS month, l.grp FROM lk_loose AS l JOIN lk_same_name AS s ON s.name_id = l.name_id
            WHERE l.born IS NOT NULL
        ),
        asked_number AS (SELECT v.grp, {blocking.DIGITS} FROM lk_loose AS v WHERE v.digits IS NOT NULL),
        mistaken AS (
            SELECT person, {digits_sql("stated")} AS digits FROM lk_people WHERE stated IS NOT NULL AND number IS NULL
        ),
        numbered AS (
            SELECT v.person, {whole} FROM lk_people AS v WHERE v.number IS NOT NULL
            UNION ALL SELECT v.person, {blocking.DIGITS} FROM mistaken AS v
        )
        SELECT p.person, k.grp FROM stated AS p JOIN lk_like_name AS k ON k.raw_id = p.raw_id AND k.year = p.day // 10000
        UNION ALL SELECT p.person, k.grp FROM stated AS p JOIN days AS k ON k.day = p.day AND k.begins = p.begins
        UNION ALL SELECT p.person, k.grp FROM stated AS p JOIN months AS k ON k.raw_id = p.raw_id AND k.month = p.day % 10000
        UNION ALL {numbers}
    """


def _by_value(steps: Steps, parameters: Parameters) -> None:
    """Tables ``lk_value`` (kind, value, person: who states what an unsettled record states) and ``lk_common``."""
    kind_of = {column: kind for kind, columns in KINDS.items() for column in columns}
    stated = " UNION ALL ".join(
        f"""SELECT DISTINCT '{kind_of[c]}' AS kind, a.{c} AS value, a.person FROM lk_around AS a
        SEMI JOIN (SELECT {c} FROM lk_unsettled WHERE {c} IS NOT NULL) AS u ON u.{c} = a.{c}"""
        for c in MEETING
    )
    steps.table("lk_value", stated)
    many = " OR ".join(f"kind = '{kind}' AND n > {most_own(kind, parameters)}" for kind in KINDS)
    steps.table(
        "lk_common",
        f"""
        WITH counted AS (
            SELECT kind, value, count(*) AS n FROM lk_value GROUP BY kind, value
            UNION ALL
            SELECT 'employer', a.employer, count(DISTINCT a.person) FROM lk_around AS a
            SEMI JOIN (SELECT employer FROM lk_unsettled WHERE employer IS NOT NULL) AS u ON u.employer = a.employer
            GROUP BY a.employer
        )
        SELECT kind, value, n FROM counted WHERE {many}
        """,
    )


def _described(steps: Steps) -> None:
    """Tables ``lk_wanted`` (person, root: people looked at, and who they are now), ``lk_row`` and ``lk_name_known``."""
    steps.table("lk_met_pair", _pairs())
    steps.table(
        "lk_wanted",
        """
        WITH asked AS (SELECT person FROM lk_met_pair UNION SELECT person FROM lk_asked_person),
        roots AS (
            SELECT DISTINCT coalesce(a.root, m.person) AS root FROM asked AS m LEFT JOIN lk_alias AS a ON a.person = m.person
        )
        SELECT root AS person, root FROM roots
        UNION ALL SELECT a.person, a.root FROM lk_alias AS a SEMI JOIN roots AS r ON r.root = a.root
        """,
    )
    steps.table(
        "lk_row",
        """SELECT p.* EXCLUDE (person), w.root AS person FROM lk_people AS p JOIN lk_wanted AS w ON w.person = p.person""",
    )
    steps.table("lk_name_known", "SELECT k.* FROM lk_names AS k SEMI JOIN lk_row AS r ON r.raw_id = k.raw_id")


def _pairs() -> str:
    """Query (person, grp, and for each kind whether they share a value that few state)."""
    shares = ", ".join(f"bool_or(kind = '{kind}') AS {kind}" for kind in WORTH)
    kind_of = {column: kind for kind, columns in KINDS.items() for column in columns}
    asked = " UNION ALL ".join(
        f"SELECT DISTINCT '{kind_of[c]}' AS kind, {c} AS value, profile AS grp FROM lk_unsettled WHERE {c} IS NOT NULL"
        for c in MEETING
    )
    return f"""
        WITH few AS (
            SELECT v.kind, v.value, v.person FROM lk_value AS v
            ANTI JOIN (SELECT value FROM lk_common WHERE n > {MOST_SHARED}) AS c ON c.value = v.value
        ),
        met AS (
            SELECT person, grp, '' AS kind FROM lk_met_key
            UNION ALL SELECT f.person, a.grp, f.kind FROM few AS f JOIN ({asked}) AS a ON a.value = f.value AND a.kind = f.kind
        )
        SELECT person, grp, {shares} FROM met GROUP BY person, grp
    """


def _may_be(parameters: Parameters) -> str:
    """Query (person): people whom their asked description could be by what is quickly compared, and namesakes with a
    phone, a room or a relative of it."""
    best = parameters.best
    near = " + ".join(
        f"CASE WHEN k.{kind} THEN {best(said, 'same')} ELSE 0 END" for kind, said in WORTH.items()
    )
    shares = " OR ".join(f"k.{kind}" for kind in WORTH)
    weight = f"{blocking.bound_sql(parameters)} + {near} + {best('place', 'house')}"
    return f"""
        WITH met AS (
            SELECT w.root AS person, k.grp, {", ".join(f"bool_or(k.{kind}) AS {kind}" for kind in WORTH)}
            FROM lk_met_pair AS k JOIN lk_wanted AS w ON w.person = k.person GROUP BY 1, 2
        ),
        described AS (
            SELECT person, raw_id, {DAY} AS born, lunar, sex, coalesce(CAST(number AS VARCHAR), {digits_sql("stated")}) AS digits
            FROM lk_row
        )
        SELECT DISTINCT r.person FROM met AS k JOIN described AS r ON r.person = k.person JOIN lk_loose AS l ON l.grp = k.grp
        LEFT JOIN lk_name AS n ON n.raw_id = l.raw_id LEFT JOIN lk_name_known AS m ON m.raw_id = r.raw_id
        WHERE {weight} >= {parameters.ask_from} OR (({shares}) AND n.name_id = m.name_id)
    """
