"""Row security on dwellings, which name their landlord: those of one's places, and where somebody in sight has lived."""

from django.db import migrations

from anju.trust.store.rows import row_security

# Asked as the one who looks, so that stays out of sight say nothing. In PL/pgSQL, which the planner leaves as it is: a
# plain condition it would turn into a table of all stays, made for one row.
IN_SIGHT = """
CREATE FUNCTION register_lived_in_by_somebody_in_sight(wanted text) RETURNS boolean LANGUAGE plpgsql STABLE COST 10000
SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM register_stay WHERE dwelling_code = wanted);
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("register", "0011_case_lists"), ("trust", "0003_row_security")]
    operations = [
        migrations.RunSQL(IN_SIGHT, "DROP FUNCTION register_lived_in_by_somebody_in_sight(text)"),
        row_security("register_dwelling", beyond="register_lived_in_by_somebody_in_sight(dwelling_code)"),
    ]
