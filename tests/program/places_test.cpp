#include "program/places.h"

#include <gtest/gtest.h>

#include <vector>

#include "program/builder.h"

namespace iclab::program {
namespace {

using lanes::Dims;

std::vector<Place> places_in_lanes(const Builder& b, bool in_lanes = true) {
  std::vector<Place> places = place_values(b.program());
  place_in_readers(b.program(), std::vector<bool>(b.program().nodes.size(), true), in_lanes, places);
  return places;
}

// `value` lies in the buffer of `reader`.
void expect_place(const std::vector<Place>& places, Value value, Value reader, std::int64_t offset, Dims strides) {
  const Place& place = places[static_cast<size_t>(value.id())];
  EXPECT_EQ(place.base, reader.id());
  EXPECT_EQ(place.offset, offset);
  EXPECT_EQ(place.strides, strides);
  EXPECT_FALSE(place.is_view);
}

void expect_own_buffer(const std::vector<Place>& places, Value value) {
  EXPECT_EQ(places[static_cast<size_t>(value.id())].base, value.id());
}

struct Prompts {
  Builder b;
  Value normal(const Shape& shape) { return b.normal(Stream::kPrompt, shape); }
};

TEST(Places, WhatAConcatJoinsLiesInIt) {
  Prompts p;
  const Value x = p.normal({2, 5}), y = tanh(p.normal({3, 5}));
  const Value joined = concat({x, y}, 0);
  const auto places = places_in_lanes(p.b);
  expect_place(places, x, joined, 0, {0, 0, 5, 1});
  expect_place(places, y, joined, 10, {0, 0, 5, 1});
}

TEST(Places, AViewOfAllIsJoinedToo) {
  Prompts p;
  const Value x = p.normal({5, 2}), y = p.normal({4});
  const Value joined = concat({transpose(x), reshape(y, {2, 2})}, 1);  // (2, 7)
  const auto places = places_in_lanes(p.b);
  expect_place(places, x, joined, 0, {0, 0, 1, 7});
  expect_own_buffer(places, y);  // its elements would have to move
}

TEST(Places, NestedConcatsShareOneBuffer) {
  Prompts p;
  const Value x = p.normal({3}), y = p.normal({2}), z = p.normal({4});
  const Value inner = concat({x, y}, 0), outer = concat({z, inner}, 0);
  const auto places = places_in_lanes(p.b);
  expect_place(places, inner, outer, 4, {0, 0, 0, 1});
  expect_place(places, x, outer, 4, {0, 0, 0, 1});
  expect_place(places, y, outer, 7, {0, 0, 0, 1});
}

TEST(Places, AValueLiesInOneReaderOnly) {
  Prompts p;
  const Value x = p.normal({3});
  const Value twice = concat({x, x}, 0), again = concat({x, p.normal({1})}, 0);
  const auto places = places_in_lanes(p.b);
  expect_place(places, x, again, 0, {0, 0, 0, 1});  // the last reader comes first
  expect_own_buffer(places, twice);
}

TEST(Places, InTheOrdinaryLayoutGatheredRowsAloneLieInAConcat) {
  Prompts p;
  const Value table = p.b.normal(Stream::kTask, {9, 5});
  const Value rows = gather(table, p.b.integers(Stream::kPrompt, {3}, 9)), drawn = p.normal({2, 5});
  const Value product = matmul(drawn, p.b.input("w", {5, 5}, Rate::kStep));
  const Value joined = concat({drawn, rows, product}, 0);
  const auto places = places_in_lanes(p.b, false);
  expect_place(places, rows, joined, 10, {0, 0, 5, 1});
  expect_own_buffer(places, drawn);
  expect_own_buffer(places, product);
}

TEST(Places, PartsInputsGammasAndSharedValuesAreCopied) {
  Prompts p;
  const Value whole = p.normal({6}), input = p.b.input("x", {3}, Rate::kPrompt);
  const Value gamma = p.b.gamma(Stream::kPrompt, {2}, {2.5}), shared = p.b.normal(Stream::kTask, {2});
  concat({slice(whole, 0, 0, 3), input, gamma, shared}, 0);
  const auto places = places_in_lanes(p.b);
  for (const Value value : {whole, input, gamma, shared}) expect_own_buffer(places, value);
}

TEST(Places, AMovedReshapeIsWrittenWhereItMovesTo) {
  for (const bool in_lanes : {true, false}) {
    Prompts p;
    const Value heads = matmul(p.normal({4, 3, 2}), p.normal({4, 2, 5}));  // (heads, tokens, width)
    const Value merged = reshape(permute(heads, {1, 0, 2}), {3, 20});
    const auto places = places_in_lanes(p.b, in_lanes);
    expect_place(places, heads, merged, 0, {0, 5, 20, 1});
  }
}

TEST(Places, InTheOrdinaryLayoutConcatsAreCopied) {
  Prompts p;
  const Value x = p.normal({3}), y = p.normal({2});
  concat({x, y}, 0);
  const auto places = places_in_lanes(p.b, false);
  expect_own_buffer(places, x);
}

}  // namespace
}  // namespace iclab::program
