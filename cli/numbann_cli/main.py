"""The console script.  If no plugin can add a command, `--help` is answered without importing click, to start fast."""

from __future__ import annotations

import sys

from numbann.plugins.distributions import find_announced
from numbann_cli.overview import overview


def main() -> None:
    """Run the command line with the arguments of the process, and exit."""
    if sys.argv[1:] == ["--help"] and not any(one.allowed for one in find_announced()):
        print(overview())
        return
    from numbann_cli.group import numbann

    numbann(prog_name="numbann")


if __name__ == "__main__":
    main()
