"""Writes tests/golden/task-diversity-second.json, test vectors of the paper task-diversity.

    python3 tests/reference/task_diversity.py tests/golden/task-diversity-second.json

Needs numpy and scipy (written with 2.4 and 1.17). An implementation of its own, from the formulas
of docs/theory alone: matrices in full d dimensions where the library works in groups, brute-force averages over
Gauss-Hermite nodes where it has closed forms, scipy's integrator where it has Boost's. Letters are the
paper's; J = E (f - y_q)^2 without a factor 1/2.
"""

import itertools
import json
import sys

import numpy as np
from scipy.integrate import quad, solve_ivp

rng = np.random.default_rng(20260606)


def listed(x, digits=None):
    """Numpy to plain JSON; inputs are rounded first, so that the file holds exactly what was used."""
    return (np.asarray(x) if digits is None else np.round(x, digits)).tolist()


def inputs(*shape):
    return np.round(rng.normal(size=shape), 6)


# ---- task-diversity.md, section 2: batches ------------------------------------------------------------


def lsa(Z_keys, n, W_PV, W_KQ, z_q):
    """Last entry of W^PV Z (Z^T W^KQ z_q)/n and its gradients; the residual adds 0."""
    G = Z_keys @ Z_keys.T
    f = W_PV[-1] @ G @ W_KQ @ z_q / n
    df_PV = np.zeros_like(W_PV)
    df_PV[-1] = G @ W_KQ @ z_q / n
    df_KQ = np.outer(G @ W_PV[-1], z_q) / n
    return f, df_PV, df_KQ


def batch_case(d, n, B):
    X, y, xq, yq = inputs(B, n, d), inputs(B, n), inputs(B, d), inputs(B)
    h = np.einsum("bi,bid->bd", y, X) / n
    case = {"d": d, "n": n, "B": B, "X": listed(X), "y": listed(y), "xq": listed(xq), "yq": listed(yq),
            "h": listed(h)}

    Gamma = inputs(d, d)
    f = np.array([xq[b] @ Gamma @ h[b] for b in range(B)])
    case["merged"] = {
        "Gamma": listed(Gamma), "f": listed(f), "J": float(np.mean((f - yq) ** 2)),
        "grad_Gamma": listed(2 / B * sum((f[b] - yq[b]) * np.outer(xq[b], h[b]) for b in range(B)))}

    v, W = float(np.round(rng.normal(), 6)), inputs(d, d)
    f = np.array([v * xq[b] @ W @ h[b] for b in range(B)])
    case["factored"] = {
        "v": v, "W": listed(W), "f": listed(f), "J": float(np.mean((f - yq) ** 2)),
        "grad_v": float(2 / B * sum((f[b] - yq[b]) * (xq[b] @ W @ h[b]) for b in range(B))),
        "grad_W": listed(2 / B * sum((f[b] - yq[b]) * v * np.outer(xq[b], h[b]) for b in range(B)))}

    for name, with_query in (("lsa_with_query", True), ("lsa_without_query", False)):
        W_PV, W_KQ = inputs(d + 1, d + 1), inputs(d + 1, d + 1)
        f, g_PV, g_KQ = np.zeros(B), np.zeros_like(W_PV), np.zeros_like(W_KQ)
        for b in range(B):
            context = np.vstack([X[b].T, y[b]])
            z_q = np.append(xq[b], 0)
            keys = np.column_stack([context, z_q]) if with_query else context
            f[b], df_PV, df_KQ = lsa(keys, n, W_PV, W_KQ, z_q)
            g_PV += 2 / B * (f[b] - yq[b]) * df_PV
            g_KQ += 2 / B * (f[b] - yq[b]) * df_KQ
        case[name] = {"WPV": listed(W_PV), "WKQ": listed(W_KQ), "f": listed(f),
                      "J": float(np.mean((f - yq) ** 2)), "grad_WPV": listed(g_PV),
                      "grad_WKQ": listed(g_KQ)}
    return case


# ---- task-diversity.md, sections 1 and 4: populations -------------------------------------------------


def bases(Q, r, K, s):
    """U_k = [S, B_k]."""
    nu = r - s
    return [np.hstack([Q[:, :s], Q[:, s + k * nu : s + (k + 1) * nu]]) for k in range(K)]


def second_moment(Us):
    return sum(U @ U.T for U in Us) / len(Us)


def gram(C, n, sigma2):
    return (1 + 1 / n) * C + (np.trace(C) + sigma2) / n * np.eye(len(C))


def risk(Gamma, C, n, sigma2):
    return float(np.trace(Gamma @ gram(C, n, sigma2) @ Gamma.T) - 2 * np.trace(Gamma @ C) + np.trace(C))


def optimum(C, n, sigma2):
    return C @ np.linalg.inv(gram(C, n, sigma2))


# Four nodes integrate polynomials up to degree 7 in each Gaussian variable exactly; (f - y_q)^2 has
# degree 6 in x_q and 4 in everything else.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(4)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def gaussian_grid(dimension):
    x = np.array(list(itertools.product(NODES, repeat=dimension)))
    weight = np.prod(np.array(list(itertools.product(WEIGHTS, repeat=dimension))), axis=1)
    return x, weight


def lsa_population(p, v, A, b, Us, n, sigma2):
    """(J with query, J without, E q^2) by averages over nodes: given w, the context enters through means of
    n independent terms, so that one example's first two moments are enough."""
    d = len(p)
    example, example_weight = gaussian_grid(d + 1)
    x, eps = example[:, :d], example[:, d]
    # The query's own term t = (p.x_q)(x_q^T A x_q)/n.
    x_q, query_weight = gaussian_grid(d)
    t = (x_q @ p) * np.einsum("id,de,ie->i", x_q, A, x_q) / n
    E_tx, E_tt = (query_weight * t) @ x_q, query_weight @ t**2

    J_with = J_without = power2 = 0.0
    for U in Us:
        a_nodes, a_weight = gaussian_grid(U.shape[1])
        for a, weight in zip(a_nodes, a_weight / len(Us)):
            w = U @ a
            y = x @ w + np.sqrt(sigma2) * eps
            # f without t is g.x_q, g the mean of z over the examples.
            z = (x @ p)[:, None] * (x @ A) + (y * (x @ p))[:, None] * b + v * y[:, None] * (x @ A) \
                + (v * y**2)[:, None] * b
            mean = example_weight @ z
            variance = example_weight @ np.sum(z**2, axis=1) - mean @ mean
            without = (mean - w) @ (mean - w) + variance / n
            J_without += weight * without
            J_with += weight * (without + 2 * (mean - w) @ E_tx + E_tt)
            power2 += weight * (w @ w + sigma2) ** 2
    return float(J_with), float(J_without), float(power2)


def population_case(d, r, K, s, n, sigma2):
    Q = np.linalg.qr(rng.normal(size=(d, d)))
    Q = Q[0] * np.sign(np.diag(Q[1]))
    Us = bases(Q, r, K, s)
    C = second_moment(Us)
    M = gram(C, n, sigma2)
    star = optimum(C, n, sigma2)
    Gamma, W, v = inputs(d, d), inputs(d, d), float(np.round(rng.normal(), 6))
    D = v * W @ M - C
    case = {"d": d, "r": r, "K": K, "s": s, "n": n, "sigma2": sigma2, "Q": listed(Q), "C": listed(C),
            "M": listed(M), "Gamma_star": listed(star), "J_star": risk(star, C, n, sigma2),
            "Gamma": listed(Gamma), "J_Gamma": risk(Gamma, C, n, sigma2),
            "grad_Gamma": listed(2 * (Gamma @ M - C)),
            "v": v, "W": listed(W), "J_vW": risk(v * W, C, n, sigma2), "grad_v": float(2 * np.sum(W * D)),
            "grad_W": listed(2 * v * D)}

    p, b, A = 0.5 * inputs(d), 0.5 * inputs(d), inputs(d, d)
    v_lsa = float(np.round(rng.normal(), 6))
    J_with, J_without, power2 = lsa_population(p, v_lsa, A, b, Us, n, sigma2)
    case["lsa"] = {"p": listed(p), "v": v_lsa, "A": listed(A), "b": listed(b), "E_q2": power2,
                   "J_with_query": J_with, "J_without_query": J_without}

    Gamma0, t = inputs(d, d), [0.0, 0.03, 0.2, 0.7, 1.5, 4.0]
    m, E = np.linalg.eigh(M)
    flow = [risk(star + (Gamma0 - star) @ E @ np.diag(np.exp(-2 * m * time)) @ E.T, C, n, sigma2)
            for time in t]
    case["merged_flow"] = {"Gamma0": listed(Gamma0), "t": t, "J": flow}
    return case


# ---- task-diversity.md, section 5: plateaus -----------------------------------------------------------


def flow_time(lam, n, sigma2, alpha, phi, lam_observed=None):
    """T_phi along the flow of the factored model in all d directions, for the risk of the tasks with
    eigenvalues lam_observed in the same basis (lam itself if None)."""
    lam = np.asarray(lam, float)
    observed = lam if lam_observed is None else np.asarray(lam_observed, float)
    m = (1 + 1 / n) * lam + (lam.sum() + sigma2) / n
    m_observed = (1 + 1 / n) * observed + (observed.sum() + sigma2) / n

    def J(gamma):
        return np.sum(gamma**2 * m_observed - 2 * gamma * observed) + observed.sum()

    def velocity(_, x):
        residual = lam - x[-1] * x[:-1] * m
        return np.append(2 * x[-1] * residual, 2 * np.sum(x[:-1] * residual))

    start = np.append(np.full(len(lam), alpha / np.sqrt(len(lam))), alpha)
    J_0 = J(start[-1] * start[:-1])
    level = J_0 - phi * (J_0 - J(lam / m))

    def reached(_, x):
        return J(x[-1] * x[:-1]) - level

    reached.terminal, reached.direction = True, -1
    solution = solve_ivp(velocity, (0, 1e4), start, method="DOP853", rtol=2.3e-14, atol=1e-17,
                         events=reached)
    return float(solution.t_events[0][0])


def linear_time(lam, n, sigma2, alpha, phi):
    lam = np.asarray(lam, float)
    m = (1 + 1 / n) * lam + (lam.sum() + sigma2) / n
    Lambda = np.linalg.norm(lam)
    amplitude = (alpha + alpha / np.sqrt(len(lam)) * lam.sum() / Lambda) / 2
    return float(np.log(np.sqrt(phi * np.sum(lam**2 / m) / (2 * Lambda)) / amplitude) / (2 * Lambda))


def theory_case(d, r, K, s, n, sigma2, alpha, phi, angle_deg):
    nu, R = r - s, s + K * (r - s)
    Q = np.eye(d)
    C = second_moment(bases(Q, r, K, s))
    M = gram(C, n, sigma2)
    star = optimum(C, n, sigma2)
    lam = np.diag(C)
    rho, a = (r + sigma2) / n, 1 + 1 / n
    gamma_s, gamma_p = 1 / (a + rho), 1 / (a + K * rho)

    def angle_curve(first, defined):
        if not defined:
            return None
        curve = []
        for theta in np.radians(angle_deg):
            turned = np.cos(theta) * Q[:, s : s + nu] + np.sin(theta) * Q[:, first : first + nu]
            U = np.hstack([Q[:, :s], turned])
            curve.append(risk(star, U @ U.T, n, sigma2))
        return curve

    T_ode, T_lin = flow_time(lam, n, sigma2, alpha, phi), linear_time(lam, n, sigma2, alpha, phi)
    Lambda = float(np.linalg.norm(C))
    m = np.linalg.eigvalsh(M)
    complement = Q[:, R:] @ Q[:, R:].T * (r / (d - R)) if R < d else None
    return {
        "d": d, "r": r, "K": K, "s": s, "n": n, "sigma2": sigma2, "alpha": alpha, "phi": phi, "rho": rho,
        "m_shared": a + rho, "m_private": a / K + rho, "m_null": rho, "gamma_shared": gamma_s,
        "gamma_private": gamma_p, "Lambda": Lambda, "R": R,
        "stable_rank": float((Lambda / np.linalg.norm(C, 2)) ** 2),
        "risk_id": s * (1 - gamma_s) + (r - s) * (1 - gamma_p), "risk_id_matrix": risk(star, C, n, sigma2),
        "risk_isotropic": risk(star, r / d * np.eye(d), n, sigma2),
        "risk_orthogonal_complement": None if complement is None else risk(star, complement, n, sigma2),
        "angle_deg": angle_deg, "risk_angle_span": angle_curve(s + nu, K >= 2),
        "risk_angle_outside": angle_curve(R, R + nu <= d),
        "T_ode_mean": T_ode, "T_lin_mean": T_lin, "T_ode_sum": T_ode / K, "T_lin_sum": T_lin / K,
        "lr_max_factored": 1 / (2 * Lambda), "kappa_M": float(m[-1] / m[0])}


def trajectory(d, r, K, s, n, sigma2, alpha, lr, steps, opt, scale, steps_checked):
    """Every entry of the d x d matrix W on its own."""
    C = second_moment(bases(np.eye(d), r, K, s))
    M = gram(C, n, sigma2)
    v, W = alpha, alpha / np.sqrt(d) * np.eye(d)
    moments = [np.zeros_like(W), np.zeros_like(W), 0.0, 0.0]  # mean and square of W, of v
    J = [risk(v * W, C, n, sigma2)]
    for step in range(1, steps + 1):
        D = v * W @ M - C
        g_W, g_v = scale * 2 * v * D, scale * 2 * np.sum(W * D)
        if opt == "adam":
            moments[0] = 0.9 * moments[0] + 0.1 * g_W
            moments[1] = 0.999 * moments[1] + 0.001 * g_W**2
            moments[2] = 0.9 * moments[2] + 0.1 * g_v
            moments[3] = 0.999 * moments[3] + 0.001 * g_v**2
            bias1, bias2 = 1 - 0.9**step, 1 - 0.999**step
            g_W = moments[0] / bias1 / (np.sqrt(moments[1] / bias2) + 1e-8)
            g_v = moments[2] / bias1 / (np.sqrt(moments[3] / bias2) + 1e-8)
        W, v = W - lr * g_W, float(v - lr * g_v)
        J.append(risk(v * W, C, n, sigma2))
    J_star = risk(optimum(C, n, sigma2), C, n, sigma2)

    def first(level):
        return next((step for step, value in enumerate(J) if value <= level), -1)

    return {"d": d, "r": r, "K": K, "s": s, "n": n, "sigma2": sigma2, "alpha": alpha, "lr": lr,
            "steps": steps, "opt": opt, "scale": scale, "steps_checked": steps_checked,
            "J": [J[step] for step in steps_checked], "J_star": J_star,
            "first_step_half_drop": first(J[0] - 0.5 * (J[0] - J_star)),
            "first_step_below_0p8_r": first(0.8 * r)}


def spectrum_case(d, classes, n, sigma2, alpha, phi):
    diagonals = np.zeros((len(classes), d))
    for k, (cols, scale) in enumerate(classes):
        diagonals[k, cols] = scale**2
    lam = diagonals.mean(axis=0)
    T = flow_time(lam, n, sigma2, alpha, phi)
    T_0 = flow_time(lam, n, sigma2, alpha, phi, diagonals[0])
    return {"d": d, "classes": [{"cols": cols, "scale": scale} for cols, scale in classes], "n": n,
            "sigma2": sigma2, "alpha": alpha, "phi": phi, "lam": listed(lam),
            "Lambda": float(np.linalg.norm(lam)), "T_mean": T, "T_sum": T / len(classes),
            "T_mean_class0": T_0, "T_sum_class0": T_0 / len(classes)}


def single_group(r, K, n, sigma2, v0, u0, phi, t=()):
    Lambda, m = np.sqrt(r / K), (1 + 1 / n) / K + (r + sigma2) / n
    z = 1 - np.sqrt(1 - phi)
    D = u0**2 - v0**2
    v_end = np.sqrt((-D + np.sqrt(D**2 + 4 * (z * Lambda / m) ** 2)) / 2)

    def integrand(log_v):
        v = np.exp(log_v)
        u = np.sqrt(v**2 + D)
        return v / (2 * u * (Lambda - m * v * u))

    T = quad(integrand, np.log(v0), np.log(v_end), epsabs=1e-13, epsrel=1e-13, limit=500)[0]
    case = {"r": r, "K": K, "s": 0, "n": n, "sigma2": sigma2, "v0": v0, "u0": u0, "phi": phi,
            "Lambda": float(Lambda), "m": m, "T_quadrature": float(T)}
    if u0 != v0:
        return case
    ratio = Lambda / m / v0**2 - 1
    case["T_logistic"] = float(np.log(ratio * z / (1 - z)) / (4 * Lambda))
    case["J_at_t"] = []
    for time in t:
        part = 1 / (1 + ratio * np.exp(-4 * Lambda * time))
        case["J_at_t"].append([time, float(r - Lambda**2 / m * (2 * part - part**2))])
    return case


def main():
    golden = {
        "paper": "task-diversity",
        "about": "float64 test vectors by tests/reference/task_diversity.py; J = mean squared error without "
                 "1/2; population J uses the clean query label",
        "batch_cases": [batch_case(2, 1, 1), batch_case(7, 5, 3), batch_case(3, 9, 17)],
        "population_cases": [population_case(7, 3, 2, 1, 5, 0.4), population_case(6, 2, 3, 1, 11, 0.0),
                             population_case(5, 1, 3, 0, 3, 1.5), population_case(3, 2, 1, 0, 1, 0.75)],
        "theory": [
            theory_case(7, 3, 3, 1, 9, 0.3, 1e-4, 0.5, [0, 10, 37.5, 90]),
            theory_case(9, 2, 3, 1, 50, 0.0, 1e-4, 0.25, [5, 45, 85]),
            theory_case(5, 3, 1, 0, 7, 0.0, 1e-2, 0.9, [0, 20, 70]),
            theory_case(5, 2, 1, 0, 13, 2.0, 1e-3, 0.5, [0, 33.3, 90]),
            theory_case(6, 2, 2, 2, 21, 0.2, 1e-3, 0.5, [0, 50]),
            theory_case(7, 4, 4, 3, 33, 0.05, 1e-4, 0.6, [15, 75]),
            theory_case(11, 1, 11, 0, 5, 0.5, 1e-4, 0.4, [0, 60, 90]),
            theory_case(13, 5, 2, 3, 1, 1.0, 1e-2, 0.1, [0, 30, 60, 90]),
            theory_case(31, 7, 3, 2, 1000, 0.01, 1e-5, 0.75, [0, 45, 90])],
        "trajectories": [
            trajectory(7, 3, 2, 1, 9, 0.3, 0.01, 0.015, 250, "gd", 1.0, [0, 1, 3, 17, 60, 121, 250]),
            trajectory(9, 2, 3, 1, 50, 0.0, 1e-4, 0.02, 300, "gd", 3.0, [0, 2, 40, 99, 150, 300]),
            trajectory(5, 2, 1, 0, 13, 2.0, 0.05, 0.005, 40, "gd", 1.0, [0, 7, 40]),
            trajectory(11, 1, 11, 0, 2, 0.5, 0.01, 0.05, 500, "gd", 11.0, [0, 10, 100, 500]),
            trajectory(7, 3, 3, 1, 9, 0.3, 1e-4, 0.004, 350, "adam", 3.0, [0, 1, 2, 33, 150, 350]),
            trajectory(9, 4, 2, 0, 30, 0.1, 0.02, 0.002, 150, "adam", 1.0, [0, 1, 5, 50, 150])],
        "spectra": [
            spectrum_case(7, [([0, 1, 2], 1.0), ([2, 5], 0.7), ([3], 1.9)], 12, 0.2, 1e-4, 0.5),
            spectrum_case(9, [([4], 0.8), ([0, 1, 4, 6, 7], 1.25)], 40, 0.0, 1e-3, 0.7),
            spectrum_case(5, [([0, 4], 1.0)], 6, 1.0, 1e-2, 0.3),
            spectrum_case(6, [([0, 1], 1.0), ([2, 3], 1.0), ([0, 2, 5], 1.5), ([1], 2.0)], 25, 0.5, 1e-4,
                          0.5)],
        "single_group": [
            single_group(3, 2, 9, 0.3, 1e-4, 1e-4, 0.8, [0.0, 0.7, 1.9, 2.3, 5.0]),
            single_group(5, 1, 11, 0.0, 2e-3, 2e-3, 0.35, [0.3, 0.9, 1.4]),
            single_group(1, 7, 100, 1.0, 1e-4, 3e-3, 0.5),
            single_group(2, 3, 15, 0.1, 5e-2, 4e-3, 0.6)]}
    with open(sys.argv[1], "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
