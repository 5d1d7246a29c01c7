// SPDX-License-Identifier: Apache-2.0
//
// The pickle alone, which the zip around it keeps a fuzzer from reaching.
#include "check_index.h"
#include "checkpoint/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    sam2::ParseStateDict({data, size});
  } catch (const sam2::Error&) {
  }
  return 0;
}
