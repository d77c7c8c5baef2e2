"""People who are erased leave the followers' copies too; requests are counted per account and minute."""

from django.db import migrations, models

GONE = """
CREATE FUNCTION exchange_note_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO exchange_pendingchange (kind, source, row_id, person_code, region, at)
    VALUES ('left', 'person', 0, OLD.person_code, OLD.region, now());
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER exchange_gone AFTER DELETE ON register_identity FOR EACH ROW
WHEN (OLD.known_to IS NULL) EXECUTE FUNCTION exchange_note_gone()
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0004_feed")]
    operations = [
        migrations.RunSQL(GONE, "DROP FUNCTION exchange_note_gone()"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER exchange_gone ON register_identity"),
        migrations.CreateModel(
            name="RequestCount",
            fields=[
                ("account", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("minute", models.BigIntegerField()),
                ("count", models.IntegerField()),
            ],
        ),
        # Nothing is lost when a crash empties it, and counting needs no waiting for the disk.
        migrations.RunSQL("ALTER TABLE exchange_requestcount SET UNLOGGED", migrations.RunSQL.noop),
    ]
