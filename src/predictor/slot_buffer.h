// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace sam2 {

// Equal rows that come and go, kept in one tensor: what is needed of them is
// gathered with one operation, and while about as many are in use nothing is
// allocated. The tensor grows as rows are written and shrinks again when most
// of them are free at the next writing, or at once when all are.
//
// Not thread-safe. Slots must not outlive their buffer.
class SlotBuffer {
  struct Row;

 public:
  // A row in use; free when the last copy of its slot is gone.
  class Slot {
   public:
    Slot() = default;
    int64_t index() const;  // of the row, until the next Write()
    void reset() { row_.reset(); }
    bool defined() const { return row_ != nullptr; }

   private:
    friend class SlotBuffer;
    explicit Slot(std::shared_ptr<Row> row) : row_(std::move(row)) {}
    std::shared_ptr<Row> row_;
  };

  SlotBuffer() = default;
  SlotBuffer(const SlotBuffer&) = delete;
  SlotBuffer& operator=(const SlotBuffer&) = delete;

  // Keeps new_rows [N, ...], always of the same size and type. When it throws,
  // all is as before.
  std::vector<Slot> Write(const at::Tensor& new_rows);

  // The same in two steps. Take(): rows of any content, beside at least one
  // that was written and is in use.
  std::vector<Slot> Take(int64_t count);
  void Fill(const std::vector<Slot>& slots, const at::Tensor& new_rows);

  const at::Tensor& rows() const { return rows_; }  // [capacity, ...]; undefined when empty
  int64_t capacity() const { return std::ssize(by_index_); }
  int64_t used() const { return capacity() - std::ssize(free_); }

 private:
  struct Row {
    Row(SlotBuffer* owner, int64_t place) : buffer(owner), index(place) {}
    Row(const Row&) = delete;
    Row& operator=(const Row&) = delete;
    ~Row() { buffer->Release(index); }
    SlotBuffer* buffer;
    int64_t index;
  };

  void Reserve(int64_t count, const at::Tensor& example);
  // Moves the rows in use to a new tensor.
  void Resize(int64_t capacity, const at::Tensor& example);
  Slot TakeOne();
  void Release(int64_t index) noexcept;

  at::Tensor rows_;
  std::vector<Row*> by_index_;  // null where a row is free
  std::vector<int64_t> free_;
};

}  // namespace sam2
