// The transformer of GPT-2's shape, on regression prompts and on sequences of tokens.
#pragma once

#include "nn/model.h"

namespace iclab::nn {

/// Tokens x_1, [y_1, 0..0], x_2, ..., x_query of width d (arXiv 2208.01066), or the prompt's part
/// "tokens": (T, d), or (T) integers below `vocabulary` -> embed.W_E, b_E (read-in to the width) +
/// pos_embed.W_pos (T, width) -> blocks.L -> ln_final (where norms come first) -> unembed.W_U, b_U
/// (read-out). Predictions stand at the x, or at every token.
ModelEntry transformer_entry();

}  // namespace iclab::nn
