"""Embeddings of inputs x (B, I): e (B, I, O), and the gradients to what is trained from de."""

from __future__ import annotations

import numpy as np


def pbld(x, frequency, phase, mix, offset):
    turns = 2 * np.pi * x[:, :, None] * frequency + phase
    return np.concatenate([np.einsum("bih,iho->bio", np.cos(turns), mix) + offset, x[:, :, None]], axis=2)


def pbld_backward(de, x, frequency, phase, mix, offset):
    turns, dz = 2 * np.pi * x[:, :, None] * frequency + phase, de[:, :, :-1]
    dturns = -np.sin(turns) * np.einsum("bio,iho->bih", dz, mix)
    dmix = np.einsum("bih,bio->iho", np.cos(turns), dz)
    return (dturns * 2 * np.pi * x[:, :, None]).sum(0), dturns.sum(0), dmix, dz.sum(0)


def periodic(x, frequency, mix, offset):
    turns = 2 * np.pi * x[:, :, None] * frequency
    terms = np.concatenate([np.cos(turns), np.sin(turns)], axis=2)
    return np.maximum(np.einsum("bih,iho->bio", terms, mix) + offset, 0)


def periodic_backward(de, x, frequency, mix, offset):
    turns, dz = 2 * np.pi * x[:, :, None] * frequency, de * (periodic(x, frequency, mix, offset) > 0)
    terms = np.concatenate([np.cos(turns), np.sin(turns)], axis=2)
    dterms = np.split(np.einsum("bio,iho->bih", dz, mix), 2, axis=2)
    dturns = np.cos(turns) * dterms[1] - np.sin(turns) * dterms[0]
    return (dturns * 2 * np.pi * x[:, :, None]).sum(0), np.einsum("bih,bio->iho", terms, dz), dz.sum(0)


def linear_relu(x, weight, offset):
    return np.maximum(x[:, :, None] * weight + offset, 0)


def linear_relu_backward(de, x, weight, offset):
    dy = de * (x[:, :, None] * weight + offset > 0)
    return (dy * x[:, :, None]).sum(0), dy.sum(0)
