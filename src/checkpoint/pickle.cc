// SPDX-License-Identifier: Apache-2.0
//
// Opcodes: CPython's Lib/pickletools.py. What torch.save makes of a tensor:
// torch/_tensor.py (Tensor.__reduce_ex__), torch/serialization.py (persistent_id).
#include "checkpoint/pickle.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "checkpoint/byte_reader.h"

namespace sam2 {
namespace {

// The values live in one array and name each other by their place in it: a
// pickle can tie them into a knot, which then neither leaks nor is walked.
using Id = std::uint32_t;

// The pickle of SAM 2 large makes about 20,000 values.
constexpr std::size_t kMaxValues = 1 << 20;

enum class Kind : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kTuple,
  kList,
  kDict,
  kOrderedDict,
  kGlobal,   // text: name, known to be harmless
  kStorage,  // items: those of its persistent id
  kTensor,   // items: the arguments of _rebuild_tensor_v2
};

struct Value {
  Kind kind = Kind::kNone;
  std::int64_t number = 0;  // kBool, kInt
  std::string_view text{};  // kString, kGlobal
  std::vector<Id> items{};   // of a dict: key, value, key, value, ...
};

constexpr std::string_view kOrderedDictName = "OrderedDict";
constexpr std::string_view kRebuildTensorName = "_rebuild_tensor_v2";
constexpr std::string_view kRebuildParameterName = "_rebuild_parameter";

std::optional<DType> DTypeOfStorage(std::string_view name) {
  static constexpr std::pair<std::string_view, DType> kNames[] = {
      {"FloatStorage", DType::kF32},  {"HalfStorage", DType::kF16},
      {"BFloat16Storage", DType::kBF16}, {"DoubleStorage", DType::kF64},
      {"LongStorage", DType::kI64},   {"IntStorage", DType::kI32},
      {"ByteStorage", DType::kU8},    {"BoolStorage", DType::kBool}};
  for (const auto& [known, dtype] : kNames) {
    if (name == known) return dtype;
  }
  return std::nullopt;
}

bool IsTorchDType(std::string_view name) {
  static constexpr std::string_view kNames[] = {"float32", "float16", "bfloat16", "float64",
                                                "int64",   "int32",   "uint8",    "bool"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// Names of data, and the functions that Reduce() stands in for.
bool IsHarmless(std::string_view module, std::string_view name) {
  if (module == "collections") return name == kOrderedDictName;
  if (module == "torch._utils") return name == kRebuildTensorName || name == kRebuildParameterName;
  if (module == "torch") return name.ends_with("Storage") || IsTorchDType(name);
  return false;
}

// The pickle machine: runs the opcodes and keeps the values.
class Machine {
 public:
  explicit Machine(std::span<const std::uint8_t> pickle) : reader_(pickle, "data.pkl") {}

  // Returns the pickled value.
  Id Run() {
    while (!Step(reader_.U8())) {
    }
    return Pop();
  }

  const Value& operator[](Id id) const { return values_[id]; }

 private:
  [[noreturn]] void Fail(const std::string& why) const {
    ThrowBadCheckpoint("data.pkl, byte " + std::to_string(reader_.position()) + ": " + why);
  }

  void Push(Value value) {
    if (values_.size() == kMaxValues) Fail("too many values for a state dict");
    values_.push_back(std::move(value));
    stack_.push_back(static_cast<Id>(values_.size() - 1));
  }
  void PushInt(std::int64_t number) { Push({.kind = Kind::kInt, .number = number}); }
  void PushItems(Kind kind, std::vector<Id> items) {
    Push({.kind = kind, .items = std::move(items)});
  }

  // How many values lie on the stack above the last mark.
  std::size_t Available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  Id Pop() {
    if (Available() == 0) Fail("nothing on the stack");
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }

  Value& Top() {
    if (Available() == 0) Fail("nothing on the stack");
    return values_[stack_.back()];
  }

  // The upmost `count` values, the lowest first.
  std::vector<Id> PopMany(std::size_t count) {
    if (Available() < count) Fail("too few values on the stack");
    std::vector<Id> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }

  // All values above the last mark; removes the mark.
  std::vector<Id> PopToMark() {
    if (marks_.empty()) Fail("no mark on the stack");
    std::vector<Id> items = PopMany(Available());
    marks_.pop_back();
    return items;
  }

  void Append(Kind kind, const std::vector<Id>& items) {
    Value& container = Top();
    const bool fits = container.kind == kind ||
                      (kind == Kind::kDict && container.kind == Kind::kOrderedDict);
    if (!fits) Fail("an item for something that is no container");
    if (kind == Kind::kDict && items.size() % 2 != 0) Fail("a key without a value");
    container.items.insert(container.items.end(), items.begin(), items.end());
  }

  void Memoize(std::uint32_t key) {
    if (Available() == 0) Fail("nothing on the stack");
    memo_[key] = stack_.back();
  }

  void Recall(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) Fail("no value under memo " + std::to_string(key));
    stack_.push_back(found->second);
  }

  void PushLong() {
    const auto bytes = reader_.Take(reader_.U8());
    if (bytes.size() > 8) Fail("an integer of more than 64 bits");
    std::uint64_t bits = !bytes.empty() && (bytes.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;) bits = bits << 8 | bytes[i];
    PushInt(static_cast<std::int64_t>(bits));
  }

  void PushGlobal() {
    const std::string_view module = reader_.TakeLine();
    const std::string_view name = reader_.TakeLine();
    if (!IsHarmless(module, name)) {
      Fail("the file asks for " + Quote(std::string(module) + "." + std::string(name)) +
           ", which a state dict does not need; refused, nothing was run");
    }
    Push({.kind = Kind::kGlobal, .text = name});
  }

  // A persistent id: ("storage", type, key, location, numel).
  void PushStorage() {
    const Value& id = values_[Pop()];
    const bool good = id.kind == Kind::kTuple && id.items.size() == 5 &&
                      values_[id.items[0]].kind == Kind::kString &&
                      values_[id.items[0]].text == "storage" &&
                      values_[id.items[1]].kind == Kind::kGlobal &&
                      values_[id.items[2]].kind == Kind::kString &&
                      values_[id.items[4]].kind == Kind::kInt;
    if (!good) Fail("a persistent id that names no storage");
    PushItems(Kind::kStorage, id.items);
  }

  void Reduce() {
    const Value& arguments = values_[Pop()];
    const Value& function = values_[Pop()];
    if (function.kind != Kind::kGlobal || arguments.kind != Kind::kTuple) Fail("a malformed call");
    if (function.text == kOrderedDictName) {
      if (!arguments.items.empty()) Fail("an OrderedDict with arguments");
      PushItems(Kind::kOrderedDict, {});
    } else if (function.text == kRebuildTensorName) {
      if (!IsTensor(arguments.items)) Fail("a malformed tensor");
      PushItems(Kind::kTensor, arguments.items);
    } else if (function.text == kRebuildParameterName) {
      if (arguments.items.empty() || values_[arguments.items[0]].kind != Kind::kTensor) {
        Fail("a parameter that holds no tensor");
      }
      stack_.push_back(arguments.items[0]);
    } else {
      Fail("a call of " + Quote(function.text) + ", which is no function");
    }
  }

  // (storage, storage_offset, size, stride, requires_grad, backward_hooks[, metadata])
  bool IsTensor(const std::vector<Id>& arguments) const {
    return (arguments.size() == 6 || arguments.size() == 7) &&
           values_[arguments[0]].kind == Kind::kStorage &&
           values_[arguments[1]].kind == Kind::kInt && IsSizes(arguments[2]) &&
           IsSizes(arguments[3]);
  }

  bool IsSizes(Id id) const {
    const Value& tuple = values_[id];
    return tuple.kind == Kind::kTuple && tuple.items.size() <= kMaxDims &&
           std::all_of(tuple.items.begin(), tuple.items.end(),
                       [this](Id item) { return values_[item].kind == Kind::kInt; });
  }

  // Attributes: an OrderedDict's _metadata (versions of modules), not needed.
  void Build() {
    Pop();
    if (Top().kind != Kind::kOrderedDict) Fail("attributes for something that has none");
  }

  // Runs one opcode; true when it was the last.
  bool Step(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        if (const int protocol = reader_.U8(); protocol != 2) {
          Fail("pickle protocol " + std::to_string(protocol) +
               "; save the file again with torch.save's own, 2");
        }
        return false;
      case '.':  // STOP
        return true;
      case '(':  // MARK
        marks_.push_back(stack_.size());
        return false;
      case 'N':  // NONE
        Push({});
        return false;
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        Push({.kind = Kind::kBool, .number = opcode == 0x88});
        return false;
      case 'J':  // BININT
        PushInt(static_cast<std::int32_t>(reader_.U32()));
        return false;
      case 'K':  // BININT1
        PushInt(reader_.U8());
        return false;
      case 'M':  // BININT2
        PushInt(reader_.U16());
        return false;
      case 0x8a:  // LONG1
        PushLong();
        return false;
      case 'G':  // BINFLOAT
        reader_.Skip(8);
        Push({.kind = Kind::kFloat});
        return false;
      case 'X':  // BINUNICODE
        Push({.kind = Kind::kString, .text = reader_.TakeText(reader_.U32())});
        return false;
      case 'c':  // GLOBAL
        PushGlobal();
        return false;
      case 'Q':  // BINPERSID
        PushStorage();
        return false;
      case 'R':  // REDUCE
        Reduce();
        return false;
      case 'b':  // BUILD
        Build();
        return false;
      case 'q':  // BINPUT
        Memoize(reader_.U8());
        return false;
      case 'r':  // LONG_BINPUT
        Memoize(reader_.U32());
        return false;
      case 'h':  // BINGET
        Recall(reader_.U8());
        return false;
      case 'j':  // LONG_BINGET
        Recall(reader_.U32());
        return false;
      default:
        return StepContainer(opcode);
    }
  }

  bool StepContainer(std::uint8_t opcode) {
    switch (opcode) {
      case '}':  // EMPTY_DICT
        PushItems(Kind::kDict, {});
        return false;
      case ']':  // EMPTY_LIST
        PushItems(Kind::kList, {});
        return false;
      case ')':  // EMPTY_TUPLE
        PushItems(Kind::kTuple, {});
        return false;
      case 't':  // TUPLE
        PushItems(Kind::kTuple, PopToMark());
        return false;
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        PushItems(Kind::kTuple, PopMany(opcode - 0x84u));
        return false;
      case 'a':  // APPEND
        Append(Kind::kList, PopMany(1));
        return false;
      case 'e':  // APPENDS
        Append(Kind::kList, PopToMark());
        return false;
      case 's':  // SETITEM
        Append(Kind::kDict, PopMany(2));
        return false;
      case 'u':  // SETITEMS
        Append(Kind::kDict, PopToMark());
        return false;
      default:
        Fail("opcode " + Quote(std::string(1, static_cast<char>(opcode))) +
             ", which a state dict does not need");
    }
  }

  ByteReader reader_;
  std::vector<Value> values_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::map<std::uint32_t, Id> memo_;
};

bool IsDict(const Value& value) {
  return value.kind == Kind::kDict || value.kind == Kind::kOrderedDict;
}

// The value of a dict's key, or nullptr.
const Value* Find(const Machine& machine, const Value& dict, std::string_view key) {
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    const Value& candidate = machine[dict.items[i]];
    if (candidate.kind == Kind::kString && candidate.text == key) {
      return &machine[dict.items[i + 1]];
    }
  }
  return nullptr;
}

std::vector<std::int64_t> Ints(const Machine& machine, Id tuple) {
  std::vector<std::int64_t> numbers;
  for (const Id item : machine[tuple].items) numbers.push_back(machine[item].number);
  return numbers;
}

PickledTensor ReadTensor(const Machine& machine, std::string_view name, const Value& value) {
  if (value.kind != Kind::kTensor) ThrowBadCheckpoint("entry " + Quote(name) + " is no tensor");
  const Value& storage = machine[value.items[0]];
  const Value& type = machine[storage.items[1]];
  const auto dtype = DTypeOfStorage(type.text);
  if (!dtype) {
    ThrowBadCheckpoint("tensor " + Quote(name) + " has the unknown dtype " + Quote(type.text));
  }
  return {.name = name,
          .dtype = *dtype,
          .storage = machine[storage.items[2]].text,
          .storage_numel = machine[storage.items[4]].number,
          .storage_offset = machine[value.items[1]].number,
          .shape = Ints(machine, value.items[2]),
          .strides = Ints(machine, value.items[3])};
}

}  // namespace

std::vector<PickledTensor> ParseStateDict(std::span<const std::uint8_t> pickle) {
  Machine machine(pickle);
  const Value* dict = &machine[machine.Run()];
  if (!IsDict(*dict)) ThrowBadCheckpoint("data.pkl holds no dict of tensors");
  if (const Value* model = Find(machine, *dict, "model"); model != nullptr && IsDict(*model)) {
    dict = model;
  }
  std::vector<PickledTensor> tensors;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < dict->items.size(); i += 2) {
    const Value& key = machine[dict->items[i]];
    if (key.kind != Kind::kString) ThrowBadCheckpoint("data.pkl: a key that is no string");
    if (!names.insert(key.text).second) {
      ThrowBadCheckpoint("tensor " + Quote(key.text) + " is there twice");
    }
    tensors.push_back(ReadTensor(machine, key.text, machine[dict->items[i + 1]]));
  }
  return tensors;
}

}  // namespace sam2
