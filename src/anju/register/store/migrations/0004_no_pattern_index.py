"""Codes have byte order already: the second index that Django makes for LIKE is never used."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("register", "0003_list_orders")]
    operations = [
        migrations.RunSQL(
            "DROP INDEX IF EXISTS register_person_code_6b4cd8da_like", migrations.RunSQL.noop
        ),
    ]
