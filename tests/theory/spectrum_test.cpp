#include "theory/spectrum.h"

#include <gtest/gtest.h>

#include "tests/theory/matrices.h"
#include "theory/linear_risk.h"

namespace iclab::theory {
namespace {

TEST(Spectrum, OfAMixtureIsThatOfItsMatrix) {
  for (const Mixture& mixture : mixtures_up_to(6)) {
    SCOPED_TRACE(text(mixture));
    const Spectrum groups = spectrum(mixture, 9, 0.2);
    const Matrix C = second_moment(Matrix::Identity(mixture.d, mixture.d), mixture);
    const double bound = 100 * kEpsilon * C.trace();
    EXPECT_EQ(groups.d(), static_cast<double>(mixture.d));
    EXPECT_NEAR(groups.trace(), static_cast<double>(mixture.r), bound);
    EXPECT_NEAR(groups.Lambda(), C.norm(), bound);
    EXPECT_NEAR(groups.least_risk(), least_risk(C, 9, 0.2), bound);

    // J of a diagonal Gamma that is the same in each group.
    std::vector<double> gamma;
    Vector diagonal(mixture.d);
    Eigen::Index column = 0;
    for (size_t i = 0; i < groups.groups(); ++i) {
      gamma.push_back(0.3 + static_cast<double>(i));
      for (int count = 0; count < static_cast<int>(groups.multiplicity[i]); ++count)
        diagonal[column++] = gamma.back();
    }
    const double J = risk(Matrix(diagonal.asDiagonal()), C, 9, 0.2);
    EXPECT_NEAR(groups.trace() + groups.excess(gamma), J, 100 * kEpsilon * (C.trace() + J));
  }
}

TEST(ClassSpectra, KeepMixtureAndClassesInCommonGroups) {
  const std::vector<ColumnClass> classes{{{0, 1, 2}, 1}, {{2, 5}, 0.7}, {{3}, 1.9}};
  const ClassSpectra spectra = class_spectra(classes, 7, 12, 0.2);
  EXPECT_EQ(spectra.mixture.multiplicity, (std::vector<double>{2, 1, 1, 2, 1}));  // 01, 2, 3, 46, 5
  ASSERT_EQ(spectra.classes.size(), 3u);
  EXPECT_EQ(spectra.classes[0].lambda, (std::vector<double>{1, 1, 0, 0, 0}));

  const Matrix Q = Matrix::Identity(7, 7);
  const Matrix C = second_moment(Q, classes), star = optimum(C, 12, 0.2);
  EXPECT_NEAR(spectra.mixture.Lambda(), C.norm(), 10 * kEpsilon * C.norm());
  EXPECT_NEAR(spectra.mixture.least_risk(), least_risk(C, 12, 0.2), 100 * kEpsilon * C.trace());
  for (size_t k = 0; k < 3; ++k) {
    const Matrix C_k = second_moment(Q, classes[k]);
    const Spectrum& one = spectra.classes[k];
    EXPECT_NEAR(one.trace() + one.excess(spectra.mixture.optimum()), risk(star, C_k, 12, 0.2),
                100 * kEpsilon * (C_k.trace() + C.trace()));
  }
}

TEST(ClassSpectra, AMixtureIsItsClasses) {
  const Mixture mixture{.d = 8, .r = 2, .K = 3, .s = 1};
  const Spectrum by_numbers = spectrum(mixture, 16, 0);
  const Spectrum by_classes =
      class_spectra({{{0, 1}, 1}, {{0, 2}, 1}, {{0, 3}, 1}}, 8, 16, 0).mixture;
  EXPECT_DOUBLE_EQ(by_classes.Lambda(), by_numbers.Lambda());
  EXPECT_DOUBLE_EQ(by_classes.least_risk(), by_numbers.least_risk());
}

}  // namespace
}  // namespace iclab::theory
