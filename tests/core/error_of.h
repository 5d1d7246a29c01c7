// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "sam2.h"

namespace sam2 {

// The Error, with a message, that a job ends in. Fails the test when there is none.
template <typename Job>
Error ErrorOf(const Job& job) {
  try {
    job();
  } catch (const Error& error) {
    EXPECT_STRNE(error.what(), "");
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(ErrorCode::kFailed, "");
}

}  // namespace sam2
