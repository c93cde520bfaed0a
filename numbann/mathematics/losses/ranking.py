"""Losses for the order of the rows of a group, such as the documents that a query finds."""

from __future__ import annotations

from math import exp, log1p

from numbann.components.declare import loss

LEAST = 1e-30  # a sum of weights below it counts as this


@loss(form="batch", target="unshifted", aliases=("pairwise_logistic",))
def ranknet(row, y, t, weight, group, group_end, total, dy):
    """RankNet: the mean over the rows j of its group of log(1 + exp(y_j - y)) where t_j < t, else 0.

    Values in [0, inf), without a unit.  The outputs are scores: in a group, a row of a larger target should have a
    larger one.  `data.group` names the column of the groups.  The mean is weighted by the weights of the rows j.

    Example: ranknet(y=[1, 0], t=[2, 1], group=[0, 0], group_end=[2, 2]) = [0.157, 0]; ranknet(y=[1, 0], t=[2, 1],
    group=[0, 1], group_end=[1, 2]) = [0, 0]
    Use: documents of a query, offers of a search: an order within groups that differ in their level.
    For: only differences within a group count, so that nothing has to explain the level of a group.
    Against: scores of different groups cannot be compared; every pair counts the same, wherever in the order it is.
    Trouble: a group whose rows have the same target teaches nothing; look at ndcg, which leaves such groups out, too.
    Reference: Burges et al. 2005, https://doi.org/10.1145/1102351.1102363.
    """
    value = 0
    for k in range(len(dy)):
        dy[k] = 0
        for j in range(group[row], group_end[row]):
            share, ahead = weight[row] * weight[j] / total[row], y[row, k] - y[j, k]
            if t[j, k] < t[row, k]:
                value += share * (log1p(exp(-abs(ahead))) + max(-ahead, 0)) / len(dy)
                dy[k] -= share / (1 + exp(ahead)) / len(dy)
            if t[j, k] > t[row, k]:
                dy[k] += share / (1 + exp(-ahead)) / len(dy)
    return value


@ranknet.each("total")
def ranknet_total(row, weight, group, group_end):
    """The sum of the weights of the row's group."""
    total = 0
    for j in range(group[row], group_end[row]):
        total += weight[j]
    return LEAST if total < LEAST else total
