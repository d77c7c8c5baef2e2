"""The change feed: triggers note what a transaction changed, a function gives committed changes their place."""

from django.db import migrations

from anju.trust.store.rows import row_security

OF_PEOPLE = {
    "person": "identity", "stay": "stay", "job": "job", "contribution": "contribution", "enrolment": "enrolment",
    "kin": "kin", "permit": "permit", "tax": "taxyear", "skill": "skill", "land": "landright", "aid": "aid",
    "health": "healthfile",
}
OF_PLACES = {"dwelling": "dwelling", "employer": "employer"}
LIVE = ("person", "stay", "job")
"""Tables that are written between two runs row by row."""

NOTE = """
CREATE FUNCTION exchange_note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    source text := TG_ARGV[0];
    kind text := TG_ARGV[1];
    code text;
    former text;
    is_moved boolean := kind = 'move';
BEGIN
    IF TG_ARGV[2] = 'person' THEN
        code := NEW.person_code;
    END IF;
    IF kind = 'move' THEN
        former := OLD.region;
    ELSE
        IF source = 'person' AND kind = 'put' THEN
            SELECT i.region INTO former FROM register_identity i
            WHERE i.person_code = code AND i.id <> NEW.id ORDER BY i.id DESC LIMIT 1;
            is_moved := FOUND AND former IS DISTINCT FROM NEW.region;
        END IF;
        INSERT INTO exchange_pendingchange (kind, source, row_id, person_code, region, at)
        VALUES (kind, source, NEW.id, code, nullif(NEW.region, ''), now());
    END IF;
    IF is_moved THEN
        INSERT INTO exchange_pendingchange (kind, source, row_id, person_code, region, at)
        VALUES ('left', source, 0, code, former, now()), ('came', source, 0, code, NEW.region, now());
    END IF;
    RETURN NULL;
END $$
"""

# One at a time, and only what is committed: a place once given has nothing missing before it, whoever reads when.
SEQUENCE = """
CREATE FUNCTION exchange_sequence_changes() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    head bigint;
    taken bigint;
    run record;
    upto jsonb;
BEGIN
    IF (EXISTS (SELECT 1 FROM exchange_pendingchange)
        OR EXISTS (SELECT 1 FROM register_run WHERE state = 'finished'
                   AND id > coalesce((SELECT max(f.run) FROM exchange_feedrun f), 0)))
       AND pg_try_advisory_xact_lock(7401077) THEN
        head := greatest(coalesce((SELECT max(position) FROM exchange_feedentry), 0),
                         coalesce((SELECT max(position) FROM exchange_feedrun), 0));
        CREATE TEMP TABLE taking ON COMMIT DROP AS SELECT * FROM exchange_pendingchange;
        INSERT INTO exchange_feedentry (position, kind, source, row_id, person_code, region, at)
        SELECT head + row_number() OVER (ORDER BY id), kind, source, row_id, person_code, region, at
        FROM (SELECT min(id) AS id, kind, source, row_id, person_code, region, at FROM taking
              WHERE kind <> 'came' GROUP BY kind, source, row_id, person_code, region, at) AS t;
        GET DIAGNOSTICS taken = ROW_COUNT;
        head := head + taken;
        FOR run IN SELECT id, known_at FROM register_run WHERE state = 'finished'
                   AND id > coalesce((SELECT max(f.run) FROM exchange_feedrun f), 0) ORDER BY id LOOP
            head := head + 1;
            SELECT jsonb_object_agg(s.source, s.upto) INTO upto FROM ({upto}) AS s;
            INSERT INTO exchange_feedrun (position, run, at, upto) VALUES (head, run.id, run.known_at, upto);
        END LOOP;
        INSERT INTO exchange_feedentry (position, kind, source, row_id, person_code, region, at)
        SELECT head + row_number() OVER (ORDER BY id), 'came', source, 0, person_code, region, at
        FROM (SELECT min(id) AS id, source, person_code, region, at FROM taking
              WHERE kind = 'came' GROUP BY source, person_code, region, at) AS t;
        DELETE FROM exchange_pendingchange p USING taking t WHERE p.id = t.id;
        DROP TABLE taking;
    END IF;
    RETURN greatest(coalesce((SELECT max(position) FROM exchange_feedentry), 0),
                    coalesce((SELECT max(position) FROM exchange_feedrun), 0));
END $$
"""


def triggers():
    """One for rows that end, one for live rows that begin, one for people who move."""
    for source, table in (OF_PEOPLE | OF_PLACES).items():
        of = "person" if source in OF_PEOPLE else "place"
        yield (
            f"CREATE TRIGGER exchange_end AFTER UPDATE OF known_to ON register_{table} FOR EACH ROW "
            "WHEN (OLD.known_to IS NULL AND NEW.known_to IS NOT NULL) "
            f"EXECUTE FUNCTION exchange_note_change('{source}', 'end', '{of}')",
            f"DROP TRIGGER exchange_end ON register_{table}",
        )
    for source in LIVE:
        yield (
            f"CREATE TRIGGER exchange_put AFTER INSERT ON register_{OF_PEOPLE[source]} FOR EACH ROW "
            f"WHEN (NEW.is_live) EXECUTE FUNCTION exchange_note_change('{source}', 'put', 'person')",
            f"DROP TRIGGER exchange_put ON register_{OF_PEOPLE[source]}",
        )
    yield (
        "CREATE TRIGGER exchange_move AFTER UPDATE OF region ON register_identity FOR EACH ROW "
        "WHEN (OLD.region IS DISTINCT FROM NEW.region) EXECUTE FUNCTION exchange_note_change('person', 'move', 'person')",
        "DROP TRIGGER exchange_move ON register_identity",
    )


UPTO = " UNION ALL ".join(
    f"SELECT '{source}' AS source, coalesce(max(id), 0) AS upto FROM register_{table}"
    for source, table in (OF_PEOPLE | OF_PLACES).items()
)


class Migration(migrations.Migration):
    dependencies = [("exchange", "0003_doors"), ("register", "0004_no_pattern_index"), ("trust", "0003_row_security")]
    operations = [
        row_security("exchange_feedentry"),
        row_security("exchange_pendingchange"),
        migrations.RunSQL(NOTE, "DROP FUNCTION exchange_note_change()"),
        migrations.RunSQL(SEQUENCE.replace("{upto}", UPTO), "DROP FUNCTION exchange_sequence_changes()"),
        *(migrations.RunSQL(make, drop) for make, drop in triggers()),
    ]
