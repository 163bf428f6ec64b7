// Labelled items, some of them in the context: memorise the label, or copy it from the context.
#pragma once

#include "tasks/task.h"

namespace iclab::tasks {

/// A prompt has N context items with labels in {-1, 1} and a target that equals at least one of them:
/// "items" (N, D), "labels" (N), "query" (D), "target" () and "copies" (N), 1 where the context holds the
/// target, else 0. Items x_k ~ N(0, I_D/D), either
///   items = K: drawn once a run, half of them with either label;
///   fresh_items = true (K infinite): new ones in every prompt, labels independent and uniform. With
///   sampler = "statistics" their overlaps with the target stand for "items", "overlaps" (N) = x_j . x_t, drawn
///   from their exact law.
/// The context: without `copies`, N independent items, and a target that is one of these if its own draw is not
/// among them; with copies = n, the target n times and N - n others. burstiness = B: a context of N/B, each B
/// times. balance: half of the labels either way, in the context or in context and target together. zipf =
/// alpha: item k is drawn with p_k ~ k^-alpha.
/// Kept sets: "novel", items never trained on (fresh ones; without `copies`, of a table of min(K, 20000)), and
/// "trained", where the target is one of K and not in the context, N other ones.
/// (differential-kinetics.md, section 1; arXiv 2412.00104)
TaskEntry item_label_entry();

}  // namespace iclab::tasks
