"""How good a linkage is, against the truth of an invented city: precision, recall and F1 over pairs of records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anju.exchange.linkage import state
from anju.exchange.linkage.steps import LinkEngine


@dataclass(frozen=True, slots=True)
class Quality:
    """Pairs that are one person (``true``), that were joined (``linked``), and both (``right``)."""

    true: int
    linked: int
    right: int

    @property
    def precision(self) -> float:
        """Share of joined pairs that are one person; 1 when nothing was joined."""
        return self.right / self.linked if self.linked else 1.0

    @property
    def recall(self) -> float:
        """Share of pairs of one person that were joined; 1 when there were none."""
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def told(self) -> dict[str, float | int]:
        """Plain values for JSON."""
        return {
            "precision": round(self.precision, 6),
            "recall": round(self.recall, 6),
            "f1": round(self.f1, 6),
            "pairs_true": self.true,
            "pairs_linked": self.linked,
            "pairs_right": self.right,
        }


def compare(engine: LinkEngine, run: Path, truth: Path) -> dict[str, Quality]:
    """Quality of the folder of a ``run`` over all pairs and over pairs with a record that states no valid number.

    Grain: ``truth/records.parquet`` one row per record sent (dataset, record_key, person_id, has_number); records held
    in quarantine are not linked and not counted. Units: pairs. Unknown: rows about no person are left out.
    """
    engine.scan("lk_truth", [truth / "records.parquet"])
    state.scan_assignment(engine, "lk_result", state.parts(run, "assignment"))
    engine.run(
        """CREATE OR REPLACE TABLE lk_judged AS
        WITH known AS (
            SELECT CAST(concat('0x', substring(md5(concat(dataset, '|', record_key)), 1, 16)) AS UBIGINT) AS record_id,
                   max(person_id) AS person_id, bool_or(has_number) AS has_number
            FROM lk_truth WHERE person_id IS NOT NULL GROUP BY 1
        )
        SELECT k.person_id, a.person_code, count(*) AS n, count(*) FILTER (WHERE k.has_number) AS numbered
        FROM known AS k JOIN lk_result AS a ON a.record_id = k.record_id GROUP BY 1, 2"""
    )
    return {"all": _quality(engine, "n"), "without_number": _quality(engine, "n", "numbered")}


def _quality(engine: LinkEngine, n: str, less: str = "0") -> Quality:
    def pairs(by: str) -> int:
        query = f"""SELECT coalesce(sum(a * (a - 1) / 2 - b * (b - 1) / 2), 0) FROM (
            SELECT CAST(sum({n}) AS DOUBLE) AS a, CAST(sum({less}) AS DOUBLE) AS b FROM lk_judged GROUP BY {by}) AS g"""
        found: float = engine.rows(query)[0][0]
        return round(found)

    return Quality(
        true=pairs("person_id"), linked=pairs("person_code"), right=pairs("person_id, person_code")
    )
