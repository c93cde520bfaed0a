"""The obvious NumPy twin of every kernel and component: whole arrays, textbook formulas, one screen each.

Tests compare compiled code with it, and a reader sees in it what numbann computes.  It shares no line with the
components, knows no registry and is not made to be fast.

Letters: B rows, I inputs, O outputs, K classes; x, w, b, z = x w + b, a = f(z), y logits, t target, dw = dL/dw.
"""

from __future__ import annotations

from reference.activations import *  # noqa: F403
from reference.embeddings import *  # noqa: F403
from reference.layers import *  # noqa: F403
from reference.losses import *  # noqa: F403
from reference.network import *  # noqa: F403
from reference.optimizers import *  # noqa: F403
from reference.products import *  # noqa: F403
