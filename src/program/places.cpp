#include "program/places.h"

#include <algorithm>
#include <optional>

namespace iclab::program {
namespace {

using lanes::Dims;
using lanes::kMaxRank;

// Padded row-major strides, 0 where the dim is 1.
Dims own_strides(const Shape& shape) {
  Dims strides{};
  const Shape row_major = row_major_strides(shape);
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1) strides[kMaxRank - shape.size() + i] = row_major[i];
  return strides;
}

// NumPy's rule: the strides of `to` over memory laid out as `from` with `strides`, or none if the
// elements would have to move. Dims above 1 only; both padded.
std::optional<Dims> reshape_strides(const Dims& from, const Dims& strides, const Dims& to) {
  std::vector<std::int64_t> dims, steps;
  for (size_t i = 0; i < from.size(); ++i)
    if (from[i] != 1) {
      dims.push_back(from[i]);
      steps.push_back(strides[i]);
    }
  Dims result{};
  size_t i = 0, j = 0;
  while (i < dims.size()) {
    // The shortest runs of old and new dims with equal products.
    size_t i_end = i + 1, j_end = j;
    while (j_end < to.size() && to[j_end] == 1) ++j_end;
    j = j_end;
    std::int64_t old_count = dims[i], new_count = to[j_end++];
    while (old_count != new_count) {
      if (old_count < new_count) old_count *= dims[i_end++];
      else new_count *= to[j_end++];
    }
    for (size_t k = i; k + 1 < i_end; ++k)
      if (steps[k] != steps[k + 1] * dims[k + 1]) return {};
    std::int64_t step = steps[i_end - 1];
    for (size_t k = j_end; k-- > j;) {
      if (to[k] != 1) result[k] = step;
      step *= to[k];
    }
    i = i_end;
    j = j_end;
  }
  return result;
}

size_t padded_axis(const Shape& shape, std::int64_t axis) {
  return kMaxRank - shape.size() + static_cast<size_t>(axis);
}

// The view's place, given that of its operand; none if the node is no view, or its elements have to move.
std::optional<Place> place_view(const Program& program, const std::vector<Place>& places, int id) {
  const Node& view = program[id];
  if (view.in.empty()) return {};
  const Place& source = places[static_cast<size_t>(view.in[0])];
  const Dims dims = padded_dims(view.shape);
  Place place = source;
  place.is_view = true;
  switch (view.op) {
    case Op::kReshape: {
      const auto strides = reshape_strides(padded_dims(program[view.in[0]].shape), source.strides, dims);
      if (!strides) return {};
      place.strides = *strides;
      return place;
    }
    case Op::kTranspose:
      for (size_t i = 0; i < view.shape.size(); ++i)
        place.strides[padded_axis(view.shape, static_cast<std::int64_t>(i))] =
            source.strides[padded_axis(view.shape, view.ints[i])];
      return place;
    case Op::kSlice: {
      const size_t axis = padded_axis(view.shape, view.ints[0]);
      place.offset += view.ints[1] * source.strides[axis];
      place.strides[axis] = dims[axis] == 1 ? 0 : view.ints[2] * source.strides[axis];
      return place;
    }
    case Op::kBroadcast: return place;  // stretched dims have stride 0 already
    default: return {};
  }
}

// The strides of a view's operand, given those of the view; none if the view hides elements or moves them.
std::optional<Dims> operand_strides(const Program& program, int id, const Dims& strides) {
  const Node& view = program[id];
  const Shape& from = program[view.in[0]].shape;
  if (view.op == Op::kReshape)
    return reshape_strides(padded_dims(view.shape), strides, padded_dims(from));
  if (view.op != Op::kTranspose) return {};
  Dims result{};
  for (size_t i = 0; i < from.size(); ++i)
    result[padded_axis(from, view.ints[i])] = strides[padded_axis(from, static_cast<std::int64_t>(i))];
  return result;
}

// Values whose kernels write with strides as fast as without: in lanes most of them. In the ordinary layout rows
// of products are joined over prompts where they go on, which they don't inside a concat.
bool writes_anywhere(const Node& node, bool in_lanes, Op reader) {
  if (!in_lanes) return node.op == (reader == Op::kConcat ? Op::kGather : Op::kProduct);
  switch (node.op) {
    case Op::kDraw: return node.code != static_cast<int>(lanes::Draw::kGamma);
    case Op::kUnary:
    case Op::kBinary:
    case Op::kSelect:
    case Op::kToReal:
    case Op::kProduct:
    case Op::kConcat:
    case Op::kGather: return true;
    default: return false;
  }
}

class InReaders {
 public:
  InReaders(const Program& program, const std::vector<bool>& is_live, bool in_lanes, std::vector<Place>& places)
      : program_(program), is_live_(is_live), in_lanes_(in_lanes), places_(places) {}

  // Readers first, so that what they are made of finds its place in theirs.
  void run() {
    for (int id = static_cast<int>(program_.nodes.size()); id-- > 0;) {
      if (program_[id].rate != Rate::kPrompt || !is_live(id) || place(id).is_view) continue;
      if (program_[id].op == Op::kConcat) fill_concat(id);
      if (program_[id].op == Op::kReshape) fill_reshape(id);
    }
  }

 private:
  bool is_live(int id) const { return is_live_[static_cast<size_t>(id)]; }
  Place& place(int id) { return places_[static_cast<size_t>(id)]; }

  // Elements that would move are written where they move to.
  void fill_reshape(int reshape) {
    const int in = program_[reshape].in[0];
    Place from = place(reshape);
    const auto strides = reshape_strides(padded_dims(program_[reshape].shape), from.strides,
                                         padded_dims(program_[in].shape));
    if (!strides) return;
    from.strides = *strides;
    move(in, from, Op::kReshape);
  }

  void fill_concat(int concat) {
    const size_t axis = padded_axis(program_[concat].shape, program_[concat].ints[0]);
    std::int64_t begin = 0;
    for (const int in : program_[concat].in) {
      const Dims dims = padded_dims(program_[in].shape);
      Place part = place(concat);
      part.offset += begin * part.strides[axis];
      for (size_t i = 0; i < dims.size(); ++i)
        if (dims[i] == 1) part.strides[i] = 0;
      move(in, part, Op::kConcat);
      begin += dims[axis];
    }
  }

  // Moves the value of which `id` is a view, so that the view lies at `part` of the reader's buffer.
  void move(int id, Place part, Op reader) {
    while (place(id).is_view) {
      const auto strides = operand_strides(program_, id, part.strides);
      if (!strides) return;
      part.strides = *strides;
      id = program_[id].in[0];
    }
    const bool has_own_buffer = place(id).base == id;
    if (!has_own_buffer || program_[id].rate != Rate::kPrompt || !writes_anywhere(program_[id], in_lanes_, reader))
      return;
    const std::vector<Place> before = places_;
    place(id) = part;
    place(id).is_view = false;
    if (!place_views_of(id, before)) places_ = before;
  }

  // False if a view of the value would have to move its elements.
  bool place_views_of(int base, const std::vector<Place>& before) {
    for (int id = base + 1; id < static_cast<int>(program_.nodes.size()); ++id) {
      const Place& old = before[static_cast<size_t>(id)];
      if (!old.is_view || old.base != base) continue;
      const auto now = place_view(program_, places_, id);
      if (!now) return false;
      place(id) = *now;
    }
    return true;
  }

  const Program& program_;
  const std::vector<bool>& is_live_;
  bool in_lanes_;
  std::vector<Place>& places_;
};

}  // namespace

std::vector<Place> place_values(const Program& program) {
  std::vector<Place> places(program.nodes.size());
  for (int id = 0; id < static_cast<int>(places.size()); ++id)
    places[static_cast<size_t>(id)] =
        place_view(program, places, id).value_or(Place{id, 0, own_strides(program[id].shape), false});
  return places;
}

void place_in_readers(const Program& program, const std::vector<bool>& is_live, bool in_lanes,
                      std::vector<Place>& places) {
  InReaders(program, is_live, in_lanes, places).run();
}

}  // namespace iclab::program
