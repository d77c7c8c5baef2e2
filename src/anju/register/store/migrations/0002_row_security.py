"""Row security on every table about people or places: the web's role sees the rows of its places only."""

from django.db import migrations

from anju.trust.store.rows import row_security

OF_PEOPLE = (
    "identity dossier stay job contribution enrolment kin permit taxyear skill landright aid healthfile "
    "discrepancy counterentry settlement"
).split()


# A guard must know where a person lives before it can open any row: the division, and nothing else.
REGION_OF = """
CREATE FUNCTION register_region_of(wanted text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT region FROM register_identity WHERE person_code = wanted AND known_to IS NULL LIMIT 1
$$
"""


class Migration(migrations.Migration):
    dependencies = [("register", "0001_initial"), ("trust", "0003_row_security")]
    operations = [
        *(row_security(f"register_{name}", person="person_code") for name in OF_PEOPLE),
        migrations.RunSQL(REGION_OF, "DROP FUNCTION register_region_of(text)"),
    ]
