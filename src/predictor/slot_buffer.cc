// SPDX-License-Identifier: Apache-2.0
#include "predictor/slot_buffer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "predictor/upload.h"

namespace sam2 {
namespace {

constexpr int64_t kMinSpare = 4;  // rows that are free after a change of size

}  // namespace

int64_t SlotBuffer::Slot::index() const { return row_->index; }

std::vector<SlotBuffer::Slot> SlotBuffer::Write(const at::Tensor& new_rows) {
  TORCH_CHECK(!rows_.defined() || new_rows.sizes().slice(1) == rows_.sizes().slice(1),
              "rows of ", new_rows.sizes(), " do not fit into ", rows_.sizes());
  if (new_rows.size(0) == 0) return {};
  Reserve(new_rows.size(0), new_rows);
  std::vector<Slot> slots;
  for (int64_t i = 0; i < new_rows.size(0); ++i) slots.push_back(TakeOne());
  Fill(slots, new_rows);
  return slots;
}

std::vector<SlotBuffer::Slot> SlotBuffer::Take(int64_t count) {
  TORCH_CHECK(rows_.defined(), "no row was written yet");
  Reserve(count, rows_);
  std::vector<Slot> slots;
  for (int64_t i = 0; i < count; ++i) slots.push_back(TakeOne());
  return slots;
}

void SlotBuffer::Fill(const std::vector<Slot>& slots, const at::Tensor& new_rows) {
  std::vector<int64_t> places;
  for (const Slot& slot : slots) places.push_back(slot.index());
  rows_.index_copy_(0, Upload(places, rows_.device()), new_rows);
}

void SlotBuffer::Reserve(int64_t count, const at::Tensor& example) {
  const int64_t needed = used() + count;
  const int64_t roomy = needed + std::max(kMinSpare, needed / 4);
  if (needed > capacity() || 2 * roomy < capacity()) Resize(roomy, example);
}

void SlotBuffer::Resize(int64_t capacity, const at::Tensor& example) {
  std::vector<int64_t> sizes(example.sizes().begin(), example.sizes().end());
  sizes[0] = capacity;
  const at::Tensor rows = at::empty(sizes, example.options());
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < this->capacity(); ++i) {
    if (by_index_[i]) kept.push_back(i);
  }
  const int64_t count = std::ssize(kept);
  if (count > 0) {
    at::Tensor front = rows.narrow(0, 0, count);
    at::index_select_out(front, rows_, 0, Upload(kept, rows_.device()));
  }
  std::vector<Row*> by_index(capacity, nullptr);
  std::vector<int64_t> free;
  free.reserve(capacity);
  for (int64_t i = capacity; i-- > count;) free.push_back(i);
  // Nothing fails from here on.
  for (int64_t i = 0; i < count; ++i) {
    by_index[i] = by_index_[kept[i]];
    by_index[i]->index = i;
  }
  rows_ = rows;
  by_index_.swap(by_index);
  free_.swap(free);
}

SlotBuffer::Slot SlotBuffer::TakeOne() {
  const int64_t index = free_.back();
  auto row = std::make_shared<Row>(this, index);
  free_.pop_back();
  by_index_[index] = row.get();
  return Slot(std::move(row));
}

void SlotBuffer::Release(int64_t index) noexcept {
  by_index_[index] = nullptr;
  free_.push_back(index);  // there is room for all
  if (used() > 0) return;
  rows_.reset();
  by_index_.clear();
  free_.clear();
}

}  // namespace sam2
