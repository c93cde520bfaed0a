"""Initializers: plain NumPy functions that draw initial weights of shape (I, O), for I inputs and O outputs."""

from __future__ import annotations

from math import ceil, sqrt

from numbann.components.declare import initializer
from numbann.components.parameter import Fraction, Positive

CUT = 2.0  # deviations beyond which a truncated normal is drawn again


@initializer
def zeros(shape, random):
    """Zeros: every weight 0.  For linear models; hidden units that start equal stay equal.

    Example: max(zeros(400, 100)) = 0
    Use: linear models (`"layers": []`), and biases.
    For: the same start each time, and no first guess.
    Against: in hidden layers all units get the same gradient and stay equal, as one unit.
    Trouble: a network with hidden layers does not learn; take he_normal.
    Reference: Goodfellow, Bengio and Courville 2016, https://www.deeplearningbook.org/.
    """
    return 0.0 * random.random(shape)


@initializer
def ones(shape, random):
    """Ones: every weight 1.  To test arithmetic; hidden units that start equal stay equal.

    Example: max(ones(400, 100)) = 1
    Use: to follow the arithmetic of a small network by hand.
    For: every sum is that of the inputs.
    Against: hidden units that start equal stay equal.
    Trouble: wide layers overflow or saturate; take he_normal.
    Reference: Goodfellow, Bengio and Courville 2016, https://www.deeplearningbook.org/.
    """
    return zeros(shape, random) + 1.0


@initializer
def constant(shape, random, value: float = 0.1):
    """Constant: every weight has the same value.  To test arithmetic; hidden units that start equal stay equal.

    Example: max(constant(400, 100)) = 0.1
    Use: to follow arithmetic by hand, and as `bias_init`, such as 0.1 for relu.
    For: one number, the same for all.
    Against: as weights, hidden units that start equal stay equal.
    Trouble: a network with equal weights does not learn; take he_normal for weights.
    Reference: Goodfellow, Bengio and Courville 2016, https://www.deeplearningbook.org/.
    """
    return zeros(shape, random) + value


@initializer
def uniform(shape, random, bound: Positive = 0.05):
    """Uniform: in +-bound, whatever the layer's width.  Too large a bound saturates wide layers: see xavier_uniform.

    Its standard deviation is bound / sqrt(3).

    Example: std(uniform(400, 100)) = 0.029; max(uniform(400, 100)) = 0.050
    Use: to repeat a recipe that names the bound.
    For: no outlier beyond the bound.
    Against: it does not look at the width of the layer.
    Trouble: wide layers saturate, narrow ones fade; take xavier_uniform or he_uniform.
    Reference: Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html, on what it does in deep stacks.
    """
    return random.uniform(-bound, bound, shape)


@initializer
def normal(shape, random, deviation: Positive = 0.05):
    """Normal: mean 0 and this standard deviation, whatever the layer's width.  For wide layers see he_normal.

    Example: std(normal(400, 100)) = 0.050
    Use: to repeat a recipe that names the deviation.
    For: simple.
    Against: it does not look at the width of the layer.
    Trouble: in wide or deep networks signals grow or fade from layer to layer; take he_normal or xavier_normal.
    Reference: He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852, on what it does in deep stacks.
    """
    return random.normal(0.0, deviation, shape)


@initializer
def truncated_normal(shape, random, deviation: Positive = 0.05):
    """Truncated normal: normal with mean 0, drawn again beyond 2 deviations, so that no unit starts with an outlier.

    Its own standard deviation is 0.88 of the one given.

    Example: std(truncated_normal(400, 100)) = 0.044; max(truncated_normal(400, 100)) = 0.100
    Use: as normal, to repeat a recipe.
    For: no unit starts with an outlier.
    Against: it does not look at the width of the layer.
    Trouble: units start weaker than the deviation says; divide it by 0.88, or take he_normal.
    Reference: as jax.nn.initializers.truncated_normal, https://docs.jax.dev/en/latest/jax.nn.initializers.html (2024).
    """
    drawn = random.standard_normal(shape)
    while (wide := abs(drawn) > CUT).any():
        drawn[wide] = random.standard_normal(wide.sum())
    return deviation * drawn


@initializer(aliases=("glorot_normal",))
def xavier_normal(shape, random):
    """Xavier: normal with mean 0 and variance 2 / (I + O), for tanh and sigmoid.

    A compromise between keeping the variance in the forward pass, 1 / I, and in the backward pass, 1 / O.

    Example: std(xavier_normal(400, 100)) = 0.063
    Use: tanh, sigmoid and other activations with slope 1 or less around 0; their default.
    For: signals and gradients keep their size through layers.
    Against: made for units that are linear around 0, not for rectifiers.
    Trouble: with deep rectifiers signals fade; take he_normal.
    Reference: Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.
    """
    return random.normal(0.0, sqrt(2 / (shape[0] + shape[1])), shape)


@initializer(aliases=("glorot_uniform",))
def xavier_uniform(shape, random):
    """Xavier: uniform in +-sqrt(6 / (I + O)), whose variance is 2 / (I + O).

    As xavier_normal, of bounded weights.

    Example: std(xavier_uniform(400, 100)) = 0.063; max(xavier_uniform(400, 100)) = 0.110
    Use: tanh and sigmoid.
    For: no rare large weight.
    Against: no other than that of xavier_normal.
    Trouble: with deep rectifiers signals fade; take he_uniform.
    Reference: Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.
    """
    bound = sqrt(6 / (shape[0] + shape[1]))
    return random.uniform(-bound, bound, shape)


@initializer(aliases=("kaiming_normal",))
def he_normal(shape, random):
    """He: normal with mean 0 and variance 2 / I, for rectifiers.

    The 2 makes up for the half of z that relu sets to zero.

    Example: std(he_normal(400, 100)) = 0.071
    Use: relu and its relatives, gelu and silu; their default.
    For: signals keep their size through many layers of rectifiers.
    Against: it looks at the forward pass alone.
    Trouble: with tanh, units start closer to saturation; take xavier_normal.
    Reference: He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852.
    """
    return random.normal(0.0, sqrt(2 / shape[0]), shape)


@initializer(aliases=("kaiming_uniform",))
def he_uniform(shape, random):
    """He: uniform in +-sqrt(6 / I), whose variance is 2 / I.

    As he_normal, of bounded weights.

    Example: std(he_uniform(400, 100)) = 0.071; max(he_uniform(400, 100)) = 0.122
    Use: relu and its relatives.
    For: no rare large weight.
    Against: no other than that of he_normal.
    Trouble: with tanh, units start closer to saturation; take xavier_uniform.
    Reference: He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852.
    """
    bound = sqrt(6 / shape[0])
    return random.uniform(-bound, bound, shape)


@initializer
def lecun_normal(shape, random):
    """LeCun: normal with mean 0 and variance 1 / I, for selu and linear layers; rectifiers fade out with it.

    It keeps the variance of z for inputs of variance 1.

    Example: std(lecun_normal(400, 100)) = 0.050
    Use: selu, whose constants need it, and linear layers.
    For: variance 1 stays variance 1.
    Against: it does not make up for what rectifiers cut off.
    Trouble: with relu the variance halves in each layer; take he_normal.
    Reference: LeCun, Bottou, Orr and Mueller 1998, https://doi.org/10.1007/3-540-49430-8_2.
    """
    return random.normal(0.0, sqrt(1 / shape[0]), shape)


@initializer
def lecun_uniform(shape, random):
    """LeCun: uniform in +-sqrt(3 / I), whose variance is 1 / I.

    As lecun_normal, of bounded weights.

    Example: std(lecun_uniform(400, 100)) = 0.050; max(lecun_uniform(400, 100)) = 0.087
    Use: selu and linear layers.
    For: no rare large weight.
    Against: no other than that of lecun_normal.
    Trouble: with relu the variance halves in each layer; take he_uniform.
    Reference: LeCun, Bottou, Orr and Mueller 1998, https://doi.org/10.1007/3-540-49430-8_2.
    """
    bound = sqrt(3 / shape[0])
    return random.uniform(-bound, bound, shape)


@initializer
def linear_uniform(shape, random):
    """Linear: uniform in +-1 / sqrt(I), whose variance is 1 / (3 I), as PyTorch's linear layers start.

    Example: std(linear_uniform(400, 100)) = 0.029; max(linear_uniform(400, 100)) = 0.050
    Use: to repeat a recipe of PyTorch, as `init` and as `bias_init`; embeddings mix their terms by it.
    For: the same start as there.
    Against: z starts with a third of the inputs' variance, or less.
    Trouble: in deep stacks signals fade; take he_normal or xavier_normal.
    Reference: as torch.nn.Linear, https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html (2025).
    """
    bound = sqrt(1 / shape[0])
    return random.uniform(-bound, bound, shape)


@initializer
def orthogonal(shape, random, gain: Positive = 1.0):
    """Orthogonal: gain Q, whose columns (rows, if O > I) are orthogonal and of length 1, uniform among all such Q.

    It costs a QR decomposition.

    Example: std(orthogonal(400, 100)) = 0.050
    Use: deep stacks, and linear or tanh layers.
    For: square linear layers keep the length of vectors exactly, forward and back.
    Against: slow for very wide layers.
    Trouble: with rectifiers signals fade; use a gain of sqrt(2).
    Reference: Saxe, McClelland and Ganguli 2013, https://arxiv.org/abs/1312.6120; as torch.nn.init.orthogonal_.
    """
    from numpy.linalg import qr

    drawn = random.standard_normal((max(shape), min(shape)))
    q, r = qr(drawn)
    q = q * (1 - 2 * (r.diagonal() < 0))
    return gain * (q if shape[0] >= shape[1] else q.T)


@initializer
def signs(shape, random):
    """Random signs: 1 or -1, each with probability 1/2.

    Example: std(signs(400, 100)) = 1.000
    Use: scales that tell apart networks which share their weights.
    For: two of them are orthogonal on average, and no input is lost.
    Against: nothing but a start; weights of a product want smaller numbers.
    Trouble: as weights of a layer it makes sums that grow with the inputs; take he_normal or xavier_normal.
    Reference: Wen, Tran and Ba 2020, https://arxiv.org/abs/2002.06715 (BatchEnsemble).
    """
    return 2.0 * random.integers(0, 2, shape) - 1


@initializer
def sparse(shape, random, sparsity: Fraction = 0.9, deviation: Positive = 0.01):
    """Sparse: of each unit's I weights ceil(sparsity I) are 0, the others normal with mean 0 and this deviation.

    Each unit has (1 - sparsity) I inputs at first; training may fill in the others.

    Example: std(sparse(400, 100)) = 0.0032
    Use: wide layers whose units should start out different from each other.
    For: a unit's sum does not grow with the width.
    Against: two numbers to choose.
    Trouble: in narrow layers a large sparsity leaves units with one input or none; lower it.
    Reference: Martens 2010, https://www.cs.toronto.edu/~jmartens/docs/Deep_HessianFree.pdf; as torch.nn.init.sparse_.
    """
    drawn = random.normal(0.0, deviation, shape)
    places = random.random(shape).argsort(0).argsort(0)
    return drawn * (places >= ceil(sparsity * shape[0]))


# ---- by a sample of the layer's inputs


@initializer
def unit_variance(shape, random, x):
    """Unit variance: normal, each unit's weights then divided by the deviation of its x w over a sample of the rows.

    x are the layer's inputs for these rows.  A unit whose x w is the same for all rows keeps weights of variance 1 / I.

    Example: std(unit_variance(400, 100)) = 0.050
    Use: tables, whose inputs are of unlike size and hang together; the start of RealMLP's weights, with bias_init he5.
    For: every unit of every layer starts with variance 1, whatever inputs, activations and dropout are.
    Against: rows have to pass through the layers before, once.
    Trouble: without biases that differ, units of one input alone are alike up to their sign; take he5 for biases.
    Reference: Holzmueller, Grinsztajn and Steinwart 2024, https://arxiv.org/abs/2407.04491.
    """
    w = random.standard_normal(shape) / sqrt(shape[0])
    deviation = (x @ w).std(0)
    return w / (deviation + (deviation == 0))


@initializer
def he5(shape, random, z):
    """He+5, for biases: b = -sum_k p_k z_k over five random rows z_k of x w, each unit its own; p_k random, of sum 1.

    The p_k are exponential numbers over their sum: uniform among all shares.  z + b is then 0 at a random point among
    the rows.

    Example: std(he5(400, 100)) = 0.610
    Use: `bias_init` where rows lie in clusters or away from 0; the start of RealMLP's biases.
    For: a unit's kink begins where rows are, so that it tells some of them apart, and none begins dead.
    Against: rows have to pass through the layers before, once.
    Trouble: it needs z, which weights do not have: name it in `bias_init`.
    Reference: Steinwart 2019, https://arxiv.org/abs/1903.11482; Holzmueller, Grinsztajn and Steinwart 2024,
    https://arxiv.org/abs/2407.04491.
    """
    shares = random.exponential(1.0, (5, shape[1]))
    rows = random.integers(0, len(z), (5, shape[1]))
    return -(shares / shares.sum(0) * z[rows, range(shape[1])]).sum(0)
