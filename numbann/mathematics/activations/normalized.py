"""Activations of a whole row, which normalize its outputs by a common sum."""

from __future__ import annotations

from math import exp, log

from numbann.components.declare import activation
from numbann.mathematics.rows import row_dot, row_max, row_sum


@activation(form="row", probabilities=True)
def softmax(z, a):
    """Softmax: a_k = exp(z_k) / sum_j exp(z_j), each in (0, 1), with sum 1.  z, a: one row (K,).

    dz_k = a_k (da_k - sum_j a_j da_j).  The largest z is subtracted first, so that no exp overflows.

    Example: softmax([2, 1, 0]) = [0.665, 0.245, 0.090]
    Use: the output layer, for one class out of several.
    For: the outputs are the probabilities of the classes; only differences of the z_k count.
    Against: every output depends on all z, and none is exactly 0; where several labels may be true at once, take
    sigmoid.
    Trouble: in a hidden layer few units stay active and gradients vanish; take relu there.  As an output, leave it to
    the loss, softmax_cross_entropy, which contains it: two in a row learn slowly and are less sure than they should be.
    Reference: Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28.
    """
    largest = row_max(z)
    for k in range(len(z)):
        a[k] = exp(z[k] - largest)
    total = row_sum(a)
    for k in range(len(z)):
        a[k] = a[k] / total


@softmax.backward
def softmax_backward(a, da, dz):
    inner = row_dot(a, da)
    for k in range(len(a)):
        dz[k] = a[k] * (da[k] - inner)


@activation(form="row")
def log_softmax(z, a):
    """Logarithm of softmax: a_k = z_k - log sum_j exp(z_j), each in (-inf, 0].  z, a: one row (K,).

    dz_k = da_k - exp(a_k) sum_j da_j.

    Example: log_softmax([2, 1, 0]) = [-0.408, -1.408, -2.408]
    Use: outputs that are logarithms of probabilities.
    For: it keeps all digits of small probabilities, whose softmax would be 0.
    Against: as a hidden unit it says no more than z does.
    Trouble: a loss that contains softmax must get z itself; leave `output_activation` as it is.
    Reference: Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28; as torch.nn.LogSoftmax.
    """
    largest = row_max(z)
    for k in range(len(z)):
        a[k] = exp(z[k] - largest)
    total = row_sum(a)
    log_total = log(total)
    for k in range(len(z)):
        a[k] = z[k] - largest - log_total


@log_softmax.backward
def log_softmax_backward(a, da, dz):
    total = row_sum(da)
    for k in range(len(a)):
        dz[k] = da[k] - exp(a[k]) * total


@activation(form="row", probabilities=True)
def softmin(z, a):
    """Softmin: a_k = exp(-z_k) / sum_j exp(-z_j), each in (0, 1), with sum 1.  z, a: one row (K,).

    dz_k = -a_k (da_k - sum_j a_j da_j).

    Example: softmin([2, 1, 0]) = [0.090, 0.245, 0.665]
    Use: outputs that are distances or costs, of which the smallest is the most probable.
    For: softmax of -z, with the same gradient but for its sign.
    Against: a linear layer before it learns the sign by itself, so softmax does as well.
    Trouble: distances of different scale drown each other; standardise them first.
    Reference: Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28; as torch.nn.Softmin.
    """
    for k in range(len(z)):
        a[k] = -z[k]
    largest = row_max(a)
    for k in range(len(z)):
        a[k] = exp(a[k] - largest)
    total = row_sum(a)
    for k in range(len(z)):
        a[k] = a[k] / total


@softmin.backward
def softmin_backward(a, da, dz):
    inner = row_dot(a, da)
    for k in range(len(a)):
        dz[k] = a[k] * (inner - da[k])


@activation(form="row", probabilities=True)
def sparsemax(z, a):
    """Sparsemax: a_k = max(z_k - tau, 0), with tau such that the sum is 1; each in [0, 1].  z, a: one row (K,).

    tau starts at max z - 1 and is replaced by (sum of the z_k above tau - 1) / (their number) until it stops changing.
    With S = {k: a_k > 0}, dz_k = da_k - mean_{j in S} da_j in S, else 0.

    Example: sparsemax([2, 1.5, 0]) = [0.75, 0.25, 0]; sparsemax([2, 1, 0]) = [1, 0, 0]
    Use: attention over few parts, and distributions in which most entries are exactly 0.
    For: the distribution nearest to z; unlike softmax, it gives exact zeros.
    Against: no gradient for outputs that are 0, and a search for tau in each row.
    Trouble: a loss with a logarithm is inf where it gives 0; take softmax, or mse as the loss.
    Reference: Martins and Astudillo 2016, https://arxiv.org/abs/1602.02068; tau as Michelot 1986,
    https://doi.org/10.1007/BF00938486.
    """
    largest = row_max(z)
    tau, risen = -1.0, 1.0
    for _round in range(len(z)):
        if risen > 0:
            total, count = 0.0, 0
            for k in range(len(z)):
                if z[k] - largest > tau:
                    total += z[k] - largest
                    count += 1
            risen = (total - 1) / count - tau
            tau += risen
    for k in range(len(z)):
        a[k] = 0 if z[k] - largest < tau else z[k] - largest - tau


@sparsemax.backward
def sparsemax_backward(a, da, dz):
    total, count = 0.0, 0
    for k in range(len(a)):
        if a[k] > 0:
            total += da[k]
            count += 1
    for k in range(len(a)):
        dz[k] = da[k] - total / count if a[k] > 0 else 0


@activation(form="row", probabilities=True)
def chained_sigmoid(z, a):
    """Chained sigmoids: a_k = s_0 s_1 ... s_k, s = sigmoid(z), each in (0, 1), none above the one before it.

    z, a: one row (K,).  dz_j = (1 - s_j) sum_{k >= j} a_k da_k.

    Example: chained_sigmoid([2, 1, 0]) = [0.881, 0.644, 0.322]
    Use: ordered classes, as the link of corn: a_k is the chance to be above class k, s_k that for one who is not below
    it.
    For: the chances never rise from class to class, so the probabilities of classes are never negative.
    Against: a late output is a product of all before it, and learns from few rows.
    Trouble: classes in no order have no such chances; take softmax for them.
    Reference: Shi, Cao and Raschka 2021, https://arxiv.org/abs/2111.08851.
    """
    chance = 1.0
    for k in range(len(z)):
        e = exp(-abs(z[k]))
        chance = chance * (e if z[k] < 0 else 1) / (1 + e)
        a[k] = chance


@chained_sigmoid.backward
def chained_sigmoid_backward(z, a, da, dz):
    total = 0
    for k in range(len(z)):
        last = len(z) - 1 - k
        e = exp(-abs(z[last]))
        total = total + a[last] * da[last]
        dz[last] = total * (1 if z[last] < 0 else e) / (1 + e)
