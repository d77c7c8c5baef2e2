"""The counter: what an entry wrote, columns and indexes of the live check, and who may take a person in."""

import django.db.models.functions.text
from django.db import migrations, models

# Somebody who knows a person's number and name may be told that they are here already, and where: nothing else.
KNOWN_ELSEWHERE = """
CREATE FUNCTION register_known_elsewhere(numbers bytea[], key text)
RETURNS TABLE (person_code text, region text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT i.person_code, i.region FROM register_identity i
    WHERE i.citizen_no_index = ANY(numbers) AND i.name_key = key AND i.known_to IS NULL
    ORDER BY i.person_code LIMIT 1
$$
"""

# A person's rows lie where the person lives. They follow whoever moves: out of a place by one who works there, into a
# place by one who works there and knows number and name.
TAKE_IN = """
CREATE FUNCTION register_take_in(wanted text, destination text, numbers bytea[], key text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    here text COLLATE "C";
    first text COLLATE "C" := NULLIF(current_setting('anju.region_from', true), '');
    past text COLLATE "C" := NULLIF(current_setting('anju.region_to', true), '');
    told boolean;
    held text;
BEGIN
    SELECT i.region, i.citizen_no_index = ANY(numbers) AND i.name_key = key INTO here, told
    FROM register_identity i WHERE i.person_code = wanted AND i.known_to IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF current_setting('role') = 'anju_web' AND NOT coalesce(
        (here >= first AND here < past) OR current_setting('anju.whole', true) = 'yes'
        OR (destination COLLATE "C" >= first AND destination COLLATE "C" < past AND told), false) THEN
        RETURN false;
    END IF;
    FOREACH held IN ARRAY string_to_array('identity dossier stay job contribution enrolment kin permit taxyear skill '
        'landright aid healthfile discrepancy counterentry settlement', ' ') LOOP
        EXECUTE format('UPDATE register_%s SET region = $1 WHERE person_code = $2 AND region IS DISTINCT FROM $1', held)
        USING destination, wanted;
    END LOOP;
    RETURN true;
END $$
"""


def text(length: int, **options: object) -> models.CharField:
    return models.CharField(blank=True, db_collation="C", default="", max_length=length, **options)


NOW = models.Q(("known_to__isnull", True))


class Migration(migrations.Migration):
    dependencies = [("register", "0005_cases")]
    operations = [
        migrations.AddField("counterentry", "what", text(10, help_text="person, stay, leave or job")),
        migrations.AddField(
            "counterentry",
            "wrote",
            models.JSONField(
                default=dict, help_text="rows opened and closed by the entry: table -> ids, to undo it"
            ),
        ),
        migrations.RemoveIndex("identity", "identity_given_name"),
        migrations.AddField(
            "identity",
            "given_key",
            models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Substr("name_key", 2),
                help_text="a column, for row security keeps an index on an expression from being used",
                output_field=text(80),
            ),
        ),
        migrations.AddIndex(
            "identity",
            models.Index(
                fields=["given_key", "person_code", "region"], name="identity_given", condition=NOW
            ),
        ),
        migrations.AddIndex(
            "identity", models.Index(fields=["born_on", "name_key"], name="identity_birthday", condition=NOW)
        ),
        migrations.RunSQL(KNOWN_ELSEWHERE, "DROP FUNCTION register_known_elsewhere(bytea[], text)"),
        migrations.RunSQL(TAKE_IN, "DROP FUNCTION register_take_in(text, text, bytea[], text)"),
    ]
