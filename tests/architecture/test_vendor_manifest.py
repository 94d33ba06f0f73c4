"""Every vendored file is listed with its checksum, and nothing else lies beside it."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDOR_FOLDERS = ("static/vendor", "tests/browser/vendor")
OUR_OWN = {"manifest.json", ".gitattributes"}


def read_listed_checksums(folder: Path) -> dict[str, str]:
    packages = json.loads((folder / "manifest.json").read_text())["packages"]
    return {item["file"]: item["sha256"] for package in packages for item in package["files"]}


def compute_checksums(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items() if name not in OUR_OWN}


@pytest.mark.parametrize("name", VENDOR_FOLDERS)
def test_no_file_is_missing_extra_or_changed(name: str) -> None:
    assert compute_checksums(ROOT / name) == read_listed_checksums(ROOT / name)


@pytest.mark.parametrize("name", VENDOR_FOLDERS)
def test_every_package_states_its_name_version_and_licence(name: str) -> None:
    for package in json.loads((ROOT / name / "manifest.json").read_text())["packages"]:
        assert package["name"]
        assert package["version"]
        assert package["licence"]
        listed = [item["file"] for item in package["files"]]
        assert any("LICENSE" in file for file in listed), f"{package['name']}: its licence text is not here"


def test_the_check_sees_a_changed_file(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}")
    before = compute_checksums(tmp_path)
    (tmp_path / "a.css").write_text("a{} ")
    (tmp_path / "b.css").write_text("")
    assert compute_checksums(tmp_path) != before
    assert set(compute_checksums(tmp_path)) == {"a.css", "b.css"}
