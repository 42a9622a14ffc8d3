"""UniPC written from the paper alone (Zhao et al., arXiv 2302.04867), in NumPy and float64, for unipc.json beside it.

    python packages/diffusion/test/references/unipc.py > packages/diffusion/test/references/unipc.json

It shares nothing with ../../src: coefficients come from the paper's matrix R_p(h) and its functions phi, which are integrated
numerically here. Data prediction, section 3.4 and appendix A; the schedule is the linear one of 1000 timesteps; the data are two
Gaussians, so that the best estimate of the clean number is a formula and not linear.
"""

import json

import numpy as np

MODES = [(0.6, 1.0, 0.15), (0.4, -1.0, 0.25)]  # share, mean, deviation
STARTS = np.array([-1.7, -0.4, 0.3, 2.1])
STEPS = 10

betas = np.linspace(1e-4, 0.02, 1000)
alphas_cumprod = np.cumprod(1 - betas)


def best_estimate(x, alpha, sigma):
    """The mean of the clean number given `x = alpha clean + sigma noise`."""
    weights, means = [], []
    for share, mean, deviation in MODES:
        variance = (alpha * deviation) ** 2 + sigma**2
        weights.append(share * np.exp(-((x - alpha * mean) ** 2) / (2 * variance)) / np.sqrt(variance))
        means.append(mean + alpha * deviation**2 * (x - alpha * mean) / variance)
    weights = np.array(weights)
    return (weights * np.array(means)).sum(0) / weights.sum(0)


nodes, node_weights = np.polynomial.legendre.leggauss(40)
nodes, node_weights = (nodes + 1) / 2, node_weights / 2


def psi(k, h):
    """psi_k(h), k from 1: the integral from 0 to 1 of exp((delta - 1) h) delta^(k - 1) / (k - 1)!, the data form of phi_k."""
    factorial = float(np.prod(np.arange(1, k)))
    return (node_weights * np.exp((nodes - 1) * h) * nodes ** (k - 1) / factorial).sum()


def size(variant, h):
    return h if variant == "bh1" else -np.expm1(-h)  # B(h) of the data form, up to the sign that cancels


def coefficients(ratios, h, variant):
    """a_p = R_p(h)^-1 g_p(h) / B(h), equations 5 and 8; a single coefficient is 1/2 whatever h is (section 3.3)."""
    p = len(ratios)
    if p == 1:
        return np.array([0.5])
    matrix = np.array([[(r * h) ** k for r in ratios] for k in range(p)])
    # g_k = h^k k! psi_{k+1}(h) for k from 1 to p
    right = np.array([h**k * float(np.prod(np.arange(1, k + 1))) * psi(k + 1, h) for k in range(1, p + 1)])
    return np.linalg.solve(matrix, right) / size(variant, h)


def move(x, levels, start, end, others, estimate, variant):
    """From level `start` to `end`; `others` are (lambda, estimate) beside the one at `start`."""
    alpha_s, sigma_s, lambda_s = levels[start]
    alpha_t, sigma_t, lambda_t = levels[end]
    h = lambda_t - lambda_s
    result = sigma_t / sigma_s * x - alpha_t * np.expm1(-h) * estimate
    if others:
        ratios = [(at - lambda_s) / h for at, _ in others]
        a = coefficients(ratios, h, variant)
        result = result + alpha_t * size(variant, h) * sum(
            weight * (other - estimate) / r for weight, r, (_, other) in zip(a, ratios, others)
        )
    return result


def run(order, variant, corrector):
    timesteps = np.round(np.linspace(0, 999, STEPS + 1))[::-1][:-1].astype(int)
    alpha = np.sqrt(alphas_cumprod[timesteps])
    sigma = np.sqrt(1 - alphas_cumprod[timesteps])
    levels = list(zip(alpha, sigma, np.log(alpha / sigma)))
    x = STARTS.copy()
    states, known = [], []  # known: (lambda, estimate), oldest first
    base = x
    for i in range(STEPS):
        estimate = best_estimate(x, *levels[i][:2])
        if corrector and i > 0:
            p = min(order, i)  # UniC-p: the p estimates behind, the newest among them the base, and the new one
            others = [known[-1 - m] for m in range(1, p)] + [(levels[i][2], estimate)]
            x = move(base, levels, i - 1, i, others, known[-1][1], variant)
        known.append((levels[i][2], estimate))
        base = x
        if i == STEPS - 1:
            x = estimate  # no noise is left: every order ends at the estimate
        else:
            p = min(order, i + 1, STEPS - i)  # warm-up, and lower orders at the end
            others = [known[-1 - m] for m in range(1, p)]
            x = move(base, levels, i, i + 1, others, estimate, variant)
        states.append([float(value) for value in x])
    return states


cases = [
    {"order": order, "variant": variant, "corrector": corrector, "states": run(order, variant, corrector)}
    for order in (1, 2, 3)
    for variant in ("bh1", "bh2")
    for corrector in (True, False)
]
print(json.dumps({"modes": MODES, "starts": STARTS.tolist(), "steps": STEPS, "cases": cases}, indent=1))
