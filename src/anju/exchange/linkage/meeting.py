"""Whom of the library an arriving record may be.

People who share a blocking key with it, or a phone, a room or a relative that few state, and whom what is quickly
compared does not rule out. Names are few and people are many: likeness of names is looked up among the library's
names first; then the library shows whoever has one of the keys (``shelves``), and the rules are joined on those alone.
"""

from __future__ import annotations

from anju.exchange.linkage import blocking, certain, shelves
from anju.exchange.linkage.features import digits_sql
from anju.exchange.linkage.names import DAY_CODES, prepare_names
from anju.exchange.linkage.parameters import Parameters, double_sql
from anju.exchange.linkage.profiles import day_sql, swapped_sql
from anju.exchange.linkage.shelves import DAY, Library
from anju.exchange.linkage.steps import Steps
from anju.exchange.linkage.surroundings import KINDS, most_own

MOST_SHARED = 40
"""A phone, room or relative that more people state tells nobody apart."""
MEETING = ("phone", "room", "kin_number", "kin_phone", "household")
WORTH = {"phone": "phone", "room": "place", "kin": "kin"}
"""Kinds of surroundings that bring people together: the comparison that weighs them."""
FREE = "(k.is_free OR NOT p.is_anchor)"
"""SQL: whom a description ``k`` may be among descriptions ``p``."""
KEYED = ("person", "raw_id", "tags", "number", "stated", "born", "lunar", "is_anchor")
"""Columns of ``lk_people`` by which people are met."""
DESCRIBED = (
    "person",
    "raw_id",
    "number",
    "stated",
    "sex",
    "born",
    "lunar",
    "county",
    "n",
    "record",
    "is_anchor",
)
"""Columns of ``lk_people`` by which those who were met are compared."""


def meet(steps: Steps, library: Library, arrived: str, parameters: Parameters) -> None:
    """Table ``lk_met_person`` (person): whom the records of ``lk_unsettled`` may be; ``lk_row``: the library's
    descriptions of everyone looked at; ``lk_names``: their names; ``lk_common``: values that many share.

    Reads ``lk_spelled``, ``lk_counts``, ``lk_alias`` and ``lk_asked_person`` (person: people to be looked at whatever they
    share), and what the ``library`` shows.
    """
    _ask(steps, arrived, parameters)
    _by_value(steps, library, parameters)
    certain.search(steps, library, parameters)
    _by_key(steps, library)
    _described(steps, library)
    steps.table("lk_met_person", _may_be(parameters))
    steps.drop(
        "lk_search",
        "lk_certain",
        "lk_namesake",
        "lk_sought",
        "lk_asked_day",
        "lk_alike",
        "lk_day",
        "lk_like_name",
        "lk_same_name",
        "lk_met_key",
        "lk_value",
        "lk_beside",
        "lk_met_pair",
    )


def _ask(steps: Steps, arrived: str, parameters: Parameters) -> None:
    """Table ``lk_name`` (names that arrived) and ``lk_loose`` (one row per description that arrived)."""
    unsettled = f'SELECT DISTINCT m."person.name" AS raw FROM {arrived} AS m SEMI JOIN lk_unsettled AS u ON u.record_id = m.record_id'
    prepare_names(steps, unsettled, parameters)
    steps.table(
        "lk_loose",
        f"""
        WITH asked AS (
            SELECT profile AS grp, any_value(raw_id) AS raw_id, any_value(number) AS number,
                   any_value(stated) AS stated, any_value(county) AS county, {day_sql("any_value(born_on)")} AS born,
                   {day_sql("any_value(lunar_on)")} AS lunar, any_value(sex) AS sex
            FROM lk_unsettled GROUP BY profile
        )
        SELECT a.grp, a.raw_id, {DAY} AS born, a.lunar, coalesce(CAST(a.number AS VARCHAR), {digits_sql("a.stated")}) AS digits,
               a.sex, a.county, a.number, n.name_id, n.tags
        FROM asked AS a LEFT JOIN lk_name AS n ON n.raw_id = a.raw_id
        """,
    )


def _by_key(steps: Steps, library: Library) -> None:
    """Table ``lk_met_key`` (person, grp): people who share a rule's key with the description ``grp``."""
    steps.table(
        "lk_asked_day",
        f"""SELECT grp, is_free, tags, born AS day FROM lk_sought WHERE born IS NOT NULL
            UNION SELECT grp, is_free, tags, lunar FROM lk_sought WHERE lunar IS NOT NULL
            UNION SELECT grp, is_free, tags, {swapped_sql("born")} FROM lk_sought WHERE born IS NOT NULL""",
    )
    steps.table(
        "lk_like_name",
        f"""
        WITH alike AS (
            SELECT s.raw_id, o.raw_id AS asked FROM lk_spelled AS s JOIN ({blocking.SPELLED}) AS o ON o.spelling_id = s.spelling_id
        ),
        years AS (
            SELECT grp, is_free, raw_id, born // 10000 AS year FROM lk_sought WHERE born IS NOT NULL
            UNION SELECT grp, is_free, raw_id, lunar // 10000 FROM lk_sought WHERE lunar IS NOT NULL
        )
        SELECT DISTINCT a.raw_id, y.year, y.grp, y.is_free FROM alike AS a JOIN years AS y ON y.raw_id = a.asked
        """,
    )
    library.show(shelves.PEOPLE, _keys(), KEYED)
    steps.table(
        "lk_alike",
        f"""
        WITH wanted AS (SELECT raw_id FROM lk_like_name UNION SELECT raw_id FROM lk_same_name),
        met AS (SELECT p.person, p.raw_id, p.is_anchor, p.born, p.number, p.lunar FROM lk_people AS p
                SEMI JOIN wanted AS w ON w.raw_id = p.raw_id)
        SELECT person, raw_id, is_anchor, {DAY} AS day FROM met
        UNION ALL SELECT person, raw_id, is_anchor, lunar FROM met WHERE lunar IS NOT NULL
        """,
    )
    also = ", ".join(f"{sql} AS {name}" for name, sql in DAY_CODES.items())
    steps.table(
        "lk_day",
        f"""SELECT person, is_anchor, {also} FROM (
            SELECT person, is_anchor, tags, {DAY} AS day FROM lk_people
            UNION ALL SELECT person, is_anchor, tags, lunar FROM lk_people WHERE lunar IS NOT NULL) AS p""",
    )
    steps.table("lk_met_key", _met())


def _keys() -> dict[str, str]:
    """Queries of the keys by which people of the library are looked up, for each rule of its shelf."""
    month = shelves.named_key("s.raw_id", "l.born % 10000")
    codes = {
        name: f"SELECT {shelves.code_key(name, f'({sql})')} FROM lk_asked_day"
        for name, sql in DAY_CODES.items()
    }
    return {
        "named": f"""SELECT {shelves.named_key("raw_id", "year")} FROM lk_like_name
            UNION ALL SELECT {month} FROM lk_sought AS l JOIN lk_same_name AS s ON s.name_id = l.name_id""",
        **codes,
        "part": " UNION ALL ".join(f"SELECT {key} FROM lk_sought" for key in shelves.number_keys("digits")),
    }


def _met() -> str:
    numbers = " UNION ALL ".join(
        f"""SELECT p.person, a.grp FROM numbered AS p JOIN asked_number AS a
        ON {" AND ".join(f"a.{part} = p.{part}" for part in parts)}"""
        for parts in (
            ("region_birth",),
            ("birth_sequence",),
            ("region", "month_sequence"),
        )  # as shelves.number_keys
    )
    coded = " UNION ALL ".join(
        f"""SELECT p.person, k.grp FROM lk_day AS p JOIN (SELECT DISTINCT grp, is_free, {sql} AS code FROM lk_asked_day) AS k
        ON k.code = p.{name} WHERE {FREE}"""
        for name, sql in DAY_CODES.items()
    )
    whole = ", ".join(f"{sql} AS {name}" for name, (sql, _, _) in blocking.NUMBER_PARTS.items())
    return f"""
        WITH months AS (
            SELECT s.raw_id, l.born % 10000 AS month, l.grp, l.is_free FROM lk_sought AS l JOIN lk_same_name AS s ON s.name_id = l.name_id
            WHERE l.born IS NOT NULL
        ),
        asked_number AS (SELECT v.grp, {blocking.DIGITS} FROM lk_sought AS v WHERE v.digits IS NOT NULL),
        mistaken AS (
            SELECT person, {digits_sql("stated")} AS digits FROM lk_people WHERE stated IS NOT NULL AND number IS NULL
        ),
        numbered AS (
            SELECT v.person, {whole} FROM lk_people AS v WHERE v.number IS NOT NULL
            UNION ALL SELECT v.person, {blocking.DIGITS} FROM mistaken AS v
        )
        SELECT p.person, k.grp FROM lk_alike AS p JOIN lk_like_name AS k ON k.raw_id = p.raw_id AND k.year = p.day // 10000 WHERE {FREE}
        UNION ALL SELECT p.person, k.grp FROM lk_alike AS p JOIN months AS k ON k.raw_id = p.raw_id AND k.month = p.day % 10000 WHERE {FREE}
        UNION ALL {coded} UNION ALL {numbers}
        UNION ALL SELECT n.person, n.grp FROM lk_namesake AS n SEMI JOIN lk_certain AS c ON c.grp = n.grp
    """


def _by_value(steps: Steps, library: Library, parameters: Parameters) -> None:
    """Tables ``lk_value`` (kind, value, person: who states what an unsettled record states), ``lk_common`` and ``lk_beside``
    (person, grp, kind, is_own: people who state a value that a description's records state, and few do)."""
    values = {c: f"SELECT {c} FROM lk_unsettled WHERE {c} IS NOT NULL" for c in MEETING}
    library.show(shelves.AROUND, values, ("person", *MEETING))
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
            SELECT 'employer', c.value, sum(c.n) FROM lk_counts AS c
            SEMI JOIN (SELECT employer FROM lk_unsettled WHERE employer IS NOT NULL) AS u ON u.employer = c.value
            WHERE c.kind = 'employer' GROUP BY c.value
        )
        SELECT kind, value, n FROM counted WHERE {many}
        """,
    )
    asked = " UNION ALL ".join(
        f"SELECT DISTINCT '{kind_of[c]}' AS kind, {c} AS value, profile AS grp FROM lk_unsettled WHERE {c} IS NOT NULL"
        for c in MEETING
    )
    steps.table(
        "lk_beside",
        f"""
        WITH few AS (
            SELECT v.kind, v.value, v.person, c.value IS NULL AS is_own FROM lk_value AS v
            LEFT JOIN lk_common AS c ON c.value = v.value WHERE coalesce(c.n, 0) <= {MOST_SHARED}
        )
        SELECT f.person, a.grp, f.kind, f.is_own FROM few AS f JOIN ({asked}) AS a ON a.value = f.value AND a.kind = f.kind
        """,
    )


def _described(steps: Steps, library: Library) -> None:
    """Tables ``lk_wanted`` (person, root: people looked at, and who they are now) and ``lk_row``; ``lk_names`` of them."""
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
    library.show(shelves.PEOPLE, {"person": "SELECT person FROM lk_wanted"}, DESCRIBED)
    steps.table(
        "lk_row",
        f"""SELECT {", ".join(f"p.{c}" for c in DESCRIBED[1:])}, w.root AS person FROM lk_people AS p
        JOIN lk_wanted AS w ON w.person = p.person""",
    )
    library.show(shelves.NAMES, {"raw": "SELECT raw_id FROM lk_row UNION ALL SELECT raw_id FROM lk_name"})


def _pairs() -> str:
    """Query (person, grp, and for each kind whether they share a value that few state), of certain descriptions without
    whoever has neither their own phone nor their name and birthday."""
    shares = ", ".join(f"bool_or(kind = '{kind}') AS {kind}" for kind in WORTH)
    return f"""
        WITH met AS (
            SELECT person, grp, '' AS kind, FALSE AS is_own FROM lk_met_key
            UNION ALL SELECT person, grp, kind, is_own FROM lk_beside
        ),
        pairs AS (
            SELECT person, grp, {shares}, bool_or(kind = 'phone' AND is_own) AS own_phone, bool_or(kind = '') AS is_keyed
            FROM met GROUP BY person, grp
        )
        SELECT p.* EXCLUDE (is_keyed) FROM pairs AS p LEFT JOIN lk_certain AS c ON c.grp = p.grp
        WHERE c.grp IS NULL OR p.is_keyed OR p.own_phone
           OR p.person IN (SELECT person FROM lk_alias UNION SELECT root FROM lk_alias)
    """


def _may_be(parameters: Parameters) -> str:
    """Query (person): people whom their asked description could be by what is quickly compared, and namesakes with a
    phone, a room or a relative of it. Of one that a certain key will join to a numbered person only namesakes matter."""
    best = blocking.best_sql(parameters)
    near = " + ".join(
        f"CASE WHEN k.{kind} THEN {best(said, 'same')} ELSE 0 END" for kind, said in WORTH.items()
    )
    shares = " OR ".join(f"k.{kind}" for kind in WORTH)
    *terms, number = blocking.bound_terms(parameters, certain.rare_sql(parameters))
    rest = " + ".join((*terms, near, best("place", "house")))
    most, least = (
        best("number", "same", "one_digit", "turned", "two_digits"),
        double_sql(min(0.0, parameters.weight("number", "other"))),
    )
    enough = double_sql(parameters.ask_from)
    keyed = """is_unnumbered AND name_alike AND is_anchor AND (own_phone AND coalesce(born_l = born_r, TRUE)
        OR born_l = born_r AND sex_l = sex_r AND county_l = county_r)"""
    return f"""
        WITH met AS (
            SELECT w.root AS person, k.grp, {", ".join(f"bool_or(k.{kind}) AS {kind}" for kind in (*WORTH, "own_phone"))}
            FROM lk_met_pair AS k JOIN lk_wanted AS w ON w.person = k.person GROUP BY 1, 2
        ),
        described AS (
            SELECT person, raw_id, number, {DAY} AS born, lunar, sex, county, is_anchor,
                   coalesce(CAST(number AS VARCHAR), {digits_sql("stated")}) AS digits FROM lk_row
        ),
        fits AS (
            SELECT k.person, k.grp, r.is_anchor, k.own_phone, ({shares}) AS is_near, n.name_id = m.name_id AS name_alike,
                   l.number IS NULL AS is_unnumbered, l.born AS born_l, r.born AS born_r, l.sex AS sex_l, r.sex AS sex_r, l.county AS county_l, r.county AS county_r,
                   l.digits AS digits_l, r.digits AS digits_r, {rest} AS rest
            FROM met AS k JOIN described AS r ON r.person = k.person JOIN lk_search AS l ON l.grp = k.grp
                AND (l.is_free OR NOT r.is_anchor OR r.number % 100000000000 = l.number % 100000000000
                     OR r.number // 1000 = l.number // 1000 OR r.number // 100000000000 = l.number // 100000000000)
            LEFT JOIN lk_name AS n ON n.raw_id = l.raw_id LEFT JOIN lk_names AS m ON m.raw_id = r.raw_id
            LEFT JOIN lk_held_name AS h ON h.name_id = l.name_id
        ),
        found AS (
            SELECT * FROM fits WHERE rest + {least} >= {enough} OR is_near AND name_alike
               OR rest + {most} >= {enough} AND rest + {number.replace("l.digits", "digits_l").replace("r.digits", "digits_r")} >= {enough}
        ),
        settled AS (SELECT DISTINCT grp FROM found WHERE {keyed})
        SELECT DISTINCT f.person FROM found AS f LEFT JOIN settled AS s ON s.grp = f.grp
        WHERE s.grp IS NULL OR f.name_alike AND (f.own_phone OR f.born_l = f.born_r)
    """
