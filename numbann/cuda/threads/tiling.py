"""The choice of a product's tiles, and of the slices that its depth is cut into, by an estimate from its sizes.

A block of threads computes a tile.  A product with few tiles and a long depth leaves multiprocessors idle; its depth is
then cut into slices, and each slice has blocks of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from numbann.records import dataclass


@dataclass(frozen=True)
class Tile:
    """rows x columns elements of a product for one block of threads; a thread computes `down` x `across` of them.

    depth: the length of a slice of the factors in shared memory.  All sizes are powers of two.
    """

    rows: int
    columns: int
    depth: int
    down: int
    across: int

    @property
    def threads(self) -> int:
        """The number of threads in a block."""
        return self.rows // self.down * (self.columns // self.across)

    @property
    def shift(self) -> int:
        """The logarithm, to base 2, of the number of threads side by side."""
        return (self.columns // self.across).bit_length() - 1

    @property
    def effort(self) -> int:
        """About how many cycles a multiprocessor needs for one k of a block: the slower of reading and of issuing.

        Shared memory serves a warp a cycle; four schedulers each issue an instruction for a warp a cycle.
        """
        reads = (self.down + self.across) // self.vector
        return max(self.threads // 32 * reads, self.threads // 128 * (self.down * self.across + reads))

    @property
    def vector(self) -> int:
        """Neighbouring elements of a factor that a thread reads with one instruction."""
        return min(4, self.down, self.across)

    def blocks(self, rows: int, columns: int) -> tuple[int, int]:
        """The grid of blocks that covers a product of this size."""
        return -(-rows // self.rows), -(-columns // self.columns)


# Blocks of 256 threads.  A larger tile has more sums a thread, and so fewer reads a multiplication; a smaller one gives
# more blocks.  With these depths a thread loads 4 elements of each factor a slice, with the last one 2.
TILES = (Tile(128, 128, 8, 8, 8), Tile(64, 64, 16, 4, 4), Tile(32, 32, 32, 2, 2), Tile(16, 16, 32, 1, 1))


def choose_tile(rows: int, columns: int, processors: int) -> Tile:
    """The largest tile that gives every multiprocessor a block, else the smallest."""
    for tile in TILES[:-1]:
        down, across = tile.blocks(rows, columns)
        if down * across >= processors:
            return tile
    return TILES[-1]


@dataclass(frozen=True)
class Cut:
    """A depth in `slices` of this length; the grid's last dimension counts them."""

    slices: int
    length: int


# Estimates for current GPUs, not measured
FETCH, LAUNCH, ADD = 600, 4000, 30  # cycles: to read from memory, to launch a kernel, to add a part of a sum
TRAFFIC, PART = 16, 8  # bytes: a multiprocessor's share of the memory's bandwidth in a cycle; a part, written and read
RESIDENT = 2  # blocks of a multiprocessor that wait for memory at the same time


def divide(
    rows: int, columns: int, depth: int, processors: int, layers: int = 1, launch: int | None = None
) -> tuple[Tile, Cut | None]:
    """The tile, and the cut of the depth, with the fewest estimated cycles; None for no cut.

    layers: products of this size in one launch.  launch: cycles of the extra launch that sums the parts of a cut depth;
    0 where a later launch does it anyway, and then there is always a cut.
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
