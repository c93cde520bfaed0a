"""Which tiles a product is made of, and in how many slices of its depth: from its sizes alone, by an estimate.

A block of threads makes a tile.  Where blocks are few and the depth is long, it is cut into slices for more blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Tile:
    """rows x columns of a product by one block of threads, slices so deep; a thread has `down` x `across` of them."""

    rows: int
    columns: int
    depth: int
    down: int
    across: int

    @property
    def threads(self) -> int:
        """The threads of a block."""
        return self.rows // self.down * (self.columns // self.across)

    @property
    def shift(self) -> int:
        """The number of threads side by side, as a power of two."""
        return (self.columns // self.across).bit_length() - 1

    @property
    def effort(self) -> int:
        """About how many cycles of a multiprocessor a block takes for a row of the depth: to read and to multiply."""
        reads = (self.down + self.across) // self.vector
        return max(self.threads // 32 * reads, self.threads // 128 * (self.down * self.across + reads))

    @property
    def vector(self) -> int:
        """Elements of a factor side by side, which one instruction reads."""
        return min(4, self.down, self.across)

    def blocks(self, rows: int, columns: int) -> tuple[int, int]:
        """The blocks that a product of this size takes."""
        return -(-rows // self.rows), -(-columns // self.columns)


TILES = (Tile(128, 128, 8, 8, 8), Tile(64, 64, 16, 4, 4), Tile(32, 32, 32, 2, 2), Tile(16, 16, 32, 1, 1))


def choose_tile(rows: int, columns: int, processors: int) -> Tile:
    """The largest tile of which there are enough blocks to keep all processors busy, else the smallest."""
    for tile in TILES[:-1]:
        down, across = tile.blocks(rows, columns)
        if down * across >= processors:
            return tile
    return TILES[-1]


@dataclass(frozen=True)
class Cut:
    """Slices of a product's depth, each so long, done by blocks along the grid's last dimension."""

    slices: int
    length: int


# From what is known of such GPUs and not measured: cycles to fetch what lies in memory, of a launch, and to add a part;
# bytes that a multiprocessor's share of the memory takes in a cycle, and those of a part of a sum, written and read
FETCH, LAUNCH, ADD = 600, 4000, 30
TRAFFIC, PART = 16, 8
RESIDENT = 2  # blocks of a multiprocessor that wait for memory at the same time


def divide(
    rows: int, columns: int, depth: int, processors: int, layers: int = 1, launch: int | None = None
) -> tuple[Tile, Cut | None]:
    """The tile of a product, or of so many at once, and its cut, if by an estimate it gains more than a launch.

    launch: cycles of the launch that adds up the parts; 0 where there is one anyway, and then there is always a cut.
    """

    launch = LAUNCH if launch is None else launch

    def blocks(tile: Tile) -> int:
        down, across = tile.blocks(rows, columns)
        return down * across * layers

    def cycles(tile: Tile, cut: Cut) -> int:
        rounds, slices = -(-blocks(tile) * cut.slices // processors), -(-cut.length // tile.depth)
        traffic = PART * rows * columns * layers * cut.slices // (TRAFFIC * processors)
        adding = launch + ADD * cut.slices + traffic if cut.slices > 1 else 0
        wait = -(-rounds // RESIDENT) * FETCH * (1 + slices)
        end = -(-rounds // RESIDENT) * FETCH * tile.down
        return max(wait, rounds * slices * tile.effort * tile.depth) + end + adding

    def cuts(tile: Tile) -> Iterator[Cut]:
        pieces = -(-depth // tile.depth)
        for slices in range(1, min(pieces, max(1, 2 * processors // blocks(tile))) + 1):
            length = -(-pieces // slices)
            yield Cut(-(-pieces // length), length * tile.depth)

    tile, cut = min(((tile, cut) for tile in TILES for cut in cuts(tile)), key=lambda found: cycles(*found))
    return tile, cut if cut.slices > 1 or not launch else None
