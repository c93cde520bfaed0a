"""Schedules: plain Python functions that give the factor of the learning rate over time.

The factor multiplies optimizer.learning_rate.  All times are in epochs, and `epoch` is fractional, so that smooth
schedules change with every step.  Core adds the warm-up before any schedule (numbann/fit/rates.py).
"""

from __future__ import annotations

from math import cos, floor, inf, log, pi
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from numbann.components.component import Fraction, NonNegative, Numbers, Positive
from numbann.components.declare import schedule

Drop = Annotated[float, Gt(0), Lt(1)]
AtLeastOne = Annotated[float, Ge(1)]


@schedule
def constant():
    """Constant: the factor is 1 at every step.

    For a first try, and for Adam on small tables.  A rate that learns fast at first is often too large at the end.
    """
    return 1.0


# ---- piecewise constant


@schedule
def step(epoch, every: Positive = 10.0, factor: Drop = 0.1):
    """Step: factor^floor(epoch / every), a drop after every `every` epochs.

    The usual choice with sgd if you know after how many epochs the loss stops falling.  If `every` is too short, the
    weights stop moving early.  As torch.optim.lr_scheduler.StepLR, https://docs.pytorch.org/docs/stable/optim.html
    (2024).
    """
    return factor ** floor(epoch / every)


@schedule
def multi_step(epoch, milestones: Numbers = (25.0, 40.0), factor: Drop = 0.1):
    """Multi-step: factor^n, where n counts the milestones, in epochs, that have been reached.

    For recipes such as "a tenth after epochs 30 and 60".  A milestone after the last epoch does nothing.
    He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1512.03385; as torch.optim.lr_scheduler.MultiStepLR.
    """
    return factor ** sum(milestone <= epoch for milestone in milestones)


@schedule
def plateau(
    step,
    epoch,
    monitor,
    reached,
    best,
    waited,
    factor: Drop = 0.1,
    patience: Annotated[int, Ge(0)] = 10,
    threshold: Fraction = 1e-4,
    floor: Fraction = 0.0,
):
    """Plateau: the factor drops to factor times itself, not below floor, when the loss has stopped falling.

    An epoch is better if its loss (of the validation part, if any) is below best (1 - threshold).  After more than
    `patience` epochs in a row that are not better, the rate drops and counting starts again.  For trainings of unknown
    length; combine it with early stopping of a longer patience.  With a noisy loss the rate drops too soon: raise
    patience.  As torch.optim.lr_scheduler.ReduceLROnPlateau, https://docs.pytorch.org/docs/stable/optim.html (2024).
    """
    if step == 0:
        return 1.0, 1.0, inf, 0
    if epoch % 1 == 0:
        better = monitor < best * (1 - threshold)
        best, waited = (monitor, 0) if better else (best, waited + 1)
        if waited > patience:
            reached, waited = max(factor * reached, floor), 0
    return reached, reached, best, waited


# ---- smooth, independent of the number of epochs


@schedule
def exponential(epoch, factor: Drop = 0.95):
    """Exponential: factor^epoch, at every step.

    A steady decay that does not depend on the number of epochs.  A small factor ends training early: with 0.5, a
    thousandth of the rate is left after 10 epochs.  As torch.optim.lr_scheduler.ExponentialLR taken per step,
    https://docs.pytorch.org/docs/stable/optim.html (2024).
    """
    return factor**epoch


@schedule
def inverse_time(epoch, decay: NonNegative = 0.1):
    """Inverse time: 1 / (1 + decay epoch), at every step.

    The slowest decay: the sum of the rates diverges and the sum of their squares converges, the condition for the
    convergence of stochastic gradient descent.  In a short training, the final rate is often too high.  Robbins and
    Monro 1951, https://doi.org/10.1214/aoms/1177729586.
    """
    return 1 / (1 + decay * epoch)


# ---- smooth, over the whole training: stopping early cuts off the low rates at the end


@schedule
def linear(epoch, epochs, start: NonNegative = 1.0, end: NonNegative = 0.0):
    """Linear: start + (end - start) epoch / epochs.

    A good default for a fixed number of epochs; after early stopping, the rate is still high.  As
    torch.optim.lr_scheduler.LinearLR over all steps, https://docs.pytorch.org/docs/stable/optim.html (2024).
    """
    return start + (end - start) * epoch / epochs


@schedule
def polynomial(epoch, epochs, power: Positive = 2.0, floor: Fraction = 0.0):
    """Polynomial: floor + (1 - floor) (1 - epoch / epochs)^power.

    Power 1 is linear; larger powers spend more of the training at low rates, very large ones nearly all of it.  Chen,
    Papandreou, Kokkinos, Murphy and Yuille 2016, https://arxiv.org/abs/1606.00915; with floor 0 as
    torch.optim.lr_scheduler.PolynomialLR.
    """
    return floor + (1 - floor) * (1 - epoch / epochs) ** power


@schedule
def cosine(epoch, epochs, floor: Fraction = 0.0):
    """Cosine: floor + (1 - floor) (1 + cos(pi epoch / epochs)) / 2.

    The rate stays high for a while, then falls smoothly.  The usual choice for a training of known length, best after a
    few epochs of warm-up.  Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983; as
    torch.optim.lr_scheduler.CosineAnnealingLR taken per step, whose eta_min is floor times the rate.
    """
    return _cosine(1.0, floor, epoch / epochs)


@schedule
def cosine_restarts(epoch, period: Positive = 10.0, growth: AtLeastOne = 1.0, floor: Fraction = 0.0):
    """Cosine with restarts: the cosine over a period, then at full rate again; each period is growth times as long.

    The low rates at the end of each period give a usable model.  The loss jumps up at a restart, which may trigger
    early stopping with a short patience; let the last epoch end a period.  Loshchilov and Hutter 2016,
    https://arxiv.org/abs/1608.03983; as torch.optim.lr_scheduler.CosineAnnealingWarmRestarts (T_0, T_mult).
    """
    if growth == 1:
        return _cosine(1.0, floor, epoch % period / period)
    cycle = int(log(1 + epoch / period * (growth - 1), growth) + 1e-12)
    begin, length = period * (growth**cycle - 1) / (growth - 1), period * growth**cycle
    return _cosine(1.0, floor, (epoch - begin) / length)


@schedule
def one_cycle(step, steps, rise: Fraction = 0.3, start: Positive = 0.04, end: NonNegative = 4e-6):
    """One cycle: a cosine up from start to 1 over the share `rise` of the steps, then a cosine down to end.

    optimizer.learning_rate is the peak; it may be several times the largest constant rate that works.  If the peak is
    too high, the loss explodes about a third into the training.  Smith and Topin 2017,
    https://arxiv.org/abs/1708.07120; as torch.optim.lr_scheduler.OneCycleLR, whose div_factor is 1 / start and whose
    final_div_factor is start / end.
    """
    top, last = rise * steps - 1, steps - 1
    if step < top:
        return _cosine(start, 1.0, step / top)
    return _cosine(1.0, end, (step - top) / (last - top))


def _cosine(start: float, end: float, share: float) -> float:
    """Interpolate from start to end along half a period of the cosine."""
    return end + (start - end) * (1 + cos(pi * share)) / 2
