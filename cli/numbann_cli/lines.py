"""JSON lines on stdin, each answered by a line on stdout before the next one is waited for."""

from __future__ import annotations

import codecs
import re
import sys
from itertools import chain

import click

from numbann.data.files import first_line
from numbann.errors import DataError, NumbannError
from numbann.model.model import Model
from numbann.serving.answers import Wanted, answer_line
from numbann.training.rundir import json_text
from numbann_cli.signals import terminable


def are_there() -> bool:
    """Wait for the first line on stdin, and tell whether it is an object or a list of JSON."""
    return first_line(sys.stdin.buffer).removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")


def answer(model: Model, keep: str | None, *, probabilities: bool, outputs: bool) -> None:
    """Answer every line of stdin; DataError at the end if one of them was refused, which its answer says."""
    kept = () if keep in (None, "all") else tuple(str(keep).split(","))
    wanted, refused, number = Wanted(probabilities, outputs, kept, keep == "all"), 0, 0
    try:
        with terminable():
            for number, line in enumerate(chain([first_line(sys.stdin.buffer)], sys.stdin.buffer), 1):
                if not line.strip():
                    continue
                try:
                    found = answer_line(model, line.removeprefix(codecs.BOM_UTF8), wanted)
                except NumbannError as error:
                    refused += 1
                    found = {
                        "error": re.sub("^row 1(, )?", lambda at: "" if at[1] else "the row", str(error)),
                        "line": number,
                    }
                click.echo(json_text(found))
    except KeyboardInterrupt as end:  # all answers are out, and there is nothing to save
        raise click.exceptions.Exit(getattr(end, "exit_code", 130)) from None
    if refused:
        raise DataError(f"{refused} of {number} lines were refused; their answers say why")
