// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace sam2 {

// Into how many pieces a part of the network may divide its work, and who
// computes them: `for_each(n, piece)` returns when piece(0) .. piece(n - 1) are
// done, some of them perhaps at once on other threads.
struct Pieces {
  std::int64_t most = 1;
  std::function<void(std::int64_t, std::function<void(std::int64_t)>)> for_each =
      [](std::int64_t count, const std::function<void(std::int64_t)>& piece) {
        for (std::int64_t i = 0; i < count; ++i) piece(i);
      };
};

}  // namespace sam2
