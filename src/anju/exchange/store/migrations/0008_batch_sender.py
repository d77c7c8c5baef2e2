"""A sender's own batches are found without reading everybody's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("exchange", "0007_feed_more"),)
    operations = (
        migrations.AddIndex(
            "batch", models.Index(fields=["accepted_by", "-accepted_at", "-id"], name="batch_sender")
        ),
    )
