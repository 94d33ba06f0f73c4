"""Migrations: numbered in one line, reversible, and the same as the models."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, text

from wallet_app.extensions import Base, db

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"
# What PostgreSQL keeps of a schema: tables, columns, constraints, indexes, functions and triggers, by their definition.
SCHEMA = """
    SELECT 'column', table_name || '.' || column_name,
           concat_ws(' ', data_type, numeric_precision, numeric_scale, is_nullable, column_default)
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, md5(p.prosrc)
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'type', typname, typtype::text FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    ORDER BY 1, 2
"""


def read_schema(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(SCHEMA))]


@pytest.fixture
def connection(fresh_app: Flask) -> Iterator[Connection]:
    with fresh_app.app_context(), db.engine.connect() as connection:
        yield connection


def test_the_models_are_what_the_migrations_make(connection: Connection) -> None:
    def is_compared(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
        # Indexes are written by hand in SQL, and the job library's tables are its own.
        return kind != "index" and not (name or "").startswith("procrastinate")

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "include_object": is_compared}
    )
    assert compare_metadata(context, Base.metadata) == []


def test_every_migration_can_be_undone_and_done_again(fresh_app: Flask) -> None:
    script = ScriptDirectory(str(VERSIONS.parent))
    revisions = [revision.revision for revision in script.walk_revisions()]  # newest first
    with fresh_app.app_context():
        with db.engine.connect() as connection:
            after = read_schema(connection)
        db.engine.dispose()
        stages = {}
        for revision in [*revisions[1:], "base"]:
            downgrade(revision=revision)
            with db.engine.connect() as connection:
                stages[revision] = read_schema(connection)
        assert {row[1].partition(".")[0] for row in stages["base"]} <= {"alembic_version", "alembic_version_pkc"}
        for revision in revisions[:0:-1]:
            upgrade(revision=revision)
            with db.engine.connect() as connection:
                assert read_schema(connection) == stages[revision], revision
        upgrade()
        with db.engine.connect() as connection:
            assert read_schema(connection) == after


def test_migrations_are_numbered_in_one_line() -> None:
    names = sorted(path.stem for path in VERSIONS.glob("*.py"))
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+", name) for name in names)
    script = ScriptDirectory(str(VERSIONS.parent))
    assert len(script.get_heads()) == 1
    line = [revision.revision for revision in script.walk_revisions()][::-1]
    assert line == [f"{number:04d}" for number in range(1, len(names) + 1)] == [name[:4] for name in names]


def test_upgrading_what_is_current_changes_nothing(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        with db.engine.connect() as connection:
            before = read_schema(connection)
        upgrade()
        with db.engine.connect() as connection:
            assert read_schema(connection) == before
