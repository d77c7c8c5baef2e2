"""A parent agrees for a child: which children the register knows of the one who is logged in, and when each was born.

A resident sees their own rows alone; of their children this much: what a parent knows anyhow.
"""

from django.db import migrations

CHILDREN = """
CREATE FUNCTION register_my_children() RETURNS TABLE (code text, name text, born_on date, region text) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT DISTINCT i.person_code::text, i.name::text, i.born_on, i.region::text
    FROM register_kin k JOIN register_identity i ON i.person_code = k.relative_code AND i.known_to IS NULL
    WHERE k.person_code = NULLIF(current_setting('anju.person', true), '') AND k.known_to IS NULL
        AND k.relation BETWEEN '20' AND '39'
$$
"""


class Migration(migrations.Migration):
    dependencies = [("register", "0013_place_of_a_person")]
    operations = [migrations.RunSQL(CHILDREN, "DROP FUNCTION register_my_children()")]
