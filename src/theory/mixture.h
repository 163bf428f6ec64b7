// The mixture of K subspaces that tasks are drawn from, by its numbers, and classes given as
// columns (task-diversity.md, section 1).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace iclab::theory {

/// K components of rank r in d dimensions that share s columns: U_k = [S, B_k], k uniform, w = U_k
/// a, a ~ N(0, I_r). Hence E|w|^2 = r for every K and s.
struct Mixture {
  std::int64_t d = 0;  // input dimension
  std::int64_t r = 0;  // rank of a component, 1 <= r <= d
  std::int64_t K = 1;  // components
  std::int64_t s = 0;  // shared columns, 0 <= s <= r; K = 1 is always coded s = 0

  /// nu = r - s: columns of a component that no other has.
  std::int64_t nu() const { return r - s; }
  /// R = s + K nu <= d: distinct columns.
  std::int64_t R() const { return s + K * nu(); }
};

/// Throws UsageError that begins with `where` and the key: r > d, s > r, K = 1 with s > 0, R > d,
/// or a number below its minimum.
void check(const Mixture& mixture, const std::string& where);

/// A class of tasks w = scale * sum_j a_j q_j over its columns: C_k = scale^2 sum_j q_j q_j^T.
/// Classes have equal weights.
struct ColumnClass {
  std::vector<std::int64_t> columns;  // distinct, from 0
  double scale = 1;                   // c_k > 0
};

/// "cols@scale" joined by "/", as in "0,1@1/2,3@1.5"; a class without "@scale" has scale 1.
/// Throws UsageError that begins with `where`.
std::vector<ColumnClass> parse_classes(const std::string& text, const std::string& where);

/// Throws UsageError that begins with `where`: no class, no column, a column twice in a class or
/// outside 0..d-1, a scale that is not positive.
void check(const std::vector<ColumnClass>& classes, std::int64_t d, const std::string& where);

}  // namespace iclab::theory
