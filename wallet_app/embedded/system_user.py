"""Who PostgreSQL runs as. It refuses root, so that root lends it a system user of its own."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wallet_app.embedded.errors import EmbeddedDatabaseError

SERVER_USER = "wallet-postgres"
_FALLBACK_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class SystemUser:
    """The user and group the server runs as."""

    user_id: int
    group_id: int


def find_server_user(cluster_dir: Path) -> SystemUser | None:
    """The user to become before starting the server; None when the present one will do.

    A cluster that is there already decides: PostgreSQL only starts as the owner of its files.

    Raises:
        EmbeddedDatabaseError: the files belong to somebody we can't become.
    """
    owner = cluster_dir.stat() if cluster_dir.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise EmbeddedDatabaseError(
                f"{cluster_dir} belongs to user {owner.st_uid}. Start as that user, or set WALLET_DATA_DIR "
                "to a directory of your own."
            )
        return None
    if owner is not None and owner.st_uid != 0:
        return SystemUser(owner.st_uid, owner.st_gid)
    return _get_system_user()


def _get_system_user() -> SystemUser:
    """Our own system user, made on first use; another unprivileged one where none can be made."""
    if _find_user(SERVER_USER) is None and (useradd := shutil.which("useradd")):
        # Two copies may come here at once; who is second finds the user there.
        subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER],
            check=False,
            capture_output=True,
        )
    for name in (SERVER_USER, *_FALLBACK_USERS):
        if (user := _find_user(name)) is not None:
            return user
    raise EmbeddedDatabaseError(
        "PostgreSQL refuses to run as root and no system user for it could be made. "
        "Start as another user, or set DATABASE_URL to a server that runs already."
    )


def _find_user(name: str) -> SystemUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return SystemUser(entry.pw_uid, entry.pw_gid)


def own_directory(directory: Path, user: SystemUser | None) -> None:
    """Makes the directory if it is missing, private (0700) to the server's user."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedDatabaseError(f"{directory} is not a directory.")
    if user is not None:
        if found.st_uid not in {0, user.user_id}:
            raise EmbeddedDatabaseError(f"{directory} belongs to user {found.st_uid}; it should be ours.")
        os.chown(directory, user.user_id, user.group_id, follow_symlinks=False)
    elif found.st_uid != os.geteuid():
        raise EmbeddedDatabaseError(f"{directory} belongs to user {found.st_uid}; it should be ours.")
    directory.chmod(0o700)


def give_tree(directory: Path, user: SystemUser) -> None:
    """Hands a whole tree to the server's user: a cluster that was copied by root, for example."""
    for path in (directory, *directory.rglob("*")):
        os.chown(path, user.user_id, user.group_id, follow_symlinks=False)


def open_for_traversal(directory: Path) -> list[Path]:
    """Lets other users pass through the parents of a directory (o+x, never o+r); says which it changed."""
    changed = []
    for parent in directory.resolve().parents:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
            changed.append(parent)
    return changed


def open_for_reading(tree: Path) -> None:
    """Lets other users read and run the server's programs, where a strict umask kept them private."""
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(wanted)
