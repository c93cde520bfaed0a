"""TensorBoard files, written by tensorboardX: of a run in one folder, of several models in a folder each."""

from __future__ import annotations

import itertools
from pathlib import Path
from time import monotonic
from typing import Any

from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event as Entry
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import hparams

from numbann.training.callbacks import Finished, Started
from numbann.training.trackers.tracker import Tracker, Values, flat, measures

INSIDE = "tensorboard"  # the folder in the run directory, and what the run is then called
FILES = "events.out.tfevents.*"
FLUSH = 1.0  # seconds after which what is written reaches the files
LENGTH, HEAD, TAIL = 8, 12, 4  # bytes of an entry's length, of all before the entry, and of its check sum


class TensorBoard(Tracker):
    """Writes TensorBoard files.  dir: where the run gets a folder of its name; None: in the run directory."""

    name = "tensorboard"

    def __init__(self, dir: str | Path | None = None) -> None:
        super().__init__()
        self._dir = None if dir is None else Path(dir)
        self._folder = Path()
        self._spec: dict[str, Any] = {}
        self._writers: dict[str, Any] = {}
        self._flushed = 0.0

    def open(self, event: Started, path: Path, known: str | None) -> str:
        self._spec = flat(event.spec)
        called = INSIDE if self._dir is None else known or str(_free(self._dir / path.resolve().name))
        self._folder = path / INSIDE if self._dir is None else Path(called)
        if known is None:
            for left in self._folder.rglob(FILES):  # of a run that was in this one's place
                left.unlink()
        self._writer("")
        return called

    def last(self, prefix: str) -> int:
        return max((_last_step(path) for path in (self._folder / prefix).glob(FILES)), default=0)

    def log(self, prefix: str, epoch: int, values: Values) -> None:
        self._writer(prefix).file_writer.add_summary(_scalars(values), epoch)
        if monotonic() - self._flushed > FLUSH:
            for writer in self._writers.values():
                writer.flush()
            self._flushed = monotonic()

    def finish(self, event: Finished) -> None:
        found, writer = measures(event.metrics), self._writer("").file_writer
        writer.add_summary(_scalars(found), event.weights_epoch)
        for part in hparams(self._spec, found):
            writer.add_summary(part)
        self.fail(interrupted=False)

    def fail(self, *, interrupted: bool) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, prefix: str) -> Any:
        """Return the writer of a model, which begins a file of its own."""
        if prefix not in self._writers:
            self._writers[prefix] = SummaryWriter(str(self._folder / prefix))
        return self._writers[prefix]


def _scalars(values: Values) -> Any:
    """Return numbers as one entry, which is in a file whole or not at all."""
    return Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])


def _free(path: Path) -> Path:
    """Return the first of NAME, NAME-2, ... that there is not."""
    names = itertools.chain([path], (path.with_name(f"{path.name}-{number}") for number in itertools.count(2)))
    return next(one for one in names if not one.exists())


def _last_step(path: Path) -> int:
    """Return the last step in a file; an entry that was cut off as it was written does not count."""
    last = 0
    with path.open("rb") as file:
        while len(head := file.read(HEAD)) == HEAD:
            length = int.from_bytes(head[:LENGTH], "little")
            entry = file.read(length)
            if len(entry) < length or len(file.read(TAIL)) < TAIL:
                break
            last = max(last, Entry.FromString(entry).step)
    return last
