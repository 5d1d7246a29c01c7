// SPDX-License-Identifier: Apache-2.0
#include "prompts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "errors.h"

namespace gstsam2 {
namespace {

using Json = nlohmann::json;

constexpr char kLineKeys[] = "frame, pts, id, label, box, points, action";

[[noreturn]] void Refuse(const std::string& reason) { throw std::invalid_argument(reason); }

// ------------------------------------------------------------ text

// "1,2;3,4" -> {{1, 2}, {3, 4}}. Independent of the locale.
std::vector<std::vector<double>> ParseLists(const std::string& text) {
  std::vector<std::vector<double>> lists(1);
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto skip_spaces = [&] {
    while (at != end && g_ascii_isspace(*at)) ++at;
  };
  while (true) {
    skip_spaces();
    double value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || !std::isfinite(value)) {
      Refuse("\"" + text + "\" has no number at character " +
             std::to_string(at - text.data() + 1));
    }
    lists.back().push_back(value);
    at = next;
    skip_spaces();
    if (at == end) return lists;
    if (*at == ';') {
      lists.emplace_back();
    } else if (*at != ',') {
      Refuse("\"" + text + "\" has an unexpected '" + std::string(1, *at) + "' at character " +
             std::to_string(at - text.data() + 1));
    }
    ++at;
  }
}

// ------------------------------------------------------------ one prompt

// At most what a float holds exactly, so that later sums stay finite.
constexpr double kMaxCoordinate = 1 << 24;

float Coordinate(const Json& value) {
  if (!value.is_number()) Refuse("a coordinate must be a number, not " + value.dump());
  const auto number = value.get<double>();
  if (!(std::abs(number) <= kMaxCoordinate)) Refuse(value.dump() + " is too large a coordinate");
  return static_cast<float>(number);
}

sam2::Box ToBox(const Json& value) {
  if (!value.is_array() || value.size() != 4) {
    Refuse("box must be [x, y, width, height], not " + value.dump());
  }
  std::array<float, 4> v{};
  std::ranges::transform(value, v.begin(), Coordinate);
  return {v[0], v[1], v[0] + v[2], v[1] + v[3]};
}

std::vector<sam2::Point> ToPoints(const Json& value) {
  if (!value.is_array() || value.empty()) {
    Refuse("points must be [[x, y, 1 or 0], ...], not " + value.dump());
  }
  std::vector<sam2::Point> points;
  for (const Json& point : value) {
    if (!point.is_array() || point.size() != 3 || (point[2] != 1 && point[2] != 0)) {
      Refuse("a point must be [x, y, 1 or 0], not " + point.dump());
    }
    points.push_back({Coordinate(point[0]), Coordinate(point[1]), point[2] == 1});
  }
  return points;
}

sam2::PromptAction ToAction(const Json& value) {
  static const std::map<std::string, sam2::PromptAction> kActions = {
      {"add", sam2::PromptAction::kAdd},
      {"refine", sam2::PromptAction::kRefine},
      {"replace", sam2::PromptAction::kReplace},
      {"remove", sam2::PromptAction::kRemove},
      {"undo", sam2::PromptAction::kUndo},
      {"accept", sam2::PromptAction::kAccept}};
  const auto found = value.is_string() ? kActions.find(value.get<std::string>()) : kActions.end();
  if (found == kActions.end()) {
    Refuse(
        "action must be \"add\", \"refine\", \"replace\" or \"remove\", or for stills \"undo\" or "
        "\"accept\", not " +
        value.dump());
  }
  return found->second;
}

std::uint64_t ToCount(const char* key, const Json& value) {
  const bool whole = value.is_number_unsigned() ||
                     (value.is_number_integer() && value.get<std::int64_t>() >= 0);
  if (!whole) Refuse(std::string(key) + " must be a whole number from 0, not " + value.dump());
  return value.get<std::uint64_t>();
}

int ToId(const Json& value) {
  const bool whole = value.is_number_integer();
  if (!whole || value < 1 || value > kMaxId) {
    Refuse("id must be a whole number from 1 to " + std::to_string(kMaxId) + ", not " +
           value.dump());
  }
  return value.get<int>();
}

std::string ToLabel(const Json& value) {
  if (!value.is_string()) Refuse("label must be text, not " + value.dump());
  return value.get<std::string>();
}

void SetField(PromptRequest& request, const std::string& key, const Json& value) {
  if (key == "frame") {
    request.frame = ToCount("frame", value);
  } else if (key == "pts") {
    request.pts = ToCount("pts", value);
  } else if (key == "id") {
    request.prompt.id = ToId(value);
  } else if (key == "label") {
    request.label = ToLabel(value);
  } else if (key == "box") {
    request.prompt.box = ToBox(value);
  } else if (key == "points") {
    request.prompt.points = ToPoints(value);
  } else if (key == "action") {
    request.prompt.action = ToAction(value);
  } else {
    Refuse("unknown key \"" + key + "\": allowed are " + kLineKeys);
  }
}

void Validate(const PromptRequest& request) {
  const sam2::Prompt& prompt = request.prompt;
  const bool shape = prompt.box.has_value() || !prompt.points.empty() || prompt.mask.has_value();
  if (request.frame && request.pts) Refuse("frame and pts exclude each other");
  if (prompt.action == sam2::PromptAction::kRemove ||
      prompt.action == sam2::PromptAction::kUndo || prompt.action == sam2::PromptAction::kAccept) {
    if (shape) Refuse("\"remove\", \"undo\" and \"accept\" take no box and no points");
  } else if (!shape) {
    Refuse("a box or points are missing");
  }
  if (prompt.action != sam2::PromptAction::kAdd && prompt.id == 0) {
    Refuse("an id is missing: only \"add\" goes without");
  }
}

PromptRequest FromJson(const Json& json, std::optional<sam2::Mask> mask = {}) {
  if (!json.is_object()) Refuse("not a JSON object");
  PromptRequest request;
  request.prompt.mask = std::move(mask);
  for (const auto& [key, value] : json.items()) SetField(request, key, value);
  Validate(request);
  return request;
}

// ------------------------------------------------------------ GstStructure

Json ToJson(const GValue& value);

template <typename Size, typename Get>
Json ToJsonArray(const GValue& value, Size size, Get get) {
  Json array = Json::array();
  for (guint i = 0; i < size(&value); ++i) array.push_back(ToJson(*get(&value, i)));
  return array;
}

Json ToJson(const GValue& value) {
  if (G_VALUE_HOLDS_INT(&value)) return g_value_get_int(&value);
  if (G_VALUE_HOLDS_UINT(&value)) return g_value_get_uint(&value);
  if (G_VALUE_HOLDS_INT64(&value)) return g_value_get_int64(&value);
  if (G_VALUE_HOLDS_UINT64(&value)) return g_value_get_uint64(&value);
  if (G_VALUE_HOLDS_FLOAT(&value)) return g_value_get_float(&value);
  if (G_VALUE_HOLDS_DOUBLE(&value)) return g_value_get_double(&value);
  if (G_VALUE_HOLDS_BOOLEAN(&value)) return g_value_get_boolean(&value) ? 1 : 0;
  if (G_VALUE_HOLDS_STRING(&value) && g_value_get_string(&value) != nullptr) {
    return g_value_get_string(&value);
  }
  if (G_VALUE_HOLDS(&value, GST_TYPE_ARRAY)) {
    return ToJsonArray(value, gst_value_array_get_size, gst_value_array_get_value);
  }
  if (G_VALUE_HOLDS(&value, GST_TYPE_LIST)) {
    return ToJsonArray(value, gst_value_list_get_size, gst_value_list_get_value);
  }
  Refuse(std::string("a value of type ") + G_VALUE_TYPE_NAME(&value) + " is not understood");
}

Json FieldToJson(const std::string& key, const GValue& value) {
  Json json = ToJson(value);
  if (!json.is_string() || (key != "box" && key != "points")) return json;
  const auto lists = ParseLists(json.get<std::string>());
  if (key == "points") return lists;
  if (lists.size() != 1) Refuse("box must be one x,y,width,height, not " + json.dump());
  return lists.front();
}

bool IsMaskField(const std::string& key) { return key == "mask" || key.starts_with("mask-"); }

int MaskNumber(const GstStructure& structure, const char* field) {
  const GValue* value = gst_structure_get_value(&structure, field);
  if (value == nullptr) Refuse(std::string("a mask needs ") + field);
  const Json number = ToJson(*value);
  if (!number.is_number() || std::abs(Coordinate(number)) > (1 << 20)) {
    Refuse(std::string(field) + " must be a number of pixels, not " + number.dump());
  }
  return static_cast<int>(std::lround(number.get<double>()));
}

std::optional<sam2::Mask> MaskOf(const GstStructure& structure) {
  const GValue* value = gst_structure_get_value(&structure, "mask");
  if (value == nullptr) return std::nullopt;
  GstBuffer* buffer = GST_VALUE_HOLDS_BUFFER(value) ? gst_value_get_buffer(value) : nullptr;
  if (buffer == nullptr) Refuse("mask must be a GstBuffer");
  sam2::Mask mask{.x = MaskNumber(structure, "mask-x"), .y = MaskNumber(structure, "mask-y"),
                  .width = MaskNumber(structure, "mask-cols"),
                  .height = MaskNumber(structure, "mask-rows"), .pixels = {}};
  const gsize size = gst_buffer_get_size(buffer);
  if (mask.width <= 0 || mask.height <= 0 ||
      size != static_cast<gsize>(mask.width) * static_cast<gsize>(mask.height)) {
    Refuse("a mask of " + std::to_string(mask.width) + "x" + std::to_string(mask.height) +
           " pixels cannot have " + std::to_string(size) + " bytes");
  }
  mask.pixels.resize(size);
  gst_buffer_extract(buffer, 0, mask.pixels.data(), size);
  return mask;
}

// ------------------------------------------------------------ file

// Ids that the file gives to new objects, and where: each only once until removed.
class IdCheck {
 public:
  void See(const sam2::Prompt& prompt, int line) {
    if (prompt.id == 0) return;
    if (prompt.action == sam2::PromptAction::kRemove) {
      lines_.erase(prompt.id);
    } else if (prompt.action == sam2::PromptAction::kAdd) {
      const auto [entry, fresh] = lines_.emplace(prompt.id, line);
      if (!fresh) {
        Refuse("id " + std::to_string(prompt.id) + " was given to an object in line " +
               std::to_string(entry->second) + "; \"refine\" changes that object");
      }
    }
  }

 private:
  std::map<int, int> lines_;
};

std::string ReadText(const std::string& path) {
  g_autofree char* text = nullptr;
  gsize size = 0;
  g_autoptr(GError) error = nullptr;
  if (!g_file_get_contents(path.c_str(), &text, &size, &error)) {
    const std::string reason = "Cannot read the prompts file \"" + path + "\": " + error->message;
    if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
      throw ElementError::NotFound(reason);
    }
    throw ElementError(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ, reason);
  }
  return {text, size};
}

bool IsBlank(const std::string& line) {
  return line.find_first_not_of(" \t\r") == std::string::npos;
}

}  // namespace

std::vector<PromptRequest> ParseBoxes(const std::string& text) try {
  std::vector<PromptRequest> requests;
  for (const std::vector<double>& numbers : ParseLists(text)) {
    if (numbers.size() != 4) {
      Refuse("\"" + text + "\" has a box of " + std::to_string(numbers.size()) + " numbers");
    }
    PromptRequest request;
    request.prompt.box = ToBox(numbers);
    request.frame = 0;
    request.source = kBoxSource;
    requests.push_back(std::move(request));
  }
  return requests;
} catch (const std::invalid_argument& error) {
  throw ElementError::Settings(std::string("box: ") + error.what() +
                               ". It must be \"x,y,width,height\" in pixels, more after ';'.");
}

PromptRequest ParsePromptLine(const std::string& line) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::parse_error& error) {
    Refuse(std::string("not JSON at character ") + std::to_string(error.byte));
  } catch (const Json::exception& error) {  // a number too large for any type
    Refuse(std::string("not JSON: ") + error.what());
  }
  return FromJson(json);
}

std::vector<PromptRequest> ReadPromptsFile(const std::string& path) {
  std::vector<PromptRequest> requests;
  std::istringstream text(ReadText(path));
  IdCheck ids;
  int number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (IsBlank(line)) continue;
    try {
      PromptRequest request = ParsePromptLine(line);
      ids.See(request.prompt, number);
      if (!request.frame && !request.pts) request.frame = 0;
      request.source = path + ":" + std::to_string(number);
      requests.push_back(std::move(request));
    } catch (const std::invalid_argument& error) {
      throw ElementError::Settings(path + ":" + std::to_string(number) + ": " + error.what() + ".");
    }
  }
  return requests;
}

PromptRequest ParsePromptStructure(const GstStructure& structure) {
  Json json = Json::object();
  for (int i = 0; i < gst_structure_n_fields(&structure); ++i) {
    const char* key = gst_structure_nth_field_name(&structure, i);
    if (IsMaskField(key)) continue;
    json[key] = FieldToJson(key, *gst_structure_get_value(&structure, key));
  }
  return FromJson(json, MaskOf(structure));
}

PromptRequest RequestFor(int id, sam2::PromptAction action, const char* source) {
  PromptRequest request;
  request.prompt.id = id;
  request.prompt.action = action;
  request.source = source;
  return request;
}

PromptRequest BoxRequest(int id, double x, double y, double width, double height,
                         const char* label, const char* source) {
  PromptRequest request = RequestFor(
      id, id != 0 ? sam2::PromptAction::kRefine : sam2::PromptAction::kAdd, source);
  request.prompt.box =
      sam2::Box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + width),
                static_cast<float>(y + height)};
  request.label = label != nullptr ? label : "";
  return request;
}

PromptRequest PointRequest(int id, const sam2::Point& point, const char* source) {
  PromptRequest request = RequestFor(
      id, id != 0 ? sam2::PromptAction::kRefine : sam2::PromptAction::kAdd, source);
  request.prompt.points = {point};
  return request;
}

void FitToFrame(PromptRequest& request, int frame_width, int frame_height) {
  if (request.frame_width == 0 || request.frame_height == 0) return;
  const float sx = static_cast<float>(frame_width) / static_cast<float>(request.frame_width);
  const float sy = static_cast<float>(frame_height) / static_cast<float>(request.frame_height);
  if (request.prompt.box) {
    const sam2::Box& box = *request.prompt.box;
    request.prompt.box = sam2::Box{box.x0 * sx, box.y0 * sy, box.x1 * sx, box.y1 * sy};
  }
  for (sam2::Point& point : request.prompt.points) {
    point.x *= sx;
    point.y *= sy;
  }
  request.frame_width = frame_width;
  request.frame_height = frame_height;
}

std::string ReasonToRefuse(const sam2::Prompt& prompt, int frame_width, int frame_height) {
  const auto frame = [&] {
    return " the frame, which is " + std::to_string(frame_width) + "x" +
           std::to_string(frame_height);
  };
  std::ostringstream reason;
  const auto finite = [](auto... values) { return (std::isfinite(values) && ...); };
  for (const sam2::Point& point : prompt.points) {
    if (!finite(point.x, point.y)) return "a point's coordinate is not a number";
  }
  if (prompt.box) {
    const sam2::Box& b = *prompt.box;
    if (!finite(b.x0, b.y0, b.x1, b.y1)) return "a coordinate of the box is not a number";
    if (b.x1 <= b.x0 || b.y1 <= b.y0) {
      reason << "the box " << b.x0 << "," << b.y0 << "," << b.x1 - b.x0 << "," << b.y1 - b.y0
             << " is empty: width and height must be above 0";
    } else if (b.x0 >= frame_width || b.y0 >= frame_height || b.x1 <= 0 || b.y1 <= 0) {
      reason << "the box " << b.x0 << "," << b.y0 << "," << b.x1 - b.x0 << "," << b.y1 - b.y0
             << " lies outside" << frame();
    }
  }
  return reason.str();
}

// ------------------------------------------------------------ PromptQueue

int PromptQueue::Add(PromptRequest request) {
  const std::lock_guard lock(mutex_);
  return AddLocked(std::move(request));
}

void PromptQueue::Add(std::vector<PromptRequest> requests) {
  const std::lock_guard lock(mutex_);
  for (const PromptRequest& request : requests) Reserve(request.prompt);
  for (PromptRequest& request : requests) AddLocked(std::move(request));
}

void PromptQueue::Reserve(const sam2::Prompt& prompt) {
  if (prompt.action == sam2::PromptAction::kAdd) next_id_ = std::max(next_id_, prompt.id + 1);
}

int PromptQueue::AddLocked(PromptRequest request) {
  const bool add = request.prompt.action == sam2::PromptAction::kAdd;
  if (add && request.prompt.id == 0) request.prompt.id = next_id_;
  Reserve(request.prompt);
  waiting_.push_back(std::move(request));
  return waiting_.back().prompt.id;
}

int PromptQueue::NewId() {
  const std::lock_guard lock(mutex_);
  return next_id_++;
}

void PromptQueue::GiveBack(int id) {
  const std::lock_guard lock(mutex_);
  if (id == next_id_ - 1) next_id_ = id;
}

void PromptQueue::RenewIds() {
  const std::lock_guard lock(mutex_);
  if (next_id_ > kMaxId && waiting_.empty()) next_id_ = 1;
}

void PromptQueue::Reset() {
  const std::lock_guard lock(mutex_);
  waiting_.clear();
  reset_ = true;
}

PromptQueue::Due PromptQueue::Take(std::uint64_t frame, GstClockTime pts) {
  const auto is_due = [&](const PromptRequest& request) {
    if (request.frame) return *request.frame <= frame;
    if (request.pts) return GST_CLOCK_TIME_IS_VALID(pts) && *request.pts <= pts;
    return true;
  };
  const std::lock_guard lock(mutex_);
  Due due{.reset = std::exchange(reset_, false), .requests = {}};
  for (PromptRequest& request : waiting_) {
    if (is_due(request)) due.requests.push_back(std::move(request));
  }
  // A moved-from request keeps frame and pts, which are plain values.
  std::erase_if(waiting_, is_due);
  return due;
}

std::vector<PromptRequest> PromptQueue::Rest() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

void PromptQueue::Clear() {
  const std::lock_guard lock(mutex_);
  waiting_.clear();
  reset_ = false;
  next_id_ = 1;
}

}  // namespace gstsam2
