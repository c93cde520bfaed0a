"""Shrinkage: activations that map small values to zero and keep large ones."""

from __future__ import annotations

from math import tanh

from numbann.components.declare import activation
from numbann.components.parameter import NonNegative


@activation
def hard_shrink(z, lambd: NonNegative = 0.5):
    """Hard shrinkage: a = z for |z| > lambd, else 0, in (-inf, inf).

    Derivative 1 for |z| > lambd, else 0; the jump at lambd has no gradient.

    Example: hard_shrink([-2, 0.3, 3]) = [-2, 0, 3]
    Use: sparse codes and denoising, where small values are noise.
    For: large values pass unchanged.
    Against: it jumps at +-lambd, which gradients do not see.
    Trouble: units that stay within lambd for every row are dead; lower lambd, or take tanh_shrink.
    Reference: Donoho and Johnstone 1994, https://doi.org/10.1093/biomet/81.3.425; as torch.nn.Hardshrink.
    """
    return 0 if abs(z) <= lambd else z


@hard_shrink.derivative
def hard_shrink_derivative(z, lambd):
    return 1 if abs(z) > lambd else 0


@activation
def soft_shrink(z, lambd: NonNegative = 0.5):
    """Soft shrinkage: a = z - lambd for z > lambd, z + lambd for z < -lambd, else 0, in (-inf, inf).

    Derivative 1 for |z| > lambd, else 0.

    Example: soft_shrink([-2, 0.3, 3]) = [-1.5, 0, 2.5]
    Use: sparse codes and denoising, as hard_shrink.
    For: continuous, so small steps change the loss little.
    Against: it pulls large values towards 0, too.
    Trouble: units that stay within lambd for every row are dead; lower lambd, or take tanh_shrink.
    Reference: Donoho and Johnstone 1994, https://doi.org/10.1093/biomet/81.3.425; as torch.nn.Softshrink.
    """
    return 0 if abs(z) <= lambd else (z + lambd if z < 0 else z - lambd)


@soft_shrink.derivative
def soft_shrink_derivative(z, lambd):
    return 1 if abs(z) > lambd else 0


@activation
def tanh_shrink(z):
    """Shrinkage by tanh: a = z - tanh(z), in (-inf, inf).

    Derivative tanh(z)^2.  Near 0 it is about z^3 / 3, and the difference would lose all digits; it is evaluated there
    by Lambert's continued fraction for tanh, z - z / (1 + z^2 / (3 + z^2 / (5 + ...))), as one quotient of sums.

    Example: tanh_shrink([-2, 0.3, 3]) = [-1.036, 0.0087, 2.005]
    Use: as soft_shrink, where a smooth function is wanted.
    For: it suppresses small values smoothly, and no unit is dead.
    Against: large values lose nearly 1, and near 0 gradients almost vanish.
    Trouble: with small initial weights nothing learns at first; start with larger ones, or standardise inputs.
    Reference: Donoho and Johnstone 1994 on shrinkage, https://doi.org/10.1093/biomet/81.3.425; the fraction: NIST 2010,
    https://dlmf.nist.gov/4.39; as torch.nn.Tanhshrink.
    """
    u = z * z
    n = 218243025 + u * (16081065 + u * (289575 + u * (1430 + u)))
    d = 654729075 + u * (310134825 + u * (18918900 + u * (315315 + u * (1485 + u))))
    return z * u * n / d if abs(z) < 1.5 else z - tanh(z)


@tanh_shrink.derivative
def tanh_shrink_derivative(z):
    s = tanh(z)
    return s * s
