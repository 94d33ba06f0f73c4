"""``python -m wallet_app.embedded [--with-parent]``: runs the wallet until it is told to stop."""

import argparse
import os
import sys

from wallet_app.embedded.errors import SupervisorError
from wallet_app.embedded.settings import Settings
from wallet_app.embedded.supervisor import Supervisor, say


def main() -> int:
    """Runs the supervisor; answers the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wallet_app.embedded", description=__doc__)
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one ends")
    options = parser.parse_args()
    parent_id = os.getppid() if options.with_parent else None
    try:
        settings = Settings.from_environment(os.environ)
    except SupervisorError as error:
        say(str(error))
        return 1
    return Supervisor(settings, parent_id=parent_id).run()


if __name__ == "__main__":
    sys.exit(main())
