// SPDX-License-Identifier: Apache-2.0
#include "check_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return sam2::test::FuzzParser(sam2::ParseTorchZip, data, size);
}
