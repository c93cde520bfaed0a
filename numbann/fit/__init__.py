"""Training in memory: a job goes in, a trained network comes out.  The core's entrance; files are around it."""

from __future__ import annotations

from numbann.fit.fitting import Fitted, fit
from numbann.fit.job import Job, Rows
from numbann.fit.many import fit_many
from numbann.fit.stopping import Watch

__all__ = ["Fitted", "Job", "Rows", "Watch", "fit", "fit_many"]
