"""What a run ends and what it begins meet at one moment, the transaction's; what was entered here is found at once."""

import django.contrib.postgres.functions
from django.db import migrations, models

OF_PEOPLE = (
    "identity dossier stay job contribution enrolment kin permit taxyear skill landright aid healthfile discrepancy"
).split()


class Migration(migrations.Migration):
    dependencies = [("register", "0009_sources_of_any_length")]
    operations = [
        *(
            migrations.AlterField(
                model_name=name,
                name="known_from",
                field=models.DateTimeField(db_default=django.contrib.postgres.functions.TransactionNow()),
            )
            for name in (*OF_PEOPLE, "dwelling", "employer", "school")
        ),
        *(
            migrations.RunSQL(
                f"CREATE INDEX {name}_live ON register_{name} (person_code) WHERE is_live",
                f"DROP INDEX {name}_live",
            )
            for name in OF_PEOPLE
        ),
    ]
