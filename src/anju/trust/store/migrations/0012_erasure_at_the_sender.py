"""A further ground of erasure: whoever sent the records has erased them."""

from django.db import migrations, models
from django.db.models import Q

GROUNDS = ["term_over", "unlawful", "sender"]


class Migration(migrations.Migration):
    dependencies = [("trust", "0011_consent_through_a_guardian")]
    operations = [
        migrations.RemoveConstraint("erasure", "erasure_ground"),
        migrations.AlterField(
            "erasure", "ground", models.CharField(help_text="term_over unlawful sender", max_length=20)
        ),
        migrations.AddConstraint(
            "erasure", models.CheckConstraint(condition=Q(ground__in=GROUNDS), name="erasure_ground")
        ),
    ]
