"""What ranks cannot train together, and what must be the same on all of them."""

from __future__ import annotations

import hashlib
from typing import Any

from numbann.errors import ClusterError, ClusterWarning, SpecError, warn
from numbann.fit.state import State
from numbann.training.checkpoint import to_parts
from numbann.training.manifest import identity
from numbann.training.preparation import Prepared


class RankError(ClusterError):
    """A rank cannot train with the others."""


def check_ranks(prepared: Prepared, count: int) -> None:
    """Refuse what so many ranks cannot train together: SpecError, or ClusterError for their number."""
    from numbann.engine.cpu.groups import HUGE, count_groups
    from numbann.engine.cpu.layout import Layout
    from numbann.engine.cpu.ranks import refuse_ranks

    source, plan = prepared.loaded.source, prepared.plan
    if prepared.source is not None:
        what = "ranks train one model together; the models of an ensemble are trained on a cluster: --cluster mpi"
        raise SpecError([source.fault(("ensemble",), what)], source.name)
    batch = plan.members * plan.batch_rows(len(prepared.dataset.train.t))
    reason = refuse_ranks(plan, batch, count_groups(Layout(plan).arena, batch), count)
    if reason and batch < HUGE:
        raise SpecError([source.fault(("train", "batch_size"), f"{reason}; give {HUGE} or more")], source.name)
    if reason:
        raise RankError(f"ranks: {reason}")


def facts_of(prepared: Prepared, state: State | None) -> dict[str, Any]:
    """What must be the same for all ranks, by name: all that decides what they compute, and when they end."""
    spec, found = identity(prepared), hashlib.sha256()
    for part in () if state is None else to_parts(state, spec):
        found.update(part)
    return {
        "spec": spec,
        "train.epochs": prepared.job.epochs,  # no part of the identity, since a run may go on to more
        "data": [len(prepared.job.train), *(digest for _, digest in prepared.facts.files)],
        "code of plugins": [{**record, "source": ""} for record in prepared.components],
        "checkpoint": found.hexdigest(),
    }


def compare(place: str, here: Any, there: Any) -> None:
    """RankError if a rank is about to train another thing than rank 0, or with other versions."""
    from numbann.runner.versions import check_versions

    check_versions(there[0], here[0], place)
    for name, value in here[1].items():
        if there[1][name] != value:
            raise RankError(f"{place}: has another {name} than rank 0; give all ranks the same files and options")
    warn_of_processors(place, *there[2])


def warn_of_processors(place: str, processors: int, threads: int) -> None:
    """Warn of a rank that may use fewer processors than it has threads."""
    if processors < threads:
        held = f"{place}: may use {processors} processor{'s' * (processors > 1)} for its {threads} threads"
        warn(f"{held}; with Open MPI start it by mpiexec --bind-to none", ClusterWarning)
