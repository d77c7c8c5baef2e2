"""An address may carry any number of official codes: a village without house numbers has hundreds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("register", "0007_numbers_by_the_thousand")]
    operations = [
        migrations.AlterField(
            "dwelling",
            "official_codes",
            models.TextField(
                blank=True,
                default="",
                db_collation="C",
                help_text="; between; a whole village may share one address",
            ),
        )
    ]
