"""A held row that came again and is faulty still is followed in the later batch."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exchange", "0005_doors_more")]

    operations = [
        migrations.RemoveConstraint(model_name="heldrow", name="held_state"),
        migrations.AlterField(
            model_name="heldrow",
            name="state",
            field=models.CharField(default="open", help_text="open fixed again waived", max_length=8),
        ),
        migrations.AddConstraint(
            model_name="heldrow",
            constraint=models.CheckConstraint(
                condition=models.Q(state__in=["open", "fixed", "again", "waived"]), name="held_state"
            ),
        ),
    ]
