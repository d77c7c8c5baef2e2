"""The web's database role, and row security over the log.

Tables under row security elsewhere depend on this migration: their policies name the role.
"""

from django.db import migrations

ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_web') THEN
        CREATE ROLE anju_web NOLOGIN NOINHERIT NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    IF NOT pg_has_role(current_user, 'anju_web', 'MEMBER') THEN EXECUTE format('GRANT anju_web TO %I', current_user); END IF;
END $$;
"""

LOG = """
ALTER TABLE trust_logpending ALTER COLUMN lines SET STORAGE EXTERNAL;
ALTER TABLE trust_logtile ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE trust_logentry ENABLE ROW LEVEL SECURITY;
CREATE POLICY anju_own ON trust_logentry FOR SELECT TO anju_web USING (
    person_code <> '' AND person_code = (SELECT NULLIF(current_setting('anju.person', true), '')));
CREATE POLICY anju_audit ON trust_logentry FOR SELECT TO anju_web USING (
    (SELECT current_setting('anju.audit', true)) = 'yes'
    AND (region IN ('', '*')
         OR (region COLLATE "C" >= (SELECT NULLIF(current_setting('anju.region_from', true), ''))
             AND region COLLATE "C" < (SELECT NULLIF(current_setting('anju.region_to', true), '')))));
"""
UNDO = """
DROP POLICY anju_audit ON trust_logentry;
DROP POLICY anju_own ON trust_logentry;
ALTER TABLE trust_logentry DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("trust", "0002_log_approvals_glass")]
    operations = [
        migrations.RunSQL(ROLE, migrations.RunSQL.noop),
        migrations.RunSQL(LOG, UNDO),
    ]
