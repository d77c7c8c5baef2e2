"""An auditor of one place sees what offices of that place did. Who works for everywhere, or for themselves alone, is
audited by those who audit everywhere."""

from django.db import migrations

AUDIT = """
DROP POLICY anju_audit ON trust_logentry;
CREATE POLICY anju_audit ON trust_logentry FOR SELECT TO anju_web USING (
    (SELECT current_setting('anju.audit', true)) = 'yes'
    AND ((region IN ('', '*') AND (SELECT current_setting('anju.whole', true)) = 'yes')
         OR (region COLLATE "C" >= (SELECT NULLIF(current_setting('anju.region_from', true), ''))
             AND region COLLATE "C" < (SELECT NULLIF(current_setting('anju.region_to', true), '')))));
"""
BEFORE = """
DROP POLICY anju_audit ON trust_logentry;
CREATE POLICY anju_audit ON trust_logentry FOR SELECT TO anju_web USING (
    (SELECT current_setting('anju.audit', true)) = 'yes'
    AND (region IN ('', '*')
         OR (region COLLATE "C" >= (SELECT NULLIF(current_setting('anju.region_from', true), ''))
             AND region COLLATE "C" < (SELECT NULLIF(current_setting('anju.region_to', true), '')))));
"""


class Migration(migrations.Migration):
    dependencies = [("trust", "0009_erased_names")]
    operations = [migrations.RunSQL(AUDIT, BEFORE)]
