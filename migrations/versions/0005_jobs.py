"""The job queue: procrastinate's own tables and functions, as its version 3.10 brings them.

A test holds the schema's digest. When a new version of procrastinate changes it, keep this version's SQL beside this
file and read it here, and let a new migration run procrastinate's own scripts (``procrastinate/sql/migrations``).
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DOWNGRADE = """
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    DROP TABLE procrastinate_periodic_defers, procrastinate_events, procrastinate_jobs, procrastinate_workers CASCADE;
    FOR v_function IN
        SELECT p.oid FROM pg_proc p
        WHERE p.proname LIKE 'procrastinate\\_%' AND p.pronamespace = current_schema()::regnamespace
    LOOP
        EXECUTE 'DROP FUNCTION ' || v_function;
    END LOOP;
    DROP TYPE procrastinate_job_to_defer_v1, procrastinate_job_event_type, procrastinate_job_status;
END $$
"""


def upgrade() -> None:
    op.execute(SchemaManager.get_schema())


def downgrade() -> None:
    op.execute(DOWNGRADE)
