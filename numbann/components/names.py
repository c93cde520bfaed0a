"""Names of components, of the distributions that own them, and what a name of an argument is like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

SYNONYMS: Mapping[str, str] = {  # names of roles elsewhere; the first role that a component may have is meant
    **dict.fromkeys(("lr", "eta", "step_size", "rate"), "learning_rate"),
    **dict.fromkeys(("wd", "l2"), "weight_decay"),
    **dict.fromkeys(("grad", "grads", "gradient", "dw"), "g"),
    **dict.fromkeys(("weights", "param", "params", "theta"), "w weight"),
    **dict.fromkeys(("iteration", "iter", "steps_done"), "step"),
    **dict.fromkeys(("n_steps", "max_steps", "total_steps"), "steps"),
    **dict.fromkeys(("n_epochs", "max_epochs", "total_epochs"), "epochs"),
    **dict.fromkeys(("val_loss", "validation_loss"), "monitor"),
    **dict.fromkeys(("y_true", "true", "target", "targets", "actual"), "t"),
    **dict.fromkeys(("y_pred", "pred", "prediction", "predictions", "predicted", "output"), "y value"),
    **dict.fromkeys(("logits",), "y probability"),
    **dict.fromkeys(("prob", "probs", "proba", "y_prob", "y_proba"), "probability"),
    **dict.fromkeys(("sample_weight", "sample_weights"), "weight"),
    **dict.fromkeys(("rng", "generator"), "random"),
    "x": "z",
}


def bare_name(name: str) -> str:
    """Return a component's name without its owner."""
    return name.rpartition(":")[2]


def normalize(name: str) -> str:
    """Return a distribution's name in the normal form of packaging, for comparisons."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def role_like(name: str, roles: Iterable[str]) -> str:
    """Return the role that the name of an argument seems to mean, by another word or misspelt; else ""."""
    from difflib import get_close_matches  # here, since only what is no role needs it

    known = list(roles)
    meant = [role for role in SYNONYMS.get(name, "").split() if role in known]
    long = [role for role in known if len(role) > 3]
    return next(iter(meant or (get_close_matches(name, long, 1, 0.75) if len(name) > 3 else [])), "")
