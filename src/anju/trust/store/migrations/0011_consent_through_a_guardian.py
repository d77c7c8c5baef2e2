"""A guardian sees, gives and takes back the consents given for a child."""

from django.db import migrations

from anju.trust.store.rows import row_security

GUARDIAN = "(guardian_code <> '' AND guardian_code = (SELECT NULLIF(current_setting('anju.person', true), '')))"
AWAY = "DROP POLICY anju_place ON trust_consent; ALTER TABLE trust_consent DISABLE ROW LEVEL SECURITY;"


class Migration(migrations.Migration):
    dependencies = [("trust", "0010_audit_within_ones_places")]
    operations = [
        migrations.RunSQL(AWAY, migrations.RunSQL.noop),
        row_security("trust_consent", person="person_code", beyond=GUARDIAN),
    ]
