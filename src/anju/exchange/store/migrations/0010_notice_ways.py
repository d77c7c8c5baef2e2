"""A department may have several contacts, by mail or webhook: how a notice went is kept for each of them."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q

STATES = ["waiting", "sending", "sent", "uncertain", "failed"]


def carry(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Contacts as they are; what was begun of a notice becomes its delivery, what was not is addressed by the next round."""
    old, contact, notice, delivery = (
        apps.get_model("exchange", name) for name in ("OldContact", "Contact", "Notice", "Delivery")
    )
    kept = {c.department: c for c in old.objects.all()}
    contact.objects.bulk_create(
        contact(department=c.department, address=c.address, language=c.language, set_at=c.set_at, set_by=c.set_by)
        for c in kept.values()
    )  # fmt: skip
    begun = notice.objects.filter(tries__gt=0).exclude(address="")
    delivery.objects.bulk_create(
        delivery(
            notice_id=n.pk, way="mail", address=n.address, state=n.state, tries=n.tries, next_try_at=n.next_try_at,
            tried_at=n.tried_at, trouble=n.trouble, language=kept[n.department].language if n.department in kept else "zh",
        )
        for n in begun.iterator()
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0009_notices"),
    ]

    operations = [
        migrations.RenameModel("Contact", "OldContact"),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("department", models.CharField(max_length=20)),
                ("way", models.CharField(default="mail", max_length=10)),
                ("address", models.CharField(max_length=500)),
                ("language", models.CharField(default="zh", max_length=2)),
                ("set_at", models.DateTimeField()),
                ("set_by", models.CharField(max_length=60)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("department", "address"), name="contact_once"),
                    models.CheckConstraint(condition=Q(("way__in", ["mail", "webhook"])), name="contact_way"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=models.deletion.CASCADE, related_name="deliveries", to="exchange.notice"
                    ),
                ),
                ("way", models.CharField(max_length=10)),
                ("address", models.CharField(max_length=500)),
                ("language", models.CharField(default="zh", max_length=2)),
                ("state", models.CharField(default="waiting", max_length=10)),
                ("tries", models.SmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField()),
                ("tried_at", models.DateTimeField(null=True)),
                (
                    "trouble",
                    models.CharField(
                        blank=True, help_text="the kind of error, never its text", max_length=40
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=Q(("state", "waiting")), fields=["next_try_at", "id"], name="delivery_next"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("notice", "address"), name="delivery_once"),
                    models.CheckConstraint(condition=Q(("state__in", STATES)), name="delivery_state"),
                ],
            },
        ),
        migrations.RunPython(carry),
        migrations.DeleteModel("OldContact"),
        migrations.RemoveConstraint("notice", "notice_state"),
        migrations.RemoveIndex("notice", "notice_next"),
        *(
            migrations.RemoveField("notice", name)
            for name in ("state", "address", "tries", "next_try_at", "tried_at", "trouble")
        ),
    ]  # fmt: skip
