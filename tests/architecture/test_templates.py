"""Pages keep to the strict policy: nothing inline, nothing from elsewhere, assets named with checksums."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OWN_STYLES_AND_SCRIPTS = sorted([*(ROOT / "static/css").glob("*.css"), *(ROOT / "static/js").glob("*.js")])

FORBIDDEN = {
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "an inline style": re.compile(r"<style|\sstyle\s*=", re.IGNORECASE),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "an asset from elsewhere": re.compile(r"(?:src|href)\s*=\s*[\"'](?:https?:)?//", re.IGNORECASE),
    "an asset without its checksum": re.compile(r"[\"']/static/|url_for\([\"']static", re.IGNORECASE),
    "unescaped output": re.compile(r"\|\s*safe\b"),
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_template_has_none_of_these(path: Path, what: str) -> None:
    match = FORBIDDEN[what].search(path.read_text())
    assert match is None, f"{what}: {match}"


@pytest.mark.parametrize("path", OWN_STYLES_AND_SCRIPTS, ids=lambda path: path.name)
def test_styles_and_scripts_load_nothing_from_elsewhere(path: Path) -> None:
    assert re.search(r"https?://|url\(|@import|eval\(|innerHTML", path.read_text()) is None
