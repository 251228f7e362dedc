"""Losses of an update, each a short function of tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def surrogate(ratio: Tensor, advantage: Tensor, clip: Tensor, weight: Tensor) -> Tensor:
    """Clipped surrogate (Schulman et al. 2017), to be minimised: -mean of w min(r A, clip(r, 1 - eps, 1 + eps) A); all [B]."""
    bounded = torch.clamp(ratio, 1.0 - clip, 1.0 + clip)
    return -(weight * torch.minimum(ratio * advantage, bounded * advantage)).mean()


def legal_entropy(log_probs: Tensor, legal: Tensor) -> Tensor:
    """Entropy over legal slots [nat], shape [B]; log_probs and legal [B, S]."""
    return -(log_probs.exp() * log_probs.masked_fill(~legal, 0.0)).sum(1)


def huber(error: Tensor, delta: float) -> Tensor:
    """0.5 e^2 up to delta, linear beyond (Huber 1964)."""
    size = error.abs()
    inner = torch.clamp(size, max=delta)
    return inner * (size - 0.5 * inner)


def value_loss(means: Tensor, target: Tensor, weight: Tensor, delta: float) -> Tensor:
    """Mean over samples of sum over owners and members of weight * huber: means [B, M, K], target [B, M], weight [B, M, K]."""
    return (weight * huber(means - target.unsqueeze(2), delta)).sum((1, 2)).mean()


def quantile_loss(quantiles: Tensor, target: Tensor, weight: Tensor, levels: Tensor) -> Tensor:
    """Pinball loss (Koenker and Bassett 1978) at `levels` [Q]: quantiles [B, M, K, Q], target [B, M], weight [B, M, K]."""
    error = target.unsqueeze(2).unsqueeze(3) - quantiles
    return (weight.unsqueeze(3) * torch.maximum(levels * error, (levels - 1.0) * error)).sum((1, 2)).mean()


def divergence(log_ratio: Tensor) -> Tensor:
    """Estimate of KL(old || new) a sample, never negative: r - 1 - ln r."""
    return log_ratio.exp() - 1.0 - log_ratio
