#include "nn/population_risk.h"

namespace iclab::nn {

Value trace(Value square_matrix) {
  return sum(square_matrix * square_matrix.builder().identity(square_matrix.shape()[0]));
}

Value linear_risk(Value gamma, Value c, std::int64_t context, double noise_variance) {
  const double n = static_cast<double>(context);
  const Value identity = c.builder().identity(c.shape()[0]);
  const Value q = trace(c) + noise_variance;
  const Value m = (1 + 1 / n) * c + q / n * identity;
  // tr(Gamma M Gamma^T) = <Gamma M, Gamma>, tr(Gamma C) = <Gamma, C^T> with C symmetric.
  return sum(matmul(gamma, m) * gamma) - 2.0 * sum(gamma * c) + trace(c);
}

Value full_attention_excess(Value p, Value v, Value a, Value b_vector,
                            const tasks::LinearMoments& moments, bool with_query) {
  const double n = static_cast<double>(moments.context);
  const Value c = moments.second_moment;
  const Value q = trace(c) + moments.noise_variance;

  // Eq2 = E (|w|^2 + sigma^2)^2 = mean_k [(tr C_k + sigma^2)^2 + 2 tr(C_k^2)].
  Value eq2 = p.builder().constant(0.0);
  for (const Value& ck : moments.classes)
    eq2 = eq2 + square(trace(ck) + moments.noise_variance) + 2.0 * sum(ck * ck);
  eq2 = eq2 * (1.0 / static_cast<double>(moments.classes.size()));

  const Value at_p = matmul(transpose(a), p), a_b = matmul(a, b_vector);
  const Value tr_aat = sum(a * a), pp = dot(p, p), pb = dot(p, b_vector);
  Value excess = (1 + 1 / n) * dot(at_p, at_p) + tr_aat * pp / n +
                 (1 + 2 / n) * square(v) * eq2 * dot(b_vector, b_vector) +
                 2.0 * v * (q * dot(p, a_b) + 2 / n * dot(p, matmul(c, a_b)));
  if (!with_query) return excess;

  // The query's own token in the Gram matrix: terms with p only.
  const Value sym = 0.5 * (a + transpose(a));  // A_s
  const Value sym_p = matmul(sym, p), tr_a = trace(a), p_a_p = dot(p, matmul(a, p));
  excess = excess + 2 / n * (p_a_p * tr_a + 2.0 * dot(sym_p, at_p));
  excess = excess + 1 / (n * n) *
                        (pp * square(tr_a) + 2.0 * pp * sum(sym * sym) + 4.0 * tr_a * p_a_p +
                         8.0 * dot(sym_p, sym_p));
  return excess + 2 / n * v * q * (pb * tr_a + 2.0 * dot(sym_p, b_vector));
}

}  // namespace iclab::nn
