"""What a guard asks about a person before any row is open to it: where they live now, and whether they are to be left alone.

Follows a code that was merged into another. Answers for people in sight alone: the place of others is nobody's business.
A restriction holds wherever the person has moved since, and under whichever of their codes it was ordered.
"""

from django.db import migrations

PLACE_OF = """
CREATE FUNCTION register_place_of(wanted text, OUT region text, OUT is_restricted boolean) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today text := wanted;
    further text;
BEGIN
    FOR step IN 1..100 LOOP
        SELECT p.merged_into INTO further FROM register_person p WHERE p.code = today;
        IF NOT FOUND THEN RETURN; END IF;
        EXIT WHEN further IS NULL;
        today := further;
    END LOOP;
    SELECT i.region INTO region FROM register_identity i WHERE i.person_code = today AND i.known_to IS NULL LIMIT 1;
    IF current_setting('anju.whole', true) IS DISTINCT FROM 'yes' AND NOT coalesce(
        region >= NULLIF(current_setting('anju.region_from', true), '') COLLATE "C"
        AND region < NULLIF(current_setting('anju.region_to', true), '') COLLATE "C", FALSE)
    THEN
        region := NULL;
        RETURN;
    END IF;
    is_restricted := EXISTS (
        WITH RECURSIVE known AS (
            SELECT today COLLATE "C" AS code UNION SELECT p.code FROM register_person p JOIN known k ON p.merged_into = k.code
        )
        SELECT FROM trust_restriction r WHERE r.lifted_at IS NULL AND r.person_code IN (SELECT code COLLATE "default" FROM known)
    );
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("register", "0012_dwellings_in_sight"), ("trust", "0006_erasure")]
    operations = [migrations.RunSQL(PLACE_OF, "DROP FUNCTION register_place_of(text)")]
