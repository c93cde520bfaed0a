"""The console script.  If no plugin can add a command, `--help` is answered without importing click, to start fast."""

from __future__ import annotations

import os
import sys

from numbann.plugins.distributions import find_announced
from numbann_cli.overview import overview


def main() -> None:
    """Run the command line with the arguments of the process, and exit."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before the process began; what is opened next must not take its place
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - stays open, and pathlib is slow to import
    if sys.argv[1:] == ["--help"] and not any(one.allowed and one.commands for one in find_announced()):
        print(overview())
        return
    from numbann_cli.group import numbann

    try:
        numbann(prog_name="numbann")
    finally:
        from numbann_cli.signals import ignore_from_now_on

        ignore_from_now_on()


if __name__ == "__main__":
    main()
