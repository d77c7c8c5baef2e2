"""A load numbers millions of rows: each connection takes numbers by the thousand instead of asking for every one."""

from django.db import migrations

LOADED = (
    "identity dossier stay job contribution enrolment kin permit taxyear skill landright aid healthfile "
    "discrepancy dwelling employer school"
).split()


class Migration(migrations.Migration):
    dependencies = [("register", "0006_counter")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE register_{name} ALTER COLUMN id SET CACHE 1000",
            f"ALTER TABLE register_{name} ALTER COLUMN id SET CACHE 1",
        )
        for name in LOADED
    ]
