"""Writes tests/golden/differential-kinetics-second.json, test vectors of the paper differential-kinetics.

    python3 tests/reference/differential_kinetics.py tests/golden/differential-kinetics-second.json

Needs numpy, scipy and mpmath (written with 2.4, 1.17 and 1.4). An implementation of its own, from
the formulas of docs/theory alone: mpmath in 40 digits where the library works in logarithms, exact binomials
where it uses ratios, quadrature of a conserved quantity where there is one, scipy's Radau in the memoriser's own
time elsewhere, where the library changes variables. Letters are the paper's.
"""

import json
import sys

import mpmath as mp
import numpy as np
from scipy.integrate import solve_ivp

mp.mp.dps = 40
rng = np.random.default_rng(20241200)
Z95 = mp.mpf("1.6448536269514722")


def normal(spread, digits=3):
    return float(np.round(rng.normal() * spread, digits))


def context():
    """N and n < N."""
    N = int(rng.choice([2, 3, 8, 16, 31, 32, 64, 100, 257]))
    return N, int(rng.integers(1, min(N, 6)))


def plain(x):
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(value) for value in x]
    return x if isinstance(x, (int, str)) else "inf" if mp.isinf(x) else float(x)


# ---- 3.3: closed forms of attention ----


def tau_star(N, beta0=0, w0=0, n=1):
    w0 = mp.mpf(w0)
    return mp.mpf(N) / n * mp.e ** (-mp.mpf(beta0) + w0**2 / 2) * mp.sqrt(mp.pi / 2) * mp.erfc(w0 / mp.sqrt(2))


def frictionless_path(x, w0=0, beta0=0):
    """Bisection on the tail."""
    with mp.workdps(60):
        w0 = mp.mpf(w0)
        left = (1 - mp.mpf(x)) * mp.erfc(w0 / mp.sqrt(2))
        low, high = w0 - 1, w0 + 40
        for _ in range(160):
            middle = (low + high) / 2
            low, high = (middle, high) if mp.erfc(middle / mp.sqrt(2)) > left else (low, middle)
        w = low if x > 0 else w0
        return {"w": w, "beta": beta0 + (w**2 - w0**2) / 2}


# ---- 3.4: the particle, in T itself down to u = 1e-7, where nothing but the well is left ----


def arrival(u0, w0, friction, force):
    small = 1e-7 * min(u0, 1 / (1 + friction + abs(force)))
    if 1 + force * u0 - friction * u0 * w0 <= 0 and w0 <= 0:
        return mp.inf

    def slope(s, x):  # (w, log u/u0, T/u0) in ds = dT / u
        u = u0 * np.exp(x[1])
        return [1 + u * (force - friction * x[0]), -x[0], u / u0]

    def slopes(s, x):
        u = u0 * np.exp(x[1])
        return [[-u * friction, u * (force - friction * x[0]), 0], [-1, 0, 0], [0, u / u0, 0]]

    arrived = lambda s, x: x[1] - np.log(small / u0)
    trapped = lambda s, x: max(x[0], slope(s, x)[0])
    arrived.terminal = trapped.terminal = True
    method = dict(method="DOP853") if u0 * friction < 30 else dict(method="Radau", jac=slopes)
    way = solve_ivp(slope, (0, 1e9), [w0, 0, 0], rtol=1e-13 if u0 * friction < 30 else 1e-11, atol=1e-14,
                    events=[arrived, trapped], **method)
    w, log_u, T = way.y[:, -1]
    if len(way.t_events[1]):
        return mp.inf
    assert len(way.t_events[0])
    # The well alone, with friction and force to first order left out: relative error below 1e-7 of a part 1e-7.
    return u0 * (T + np.exp(log_u) * mp.sqrt(mp.pi / 2) * mp.exp(mp.mpf(w) ** 2 / 2) * mp.erfc(mp.mpf(w) / mp.sqrt(2)))


def G_friction(kappa, w0=0):
    return arrival(1.0, w0, kappa, 0.0)


def tau_star_general(N, beta0=0, w0=0, n=1, c2=0, mu=0):
    return mp.mpf(N) / n * arrival(float(np.exp(-beta0)), w0, c2 / n, mu / n)


def t_icl_Kinf(N, eta, beta0=0, w0=0, n=1, c2=0):
    return 2 / mp.mpf(eta) * (tau_star_general(N, beta0, w0, n, c2) if c2 else tau_star(N, beta0, w0, n))


# ---- 3.5 and 3.6 ----


def t_icl_quantile(q, N, eta, sigma_beta, n=1):
    z = mp.sqrt(2) * mp.erfinv(2 * mp.mpf(q) - 1)
    return 2 / mp.mpf(eta) * mp.sqrt(mp.pi / 2) * N / n * mp.exp(sigma_beta * z)


def p_acquire(I_inf, N, sigma_beta, n=1):
    return mp.ncdf(mp.log(mp.mpf(I_inf) * n / (N * mp.sqrt(mp.pi / 2))) / mp.mpf(sigma_beta))


def k_star(N, A, nu, beta0=0, w0=0, n=1):
    return (tau_star(N, beta0, w0, n) / mp.mpf(A)) ** (1 / mp.mpf(nu))


def expected_copies(N, K):
    K = mp.mpf(K)
    return N / K + (1 - 1 / K) ** N * (1 + (N - 1) / (K - 1))


def g_lookup(s):
    s = mp.mpf(s)
    g = mp.log(1 + s)
    for _ in range(60):
        g -= (g + mp.e**g - 1 - s) / (1 + mp.e**g)
    return g


def I_lookup(t, K, alpha=0):
    with mp.workdps(25):
        p = [mp.mpf(k) ** -mp.mpf(alpha) for k in range(1, K + 1)]
        total = mp.fsum(p)
        return mp.fsum(g_lookup(each / total * mp.mpf(t)) for each in p)


def label_sums(N, n):
    m = N - n
    return [(m - 2 * k, mp.binomial(m, k) / mp.mpf(2) ** m) for k in range(m + 1)]


def icl_accuracy_ideal(N, beta, n=1):
    copies = n * mp.e ** mp.mpf(beta)
    return mp.fsum(p * (1 if copies + S > 0 else 0.5 if copies + S == 0 else 0) for S, p in label_sums(N, n))


def icl_loss_ideal(N, beta, w, n=1):
    copies = n * mp.e ** mp.mpf(beta)
    return mp.fsum(p * mp.log1p(mp.exp(-mp.mpf(w) * (copies + S) / (N - n + copies))) for S, p in label_sums(N, n))


def meanfield_rhs(N, w, beta, n=1, phi=0):
    """Differences of the loss itself: 40 digits leave more than 20."""
    def loss(w, beta):
        copies = n * mp.e**beta
        return mp.fsum(p * mp.log1p(mp.exp(-(phi + w * (copies + S) / (N - n + copies)))) for S, p in label_sums(N, n))

    w, beta, h = mp.mpf(w), mp.mpf(beta), mp.mpf(10) ** -13
    return [(loss(w - h, beta) - loss(w + h, beta)) / (2 * h), (loss(w, beta - h) - loss(w, beta + h)) / (2 * h)]


def meanfield_Kinf(N, n=1, beta0=0, w0=0, times=()):
    m = N - n
    S = np.array([float(S) for S, _ in label_sums(N, n)])
    P = np.array([float(p) for _, p in label_sums(N, n)])
    threshold = float(mp.log(Z95 * mp.sqrt(m) / n))

    def slope(t, x):
        w, copies = x[0], n * np.exp(x[1])
        Z = m + copies
        M = (copies + S) / Z
        s = P / (1 + np.exp(np.minimum(w * M, 700)))
        return [s @ M, w * (s @ (copies * (m - S) / Z**2))]

    passes = lambda t, x: x[1] - threshold
    passes.direction = 1
    end = max([2.0, *times])
    while beta0 < threshold:
        way = solve_ivp(slope, (0, end), [w0, beta0], method="Radau" if beta0 < -4 else "DOP853", rtol=1e-12,
                        atol=1e-14, events=passes)
        if len(way.t_events[0]):
            break
        end *= 3
    t_acc = 0.0 if beta0 >= threshold else way.t_events[0][0]
    states = [solve_ivp(slope, (0, t), [w0, beta0], method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
              if t > 0 else (w0, beta0) for t in times]
    return {"beta_thr": threshold, "t_acc": t_acc, "times": list(times), "w": [float(x[0]) for x in states],
            "beta": [float(x[1]) for x in states]}


def t_icl_from_memoriser(t, c1, c2, N, eta, beta0=0, w0=0, n=1, mu=0):
    tau = np.concatenate([[0], np.cumsum(eta * (np.array(c1[1:]) + c1[:-1]) / 2 * np.diff(t))])
    threshold = float(mp.log(Z95 * mp.sqrt(N - n) / n))
    passes = lambda s, x: x[1] - threshold
    passes.terminal, passes.direction = True, 1
    x, t_icl = np.array([w0, beta0], float), t[0] if beta0 >= threshold else mp.inf
    for i in range(len(t) - 1):
        if not mp.isinf(t_icl) or tau[i + 1] == tau[i]:
            continue
        def slope(s, x):
            friction = np.interp(s, tau[i:i + 2], c2[i:i + 2])
            return [(n * np.exp(x[1]) + mu - friction * x[0]) / N, n * x[0] * np.exp(x[1]) / N]

        way = solve_ivp(slope, (tau[i], tau[i + 1]), x, method="DOP853", rtol=1e-13, atol=1e-14, events=passes)
        x = way.y[:, -1]
        if len(way.t_events[0]):
            t_icl = t[i] + (t[i + 1] - t[i]) * (way.t_events[0][0] - tau[i]) / (tau[i + 1] - tau[i])
    return {"t_icl": t_icl, "tau_end": tau[-1], "w": x[0], "beta": x[1]}


# ---- 3.8 and 3.9 ----


def h_decay(beta, N):
    beta = mp.mpf(beta)
    return mp.sqrt(beta * (1 + mp.e**beta / (N - 1))) * (1 + (N - 1) * mp.e**-beta)


def decay_fold(N):
    slope = lambda beta: mp.diff(lambda x: mp.log(h_decay(x, N)), beta)

    def root(low, high):
        for _ in range(90):
            middle = (low + high) / 2
            low, high = (middle, high) if slope(low) * slope(middle) > 0 else (low, middle)
        return low

    top, fold = root(mp.mpf("0.2"), mp.mpf("1.2")), root(mp.mpf("1.2"), mp.log(N) + 2)
    return {"beta_fold": fold, "h_fold": h_decay(fold, N), "w_fold": mp.sqrt(fold * (1 + mp.e**fold / (N - 1))),
            "beta_top": top, "h_top": h_decay(top, N)}


def w_decay_saturated(c3, lam):
    return mp.lambertw(mp.mpf(c3) / mp.mpf(lam)).real


def post_acquisition(s, c3_s, w_a):
    w, time = [mp.mpf(w_a)], [mp.mpf(0)]
    for i in range(1, len(s)):
        h = mp.mpf(s[i]) - mp.mpf(s[i - 1])
        w.append(w[-1] + h * (mp.mpf(c3_s[i]) + mp.mpf(c3_s[i - 1])) / 2)
        time.append(time[-1] + h * (mp.e ** w[-2] + mp.e ** w[-1]) / 2)
    return [w, time, [mp.mpf(c) * mp.e**-x for c, x in zip(c3_s, w)]]


# ---- arguments: ordinary ones, then the ends of the ranges ----


def uniform(low, high, digits=3):
    return float(np.round(rng.uniform(low, high), digits))


def spread(low, high, digits=4):
    """Log-uniform, rounded to significant digits."""
    return float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.{digits}g}")


def attention(beta=1.0, w=1.0):
    N, n = context()
    return {"N": N, "beta0": normal(beta), "w0": normal(w), "n": n}


def series():
    t = sorted({0.0, *(float(x) for x in rng.integers(1, 3000, int(rng.integers(1, 12))))})
    fall = spread(100, 3000)
    c1 = [float(np.round(0.5 / (1 + (x / fall) ** 2), 5)) for x in t]
    return {"t": t, "c1": c1, "c2": [float(np.round(1 - a, 5)) for a in c1]}


def grid():
    s = sorted(float(x) for x in np.round(rng.uniform(0, 20, int(rng.integers(1, 9))), 2))
    return {"s": s, "c3_s": [uniform(0, 1.2) for _ in s], "w_a": normal(2)}


def joined(draw, **more):
    return lambda: {**draw(), **{key: make() for key, make in more.items()}}


def times():
    return sorted(spread(1, 300) for _ in range(int(rng.integers(0, 4))))


def sums(**more):
    def draw():
        N, n = context()
        return {"N": N, "n": n, **{key: make() for key, make in more.items()}}
    return draw


CASES = {
    tau_star: (8, attention, [
        {"N": 32, "w0": -40.0, "beta0": 500.0}, {"N": 32, "w0": 60.0}, {"N": 1000000, "w0": 1e5},
        {"N": 2, "beta0": 50.0}, {"N": 100000, "beta0": -50.0, "w0": 27.0}, {"N": 32, "w0": 28.5},
        {"N": 32, "w0": -28.5}]),
    frictionless_path: (6, lambda: {"x": uniform(0, 1), "w0": normal(1.5), "beta0": normal(1)}, [
        {"x": 0.5, "w0": 60.0}, {"x": 1e-6, "w0": 35.0}, {"x": 1e-9, "w0": -3.0}, {"x": 0.25, "w0": -30.0},
        {"x": 1e-7, "w0": -8.0}, {"x": 0.999999999, "w0": 0.1}, {"x": 0.0, "w0": -2.0, "beta0": 0.5},
        {"x": 0.5, "w0": -1e-9}]),
    G_friction: (6, lambda: {"kappa": spread(0.01, 30), "w0": normal(1)}, [
        {"kappa": 300.0, "w0": 0.5}, {"kappa": 1e-8, "w0": -2.0}, {"kappa": 0.5, "w0": -6.0},
        {"kappa": 40.0, "w0": -3.0}, {"kappa": 2.0, "w0": 15.0}]),
    tau_star_general: (8, joined(attention, c2=lambda: uniform(0, 1), mu=lambda: normal(0.3)), [
        {"N": 32, "beta0": 0.0, "c2": 0.0, "mu": -1.0}, {"N": 32, "beta0": 0.01, "c2": 0.0, "mu": -1.0},
        {"N": 32, "beta0": -0.01, "c2": 0.0, "mu": -1.0}, {"N": 32, "beta0": -4.0, "c2": 0.5, "mu": 0.2},
        {"N": 32, "beta0": -1.0, "w0": 2.5, "c2": 0.0, "mu": -1.0}, {"N": 8, "beta0": 20.0, "c2": 1.0, "mu": 1.0},
        {"N": 64, "beta0": -6.0, "c2": 0.5}, {"N": 32, "beta0": -5.0, "c2": 0.5, "mu": -0.006}]),
    t_icl_Kinf: (4, lambda: {**attention(), "eta": spread(1e-3, 1), "c2": float(rng.choice([0, 0.5]))}, []),
    t_icl_quantile: (3, sums(q=lambda: uniform(0.001, 0.999), eta=lambda: spread(1e-3, 1),
                             sigma_beta=lambda: spread(0.1, 3)), [
        {"q": 1e-12, "N": 100, "eta": 0.1, "sigma_beta": 1.0},
        {"q": 0.999999, "N": 100, "eta": 0.1, "sigma_beta": 2.0}]),
    p_acquire: (4, sums(I_inf=lambda: spread(1, 1000), sigma_beta=lambda: spread(0.1, 3)), []),
    k_star: (4, joined(attention, A=lambda: spread(0.1, 2), nu=lambda: uniform(0.5, 1)), []),
    expected_copies: (4, lambda: {"N": context()[0], "K": int(rng.integers(2, 5000))},
                      [{"N": 100, "K": 10**12}, {"N": 1000, "K": 2}]),
    g_lookup: (4, lambda: {"s": spread(1e-3, 1e5)}, [{"s": 1e-12}, {"s": 1e6}, {"s": 1e15}, {"s": 1e300}]),
    I_lookup: (3, lambda: {"t": spread(1, 1e5), "K": int(rng.integers(2, 400)), "alpha": uniform(0, 2)}, [
        {"t": 0.01, "K": 300, "alpha": 0.5}, {"t": 1e12, "K": 50, "alpha": 3.0}, {"t": 10.0, "K": 1}]),
    icl_accuracy_ideal: (5, sums(beta=lambda: uniform(-1, 4)), [
        {"N": 32, "beta": -50.0}, {"N": 33, "beta": -50.0}, {"N": 32, "beta": 50.0}, {"N": 1000, "beta": 3.0}]),
    icl_loss_ideal: (5, sums(beta=lambda: normal(2), w=lambda: normal(2)), [
        {"N": 32, "beta": 50.0, "w": 60.0}, {"N": 32, "beta": 1.0, "w": 500.0}, {"N": 1000, "beta": 3.0, "w": -40.0}]),
    meanfield_rhs: (6, sums(w=lambda: normal(2), beta=lambda: normal(2), phi=lambda: normal(2)), [
        {"N": 32, "w": 50.0, "beta": 6.0}, {"N": 100, "w": -30.0, "beta": 1.0, "phi": -20.0},
        {"N": 1000, "w": 1.0, "beta": 2.0}]),
    meanfield_Kinf: (6, sums(beta0=lambda: uniform(-1.5, 1.5), w0=lambda: normal(0.7), times=times), [
        {"N": 32, "beta0": 3.0, "times": [0.0, 1e-3, 50.0, 1000.0]}, {"N": 16, "beta0": -4.1},
        {"N": 2, "beta0": -1.0, "times": [1.0, 10000.0]}, {"N": 32, "w0": -6.0}, {"N": 32, "w0": 20.0}]),
    t_icl_from_memoriser: (8, joined(series, N=lambda: int(rng.choice([2, 8, 32, 64])),
                                     eta=lambda: spread(0.03, 1), beta0=lambda: normal(1), w0=lambda: normal(0.5),
                                     mu=lambda: normal(0.2)), [
        {"t": [5.0], "c1": [0.5], "c2": [0.5], "N": 32, "eta": 0.3, "beta0": 4.0},
        {"t": [0.0, 10.0, 20.0], "c1": [0.5, 0.0, 0.0], "c2": [0.5, 1.0, 1.0], "N": 32, "eta": 0.3}]),
    h_decay: (3, lambda: {"beta": spread(0.01, 30), "N": context()[0]}, [{"beta": 800.0, "N": 32}]),
    decay_fold: (0, None, [{"N": N} for N in (8, 9, 33, 250, 10**6)]),
    w_decay_saturated: (3, lambda: {"c3": spread(1e-4, 2), "lam": spread(1e-4, 0.1)},
                        [{"c3": 0.0, "lam": 0.1}, {"c3": 1e-200, "lam": 1e200}, {"c3": 1e200, "lam": 1e-200}]),
    post_acquisition: (4, grid, []),
}


def theory():
    return {function.__name__: [{"args": args, "value": plain(function(**args))}
                                for args in [draw() for _ in range(count)] + ends]
            for function, (count, draw, ends) in CASES.items()}


if __name__ == "__main__":
    content = {"paper": "differential-kinetics",
               "about": "Test vectors of differential-kinetics, written by tests/reference/differential_kinetics.py.",
               "theory": theory()}
    with open(sys.argv[1], "w") as file:
        # One case a line.
        text = json.dumps({key: value for key, value in content.items() if key != "theory"}, indent=1)[:-2]
        blocks = [f'  "{name}": [\n   ' + ",\n   ".join(json.dumps(case) for case in cases) + "]"
                  for name, cases in content["theory"].items()]
        file.write(text + ',\n "theory": {\n' + ",\n".join(blocks) + "}}\n")
