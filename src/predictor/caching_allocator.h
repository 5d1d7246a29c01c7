// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sam2 {

// Makes ATen keep freed CPU blocks for the next tensor of the same size, or of
// two thirds of it at least, instead of giving them back to the system: a tracker
// step asks for the same sizes every frame, and fresh pages cost a third of the
// time of a step. What is kept is at most 1 GiB and at most as much as was ever
// in use at once: what was freed longest ago goes first; where memory runs out
// all of it goes. Call it once.
void InstallCachingAllocator();

}  // namespace sam2
