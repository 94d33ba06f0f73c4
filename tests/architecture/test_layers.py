"""Who may import whom, who commits, and how large anything may grow."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted((ROOT / "wallet_app").rglob("*.py"))
OURS = sorted(
    path
    for folder in ("wallet_app", "tests", "benchmarks", "migrations")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
) + [ROOT / "config.py", ROOT / "wsgi.py", ROOT / "gunicorn.conf.py"]
LONGEST_MODULE_LINES = 500
LONGEST_FUNCTION_LINES = 70
COMMITTING = {"commit", "begin_nested", "begin_twophase"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def list_imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_the_import_contracts_are_kept() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_package_has_its_place_in_the_plan() -> None:
    plan = (ROOT / ".importlinter").read_text()
    layers = plan.partition("layers =")[2].partition("[importlinter:")[0]
    named = {name.strip().strip("()") for line in layers.splitlines() for name in line.split("|") if name.strip()}
    there = {path.stem if path.is_file() else path.name for path in (ROOT / "wallet_app").iterdir()}
    assert there - named <= {"__init__", "__pycache__"}


def test_only_the_unit_of_work_commits() -> None:
    committing = {
        name_of(path)
        for path in PRODUCT
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in COMMITTING
    }
    assert committing == {"wallet_app/uow.py"}


def test_only_the_unit_of_work_begins_a_database_transaction() -> None:
    """``engine.begin()`` commits too. What else is called begin takes arguments."""
    beginning = {
        name_of(path)
        for path in PRODUCT
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Attribute) and node.attr == "begin" and "engine" in ast.unparse(node.value)
    }
    assert beginning <= {"wallet_app/uow.py"}


@pytest.mark.parametrize("package", ["api", "backoffice", "jobs", "cli", "demo", "transactions", "identity"])
def test_nobody_writes_sql_from_the_outside(package: str) -> None:
    """Changing rows of entries or balances by hand is nobody's business but the money path's."""
    folder = ROOT / "wallet_app"
    for path in [*(folder / package).rglob("*.py"), *folder.glob(f"{package}.py")]:
        text = path.read_text()
        for statement in ("UPDATE accounts", "INSERT INTO entries", "UPDATE entries", "DELETE FROM"):
            assert statement not in text, name_of(path)


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "helpers.py", "util.py", "helper.py", "common.py", "misc.py"}
    assert [name_of(path) for path in OURS if path.name in drawers] == []


def test_settings_are_read_in_one_place() -> None:
    """config.py, and the supervisor that comes before it. Prometheus names its variable itself."""
    reading = {
        name_of(path)
        for path in PRODUCT
        if "os.environ" in path.read_text() and not name_of(path).startswith("wallet_app/embedded/")
    }
    assert reading <= {"wallet_app/observability.py"}


def test_time_is_read_in_one_place() -> None:
    reading = {
        name_of(path)
        for path in PRODUCT
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
        and ast.unparse(node.func.value) in {"datetime", "date", "datetime.datetime"}
    }
    assert reading == {"wallet_app/clock.py"}


def test_no_money_passes_through_a_float() -> None:
    for package in ("transactions", "ledger"):
        for path in (ROOT / "wallet_app" / package).rglob("*.py"):
            calls = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Name) and node.id == "float"]
            assert not calls, name_of(path)


def test_modules_stay_readable() -> None:
    too_long = {
        name_of(path): lines for path in OURS if (lines := len(path.read_text().splitlines())) > LONGEST_MODULE_LINES
    }
    assert too_long == {}


def test_functions_stay_readable() -> None:
    too_long = {
        f"{name_of(path)}:{node.name}": length
        for path in OURS
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) >= LONGEST_FUNCTION_LINES
    }
    assert too_long == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [name_of(path) for path in PRODUCT if path.read_text().strip() and not ast.get_docstring(parse(path))]
    assert silent == []


def test_production_code_does_not_know_the_tests() -> None:
    for path in PRODUCT:
        names = {name.split(".")[0] for name in list_imports(parse(path))}
        assert not names & {"tests", "pytest", "hypothesis", "benchmarks"}, name_of(path)
