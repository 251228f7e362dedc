"""Advantages as pure functions of arrays: generalised advantage estimation at irregular decision times, and its coordinated blend.

Semi-Markov GAE (Schulman et al. 2016 with a discount a step; Bradtke and Duff 1994 for the discount exp(-beta tau)), for an agent that
decides at t_1 < t_2 < ... with tau_k = t_{k+1} - t_k and gamma_k = exp(-beta tau_k):

    R_k = sum over rewards at t_e in (t_k, t_{k+1}] of exp(-beta (t_e - t_k)) r_e
    delta_k = R_k + gamma_k V(s_{k+1}) - V(s_k),   A_k = delta_k + gamma_k lambda A_{k+1}

A segment is a run of consecutive decisions of one stream; its last next value is a bootstrap from the state at its end, or 0 where
the process has terminated. Segments lie one behind another in flat arrays, segment b at [offsets[b], offsets[b + 1]).
"""

from __future__ import annotations

import numpy as np


def gae(
    rewards: np.ndarray, discounts: np.ndarray, values: np.ndarray, bootstrap: np.ndarray, terminated: np.ndarray, offsets: np.ndarray, lam: float
) -> np.ndarray:
    """Advantages, float64, shape of `rewards`.

    rewards [D] or [D, M]: R_k, already discounted to t_k, of M reward owners; discounts [D]: gamma_k; values: V(s_k), shaped as
    rewards; bootstrap [B] or [B, M]: value of the state at each segment's end; terminated [B] bool; offsets [B + 1]. A step
    environment passes R_k = r_k and gamma_k = gamma and gets the ordinary GAE.
    """
    rewards, values, bootstrap = (np.asarray(array, dtype=np.float64) for array in (rewards, values, bootstrap))
    tail = rewards.shape[1:]
    lengths = np.diff(offsets)
    following = np.empty_like(values)
    following[:-1] = values[1:]
    full = np.flatnonzero(lengths > 0)
    last = offsets[1:][full] - 1
    ends = ~np.asarray(terminated, dtype=bool)[full]
    following[last] = np.where(ends.reshape(-1, *(1 for _ in tail)), bootstrap[full], 0.0)
    gamma = np.asarray(discounts, dtype=np.float64).reshape(-1, *(1 for _ in tail))
    delta = rewards + gamma * following - values
    advantages = np.empty_like(delta)
    order = full[np.argsort(-lengths[full], kind="stable")]  # longest first: those still running are a prefix
    starts, long = offsets[:-1][order], lengths[order]
    running = np.zeros((len(order), *tail))
    for step in range(int(long[0]) - 1 if len(long) else -1, -1, -1):
        active = int(np.searchsorted(-long, -step, side="left"))  # segments longer than `step`
        at = starts[:active] + step
        running[:active] = delta[at] + gamma[at] * lam * running[:active]
        advantages[at] = running[:active]
    return advantages


def interval_rewards(
    times: np.ndarray, ends: np.ndarray, event_times: np.ndarray, event_owners: np.ndarray, event_rewards: np.ndarray, owners: int, beta: float
) -> np.ndarray:
    """R_k by owner, shape [n, owners]: rewards of each owner in (times[k], ends[k]], discounted to times[k] at rate `beta`.

    times [n] ascending with ends[k] = times[k + 1] but for the last, which ends with the window; events in ascending order of time.
    Rewards at or before times[0] or after the last end belong to nobody here.
    """
    found = np.zeros((len(times), owners))
    if not len(times) or not len(event_times):
        return found
    k = np.searchsorted(times, event_times, side="left") - 1  # the last decision strictly before the event
    inside = (k >= 0) & (event_times <= ends[np.maximum(k, 0)])
    k = k[inside]
    np.add.at(found, (k, event_owners[inside]), event_rewards[inside] * np.exp(-beta * (event_times[inside] - times[k])))
    return found


def coordination_weights(hops: np.ndarray, alpha: float, kappa: int, symmetric: bool = False, present: np.ndarray | None = None) -> np.ndarray:
    """w [N, N]: w_ij = alpha^d(i,j) / sum over l within kappa hops of alpha^d(i,l); rows sum to 1 (0^0 = 1).

    hops [N, N]: distances in the healthy graph, N where there is no path. Spatial discounting after Chu, Chinchali and Katti (2020),
    locality after Qu, Wierman and Li (2020). `symmetric` makes w doubly stochastic, so that the summed objective is the system's
    utility. Rows of nodes that are not `present` are zero.
    """
    nodes = len(hops)
    near = (hops <= kappa) & (hops < max(nodes, 1))
    if present is not None:
        near &= present[:, None] & present[None, :]
    weights = np.where(near, np.power(float(alpha), np.where(near, hops, 0).astype(np.float64)), 0.0)
    if symmetric:
        weights = sinkhorn(weights)
    sums = weights.sum(1, keepdims=True)
    return np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0.0)


def sinkhorn(weights: np.ndarray, tolerance: float = 1e-12, most: int = 10_000) -> np.ndarray:
    """`weights` scaled by rows and columns until both sum to 1 (Sinkhorn and Knopp 1967); zero rows and columns stay zero.

    ValueError where it does not converge: some weights of a one-way graph cannot be part of a doubly stochastic matrix.
    """
    scaled = weights.astype(np.float64).copy()
    rows, columns = weights.sum(1) > 0.0, weights.sum(0) > 0.0
    for _ in range(most):
        scaled[rows] /= scaled[rows].sum(1, keepdims=True)
        sums = scaled.sum(0)
        if np.all(np.abs(sums[columns] - 1.0) < tolerance):
            return scaled
        scaled[:, columns] /= sums[columns]
    raise ValueError("the coordination weights have no doubly stochastic form on this graph: leave out 'symmetric'")


def coordinated(per_owner: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_j w_j A_j of each decision, shape [D]: per_owner [D, N] on the decider's own times, weights [D, N] its row of w.

    GAE is linear in rewards and values, so this is the GAE of (sum_j w_j r_j, sum_j w_j V_j) on those times.
    """
    return (weights * per_owner).sum(1)
