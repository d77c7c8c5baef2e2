from django.db import migrations


class Migration(migrations.Migration):
    """Waiting entries are written once, read once and deleted: compressing them is the dearest part of a batch."""

    dependencies = [("trust", "0006_erasure")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE trust_logpending ALTER COLUMN lines SET STORAGE EXTERNAL",
            "ALTER TABLE trust_logpending ALTER COLUMN lines SET STORAGE EXTENDED",
        )
    ]
