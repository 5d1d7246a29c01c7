// SPDX-License-Identifier: Apache-2.0
//
// Runs every stage of a model, and a video, for the comparison with the
// reference. The names of what comes out are those of reference_stages.py.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "model/sam2_model.h"
#include "parity/inputs.h"
#include "predictor/engine.h"

namespace sam2::parity {

// Trunk and neck.
Tensors RunEncoder(const Sam2Model& model);

// Encoder, prompts, decoder, heads, memory encoder and memory attention.
Tensors RunStages(const Sam2Model& model);

// The whole product over the video's first frames: pixels and prompts in, masks out.
Tensors RunVideo(const std::shared_ptr<ModelEngine>& engine, const nlohmann::json& script,
                 int64_t count = kFrames);

}  // namespace sam2::parity
