"""The steps of a layer, one kind a file; each makes one value of the layer from the value before it.

| step         | reads | makes | keeps       | way back                                                   |
| ------------ | ----- | ----- | ----------- | ---------------------------------------------------------- |
| Embed        | given | e     | nothing     | to its vectors, from the gradient to e                     |
| PickRows     | given | e     | nothing     | to the rows of its table that occur, from the same         |
| ScaleInputs  | e     | x     | e           | d s, to an embedding; to its vector: from that to w        |
| ScaleMembers | e     | x     | e           | d s; to its vectors: sums of e d over the members' rows    |
| Product      | x     | h     | x           | d w', the gradient to x; to w and b: x' d, 1' d            |
| Norm         | h     | z     | h, factors  | d to h; to scale and shift in slopes                       |
| Activation   | z     | a     | a, maybe z  | d f'(z); to what is trained in f in slopes                 |
| Drop         | a     | out   | nothing     | d where a stayed; the draws are made again                 |
| AddInputs    | a, x  | out   | nothing     | d, of which the layer below gets a copy, skip, beside d w' |
| TakeOwn      | a     | out   | nothing     | d in the member's own columns                              |
| Loss         | out   | d     | nothing     |                                                            |
| Link         | out   | d     | nothing     | none: it stands in predictions only                        |

A vector's gradient may also come from the gradient to the layer's w, which is e' d with the e that the layer is given.
An engine then stores the whole gradient before any weight changes, and the step finishes it.

An engine has a table {kind of step: its lowering}.  A new kind takes a file here, its place in `layer_of` of chain.py,
and an entry with kernels in that table.
"""

from __future__ import annotations

from numbann.network.steps.activation import Activation
from numbann.network.steps.add_inputs import AddInputs
from numbann.network.steps.drop import Drop
from numbann.network.steps.embed import Embed
from numbann.network.steps.ends import Link, Loss
from numbann.network.steps.enter import Enter
from numbann.network.steps.members import ScaleMembers, TakeOwn
from numbann.network.steps.norm import Norm
from numbann.network.steps.pick_rows import PickRows
from numbann.network.steps.product import Product
from numbann.network.steps.scale_inputs import ScaleInputs
from numbann.network.steps.step import Step, Vector

__all__ = [
    "Activation",
    "AddInputs",
    "Drop",
    "Embed",
    "Enter",
    "Link",
    "Loss",
    "Norm",
    "PickRows",
    "Product",
    "ScaleInputs",
    "ScaleMembers",
    "Step",
    "TakeOwn",
    "Vector",
]
