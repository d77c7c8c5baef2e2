"""Followers are told of contradictions, of who states what, and of schools too."""

from importlib import import_module

from django.db import migrations

feed = import_module("anju.exchange.store.migrations.0004_feed")
MORE = {"discrepancy": "discrepancy", "dossier": "dossier"}
PLACES = {"school": "school"}


def _upto(tables):
    return " UNION ALL ".join(
        f"SELECT '{source}' AS source, coalesce(max(id), 0) AS upto FROM register_{table}"
        for source, table in tables.items()
    )


def sequence(tables):
    """The function that gives changes their place, noting the highest row of each of the tables."""
    return feed.SEQUENCE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(
        "{upto}", _upto(tables)
    )


def triggers():
    """Rows that end; a dossier is written between two runs too."""
    for source, table in (MORE | PLACES).items():
        of = "person" if source in MORE else "place"
        yield (
            f"CREATE TRIGGER exchange_end AFTER UPDATE OF known_to ON register_{table} FOR EACH ROW "
            "WHEN (OLD.known_to IS NULL AND NEW.known_to IS NOT NULL) "
            f"EXECUTE FUNCTION exchange_note_change('{source}', 'end', '{of}')",
            f"DROP TRIGGER exchange_end ON register_{table}",
        )
    yield (
        "CREATE TRIGGER exchange_put AFTER INSERT ON register_dossier FOR EACH ROW "
        "WHEN (NEW.is_live) EXECUTE FUNCTION exchange_note_change('dossier', 'put', 'person')",
        "DROP TRIGGER exchange_put ON register_dossier",
    )


BEFORE = feed.OF_PEOPLE | feed.OF_PLACES


class Migration(migrations.Migration):
    dependencies = [("exchange", "0006_held_again"), ("register", "0011_case_lists")]
    operations = [
        migrations.RunSQL(sequence(BEFORE | MORE | PLACES), sequence(BEFORE)),
        *(migrations.RunSQL(make, drop) for make, drop in triggers()),
    ]
