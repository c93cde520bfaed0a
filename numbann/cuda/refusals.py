"""What the GPU does not do, with the spec's key and the remedy."""

from __future__ import annotations

from numbann.network.plan import Plan


def refusal(plan: Plan) -> str:
    """Why a plan cannot be trained on a GPU; empty if it can."""
    optimizer = plan.optimizer.component
    if optimizer.form != "elementwise":
        return (
            f'optimizer: "{optimizer.name}" works on whole matrices in NumPy, which train.device "cuda" does not do; '
            'give train.device "cpu", or another optimizer, such as "adam"'
        )
    return ""
