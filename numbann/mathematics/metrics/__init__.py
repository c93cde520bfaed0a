"""Metrics: plain NumPy functions that score predictions in the target's own unit, one family per file.

t (N,) or (N, O) is the target, label (N,) the predicted class, probability (N, K) the probability of each class, value
(N, O) the prediction, and weight (N,) the weight of each row: a row of weight 2 counts as two rows.  Classes are
numbered from 0; of two, class 1 is the positive one.  For T yes/no labels, t and label (N, T) are 1 for yes and 0 for
no, and probability (N, T) is the probability of yes.  Other names are what a loss gives (N, O), such as mean and
variance.  Definitions are scikit-learn's, including its sample_weight:
https://scikit-learn.org/stable/modules/model_evaluation.html (2024).  NumPy is imported inside the functions, so that
names can be looked up without it.
"""
