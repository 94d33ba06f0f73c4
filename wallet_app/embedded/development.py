"""What a development copy keeps for itself: its data directory and its secrets."""

import json
import os
import secrets
import tempfile
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
SECRET_NAMES = ("SECRET_KEY", "JWT_SECRET_KEY")


def get_data_dir() -> Path:
    """The data directory: ``WALLET_DATA_DIR``, or ``instance/`` in the project."""
    return Path(os.environ.get("WALLET_DATA_DIR") or PROJECT_ROOT / "instance").resolve()


def load_development_secrets(data_dir: Path) -> dict[str, str]:
    """The copy's own secrets, made on first use and kept in ``secrets.json`` (mode 600).

    Never for production: config refuses to start there without secrets of its own.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "secrets.json"
    if not path.exists():
        _write_new_secrets(path)
    return {name: str(value) for name, value in json.loads(path.read_text()).items()}


def _write_new_secrets(path: Path) -> None:
    """Writes the file whole or not at all; whoever comes second keeps what the first wrote."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix="secrets-")  # mode 600
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump({name: secrets.token_urlsafe(48) for name in SECRET_NAMES}, stream, indent=2)
        os.link(partial, path)
    except FileExistsError:
        return
    finally:
        os.unlink(partial)
