"""The console script.  It answers `--help` without importing anything and leaves the rest to group.py."""

from __future__ import annotations

import sys

from numbann_cli.overview import overview


def main() -> None:
    """Run the command line with the arguments of the process, and exit."""
    if sys.argv[1:] == ["--help"]:
        print(overview())
        return
    from numbann_cli.group import numbann

    numbann(prog_name="numbann")


if __name__ == "__main__":
    main()
