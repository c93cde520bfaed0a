"""Losses of whole batches from papers, as plugin writers write them from the documentation alone, in one file."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Annotated

from annotated_types import Ge

from numbann import Positive, hookimpl, loss, row_dot


@loss(form="batch", target={"identity": "real"}, outputs="size")
def contrastive(row, y, identity, dy, margin: Positive = 1.0, size: Annotated[int, Ge(1)] = 2):
    """Contrastive: over pairs, d^2 of the same identity, max(0, margin - d)^2 of others.  Hadsell et al. 2006."""
    for k in range(len(dy)):
        dy[k] = 0
    value, pairs = 0, len(y) - 1 if len(y) > 1 else 1
    for j in range(len(y)):
        if j != row:
            square = 1e-12
            for k in range(len(dy)):
                square += (y[row, k] - y[j, k]) * (y[row, k] - y[j, k])
            d = sqrt(square)
            gap = 0 if d > margin else margin - d
            same = identity[j] == identity[row]
            value += (square if same else gap * gap) / pairs
            slope = 2 if same else -2 * gap / d
            for k in range(len(dy)):
                dy[k] += 2 * slope * (y[row, k] - y[j, k]) / pairs  # as one of the pair, and as the other
    return value


@loss(form="batch", target={"identity": "real"}, outputs=3)
def supervised_contrastive(row, y, identity, total, friends, dy, temperature: Positive = 0.5):
    """SupCon: -mean over friends j of log(exp(y y_j / T) / sum_{i != row} exp(y y_i / T)).  Khosla et al. 2020."""
    for k in range(len(dy)):
        dy[k] = 0
    value = 0
    for j in range(len(y)):
        if j != row:
            likeness = row_dot(y[row], y[j]) / temperature
            mine = 1 / friends[row] if identity[j] == identity[row] else 0
            theirs = 1 / friends[j] if identity[j] == identity[row] else 0
            value += mine * (total[row] - likeness)
            slope = exp(likeness - total[row]) * (friends[row] > 0) - mine
            slope += exp(likeness - total[j]) * (friends[j] > 0) - theirs
            for k in range(len(dy)):
                dy[k] += slope * y[j, k] / temperature
    return value


@supervised_contrastive.each("total")
def logarithm_of_all(row, y, temperature):
    largest = 0
    for j in range(len(y)):
        likeness = row_dot(y[row], y[j]) / temperature
        if j != row and likeness > largest:
            largest = likeness
    total = 0
    for j in range(len(y)):
        if j != row:
            total += exp(row_dot(y[row], y[j]) / temperature - largest)
    return largest + log(1e-30 if total < 1e-30 else total)  # a row alone


@supervised_contrastive.each("friends")
def count_friends(row, identity):
    count = -1
    for j in range(len(identity)):
        count += 1 if identity[j] == identity[row] else 0
    return count


@loss(form="batch")
def concordance_loss(row, y, t, dy):
    """CCC: 1 - 2 cov(y, t) / (var y + var t + (mean y - mean t)^2), mean over outputs.  Lin 1989."""
    n, value = len(y), 0
    for k in range(len(dy)):
        my, mt = 0, 0
        for j in range(n):
            my += y[j, k] / n
            mt += t[j, k] / n
        joint, below = 0, (my - mt) * (my - mt) + 1e-12
        for j in range(n):
            joint += 2 * (y[j, k] - my) * (t[j, k] - mt) / n
            below += ((y[j, k] - my) * (y[j, k] - my) + (t[j, k] - mt) * (t[j, k] - mt)) / n
        ccc = joint / below
        value += (1 - ccc) / len(dy)
        to_below = (2 * (y[row, k] - my) + 2 * (my - mt)) / n
        dy[k] = -(2 * (t[row, k] - mt) / n - ccc * to_below) / below * n / len(dy)
    return value


@loss(form="batch", target={"grade": "real"})
def listnet(row, y, grade, group, group_end, total, total_grade, dy):
    """ListNet: -p log q over a group, p and q the shares of exp(grade) and of exp(y).  Cao et al. 2007."""
    share = exp(grade[row] - total_grade[row])
    dy[0] = exp(y[row, 0] - total[row]) - share
    return share * (total[row] - y[row, 0])


@listnet.each("total")
def logarithm_of_group(row, y, group, group_end):
    total = 0
    for j in range(group[row], group_end[row]):
        total += exp(y[j, 0] - y[row, 0])
    return log(total) + y[row, 0]


@listnet.each("total_grade")
def logarithm_of_grades(row, grade, group, group_end):
    total = 0
    for j in range(group[row], group_end[row]):
        total += exp(grade[j] - grade[row])
    return log(total) + grade[row]


@hookimpl
def numbann_register(register):
    for component in (contrastive, supervised_contrastive, concordance_loss, listnet):
        register(component)
