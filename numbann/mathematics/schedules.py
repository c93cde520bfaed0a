"""Schedules: plain Python functions that give the factor of the learning rate over time.

The factor multiplies optimizer.learning_rate.  All times are in epochs, and `epoch` is fractional, so that smooth
schedules change with every step.  Core adds the warm-up before any schedule (numbann/fit/rates.py).
"""

from __future__ import annotations

from math import cos, floor, inf, log, log2, pi
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from numbann.components.declare import schedule
from numbann.components.parameter import Fraction, NonNegative, Numbers, Positive

Drop = Annotated[float, Gt(0), Lt(1)]
AtLeastOne = Annotated[float, Ge(1)]


@schedule
def constant():
    """Constant: the factor is 1 at every step.

    The rate is optimizer.learning_rate throughout, after a warm-up if there is one.

    Example: constant(epoch=[0, 5, 9]) = [1, 1, 1]
    Use: a first try, adam on small tables, and lbfgs.
    For: nothing to choose.
    Against: a rate that learns fast at first is often too large at the end.
    Trouble: the loss jitters and no longer falls; take cosine, or plateau.
    Reference: Goodfellow, Bengio and Courville 2016, https://www.deeplearningbook.org/.
    """
    return 1.0


# ---- piecewise constant


@schedule
def step(epoch, every: Positive = 10.0, factor: Drop = 0.1):
    """Step: factor^floor(epoch / every), a drop after every `every` epochs.

    A factor in (0, 1].

    Example: step(epoch=[0, 9, 10, 25]) = [1, 1, 0.1, 0.01]
    Use: with sgd, if you know after how many epochs the loss stops falling.
    For: full speed for a while, then finer steps.
    Against: two numbers to choose, which fit one training only.
    Trouble: with a short `every` weights stop moving early; lengthen it, or take cosine.
    Reference: as torch.optim.lr_scheduler.StepLR, https://docs.pytorch.org/docs/stable/optim.html (2024).
    """
    return factor ** floor(epoch / every)


@schedule
def multi_step(epoch, milestones: Numbers = (25.0, 40.0), factor: Drop = 0.1):
    """Multi-step: factor^n, where n counts the milestones, in epochs, that have been reached.

    A factor in (0, 1].

    Example: multi_step(epoch=[0, 25, 40]) = [1, 0.1, 0.01]
    Use: recipes such as "a tenth after epochs 30 and 60".
    For: drops just where they are wanted.
    Against: milestones have to be found by trial.
    Trouble: a milestone after the last epoch does nothing; change milestones together with `train.epochs`.
    Reference: He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1512.03385; as torch.optim.lr_scheduler.MultiStepLR.
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
    `patience` epochs in a row that are not better, the rate drops and counting starts again.

    Example: plateau(monitor=[1, 0.9, 0.9, 0.9, 0.9], patience=1) = [1, 1, 1, 0.1, 0.1]
    Use: trainings of unknown length.
    For: it follows the loss and needs no number of epochs.
    Against: it sees a stop only after it has lasted for patience epochs.
    Trouble: with a noisy loss the rate drops too soon: raise patience.  Early stopping with a shorter patience ends the
    training first: give early stopping the longer one.
    Reference: as torch.optim.lr_scheduler.ReduceLROnPlateau, https://docs.pytorch.org/docs/stable/optim.html (2024).
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

    A factor in (0, 1].

    Example: exponential(epoch=[0, 10, 50]) = [1, 0.599, 0.077]
    Use: a steady decay that does not depend on the number of epochs.
    For: one number, and smooth.
    Against: it falls fastest at the beginning, where a high rate is worth most.
    Trouble: a small factor ends training early: with 0.5, a thousandth of the rate is left after 10 epochs; take 0.95
    or more.
    Reference: as torch.optim.lr_scheduler.ExponentialLR taken per step, https://docs.pytorch.org/docs/stable/optim.html
    (2024).
    """
    return factor**epoch


@schedule
def inverse_time(epoch, decay: NonNegative = 0.1):
    """Inverse time: 1 / (1 + decay epoch), at every step.

    The sum of the rates diverges and the sum of their squares converges, the condition for the convergence of
    stochastic gradient descent.

    Example: inverse_time(epoch=[0, 10, 50]) = [1, 0.5, 0.167]
    Use: long trainings by sgd, and where theory is to hold.
    For: it never stops learning.
    Against: the slowest decay.
    Trouble: in a short training the final rate is too high, and the loss jitters; take cosine or linear.
    Reference: Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586.
    """
    return 1 / (1 + decay * epoch)


# ---- smooth, over the whole training: stopping early cuts off the low rates at the end


@schedule
def linear(epoch, epochs, start: NonNegative = 1.0, end: NonNegative = 0.0):
    """Linear: start + (end - start) epoch / epochs.

    It ends with the last epoch.

    Example: linear(epoch=[0, 5, 9], epochs=10) = [1, 0.5, 0.1]
    Use: a fixed number of epochs; a good default there.
    For: simple, and low rates at the end, where fine steps pay.
    Against: the number of epochs has to be known.
    Trouble: after early stopping the rate is still high; take plateau, or fewer epochs.
    Reference: as torch.optim.lr_scheduler.LinearLR over all steps, https://docs.pytorch.org/docs/stable/optim.html
    (2024).
    """
    return start + (end - start) * epoch / epochs


@schedule
def polynomial(epoch, epochs, power: Positive = 2.0, floor: Fraction = 0.0):
    """Polynomial: floor + (1 - floor) (1 - epoch / epochs)^power.

    Power 1 is linear.

    Example: polynomial(epoch=[0, 5, 9], epochs=10) = [1, 0.25, 0.01]
    Use: as linear, with more of the training at low rates.
    For: one number bends the curve.
    Against: seldom better than cosine.
    Trouble: a large power spends nearly all of the training at a rate near 0; keep it at 1 to 3, or set a floor.
    Reference: Chen, Papandreou, Kokkinos, Murphy and Yuille 2016, https://arxiv.org/abs/1606.00915; with floor 0 as
    torch.optim.lr_scheduler.PolynomialLR.
    """
    return floor + (1 - floor) * (1 - epoch / epochs) ** power


@schedule
def cosine(epoch, epochs, floor: Fraction = 0.0):
    """Cosine: floor + (1 - floor) (1 + cos(pi epoch / epochs)) / 2.

    The rate stays high for a while, then falls smoothly.

    Example: cosine(epoch=[0, 5, 9], epochs=10) = [1, 0.5, 0.024]
    Use: trainings of known length; the usual choice, best after a few epochs of warm-up.
    For: nothing to choose, long at high rates and long at low ones.
    Against: the number of epochs has to be known.
    Trouble: early stopping cuts off the low rates at the end, which gain most; switch it off, or train fewer epochs.
    Reference: Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983; as
    torch.optim.lr_scheduler.CosineAnnealingLR taken per step, whose eta_min is floor times the rate.
    """
    return _cosine(1.0, floor, epoch / epochs)


@schedule
def log_cosine(epoch, epochs, cycles: Annotated[int, Ge(1)] = 4):
    """Logarithmic cosine: (1 - cos(2 pi log2(1 + (2^cycles - 1) t))) / 2, t = epoch / epochs.

    Cycles go from 0 to 1 and back, each twice as long as the one before; the last one takes half of the training.

    Example: log_cosine(epoch=[0, 2, 5, 10, 15], epochs=15) = [0, 0.93, 0.93, 0.984, 0]
    Use: tables, with adam at a large rate; the schedule of RealMLP.
    For: it begins small, so that it needs no warm-up, and gives several usable models on the way.
    Against: the number of epochs has to be known, and the loss rises in each cycle.
    Trouble: early stopping takes a rise for the end; choose the best epoch by `train.select` instead.
    Reference: Holzmüller, Grinsztajn and Steinwart 2024, https://arxiv.org/abs/2407.04491 (coslog4).
    """
    return (1 - cos(2 * pi * log2(1 + (2**cycles - 1) * epoch / epochs))) / 2


@schedule
def flat_cosine(epoch, epochs):
    """Flat cosine: (1 + cos(pi (max(1, 2 t) - 1))) / 2, t = epoch / epochs.

    1 for half of the training, then half a period of the cosine down to 0.

    Example: flat_cosine(epoch=[0, 5, 7.5, 9], epochs=10) = [1, 1, 0.5, 0.095]
    Use: a rate that stays high for long; dropout and weight decay that fade when the training ends.
    For: nothing to choose; the last epochs fit the rows as they are.
    Against: the number of epochs has to be known.
    Trouble: early stopping before the second half never sees it fall; train fewer epochs.
    Reference: Holzmüller, Grinsztajn and Steinwart 2024, https://arxiv.org/abs/2407.04491 (flat_cos).
    """
    return _cosine(1.0, 0.0, max(1.0, 2 * epoch / epochs) - 1)


@schedule
def cosine_restarts(epoch, period: Positive = 10.0, growth: AtLeastOne = 1.0, floor: Fraction = 0.0):
    """Cosine with restarts: the cosine over a period, then at full rate again; each period is growth times as long.

    At a restart the rate is full again.

    Example: cosine_restarts(epoch=[0, 5, 9, 10, 15]) = [1, 0.5, 0.024, 1, 0.5]
    Use: several good models from one training, or a length that is not known.
    For: the low rates at the end of each period give a usable model.
    Against: the loss jumps up at each restart.
    Trouble: that may trigger early stopping with a short patience; let it be longer than a period, and let the last
    epoch end one.
    Reference: Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983; as
    torch.optim.lr_scheduler.CosineAnnealingWarmRestarts (T_0, T_mult).
    """
    if growth == 1:
        return _cosine(1.0, floor, epoch % period / period)
    cycle = int(log(1 + epoch / period * (growth - 1), growth) + 1e-12)
    begin, length = period * (growth**cycle - 1) / (growth - 1), period * growth**cycle
    return _cosine(1.0, floor, (epoch - begin) / length)


@schedule
def one_cycle(step, steps, rise: Fraction = 0.3, start: Positive = 0.04, end: NonNegative = 4e-6):
    """One cycle: a cosine up from start to 1 over the share `rise` of the steps, then a cosine down to end.

    optimizer.learning_rate is the peak.

    Example: one_cycle(step=[0, 29, 60, 99], steps=100, end=0) = [0.04, 1, 0.589, 0]
    Use: short trainings at a large rate.
    For: the rise is a warm-up, so that the peak may be several times the largest constant rate that works.
    Against: the peak has to be found: see `numbann lr-find`.
    Trouble: if the peak is too high, the loss explodes about a third into the training; halve it, or raise `rise`.
    Reference: Smith and Topin 2017, https://arxiv.org/abs/1708.07120; as torch.optim.lr_scheduler.OneCycleLR, whose
    div_factor is 1 / start and whose final_div_factor is start / end.
    """
    top, last = rise * steps - 1, steps - 1
    if step < top:
        return _cosine(start, 1.0, step / top)
    return _cosine(1.0, end, (step - top) / (last - top))


def _cosine(start: float, end: float, share: float) -> float:
    """Interpolate from start to end along half a period of the cosine."""
    return end + (start - end) * (1 + cos(pi * share)) / 2
