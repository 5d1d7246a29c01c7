// SPDX-License-Identifier: Apache-2.0
#include "support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace gstsam2::testing {
namespace {

constexpr GstClockTime kPatience = 60 * GST_SECOND;

// Messages that say something about the elements of this project.
constexpr auto kLookedAt =
    static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING |
                                GST_MESSAGE_ELEMENT | GST_MESSAGE_LATENCY);

struct CapsDelete {
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
};
using Caps = std::unique_ptr<GstCaps, CapsDelete>;

Caps ParseCaps(const std::string& text) { return Caps(gst_caps_from_string(text.c_str())); }

GstVideoInfo InfoOf(const std::string& caps) {
  GstVideoInfo info;
  gst_video_info_init(&info);
  EXPECT_TRUE(gst_video_info_from_caps(&info, ParseCaps(caps).get())) << caps;
  return info;
}

// Gives the frame rows that are longer than they need to be.
void Pad(GstVideoInfo& info, int padding) {
  gsize offset = 0;
  for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(&info); ++i) {
    info.stride[i] += padding;
    info.offset[i] = offset;
    // Component i belongs to plane i in all formats of the tests.
    offset += static_cast<gsize>(info.stride[i]) * GST_VIDEO_INFO_COMP_HEIGHT(&info, i);
  }
  info.size = offset;
}

Message ReadMessage(GstMessage* message) {
  Message out{.type = GST_MESSAGE_TYPE(message), .text = {}, .structure = {}, .content = {}};
  g_autoptr(GError) error = nullptr;
  if (out.type == GST_MESSAGE_ERROR) gst_message_parse_error(message, &error, nullptr);
  if (out.type == GST_MESSAGE_WARNING) gst_message_parse_warning(message, &error, nullptr);
  if (error != nullptr) {
    out.domain = error->domain;
    out.code = error->code;
    out.text = error->message;
  } else if (out.type == GST_MESSAGE_ELEMENT) {
    const GstStructure* structure = gst_message_get_structure(message);
    g_autofree char* content = gst_structure_to_string(structure);
    out.structure = gst_structure_get_name(structure);
    out.content = content;
  }
  return out;
}

GstElement* MakeElement(const std::string& factory, const ElementHarness::Properties& properties) {
  GstElement* element = gst_element_factory_make(factory.c_str(), nullptr);
  if (element == nullptr) {
    ADD_FAILURE() << "there is no element " << factory;
    std::abort();
  }
  gst_object_ref_sink(element);
  for (const auto& [name, value] : properties) {
    gst_util_set_object_arg(G_OBJECT(element), name.c_str(), value.c_str());
  }
  return element;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "sam2-test-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::Write(const std::string& name, const std::string& content) const {
  std::filesystem::create_directories((path_ / name).parent_path());
  std::ofstream(path_ / name, std::ios::binary) << content;
  return (path_ / name).string();
}

std::string FakeModel(const std::string& name) {
  static const TemporaryFolder folder;
  return folder.Write(name + ".safetensors", "");
}

ScopedEnvironment::ScopedEnvironment(const std::string& name,
                                     const std::optional<std::string>& value)
    : name_(name) {
  if (const char* before = g_getenv(name.c_str())) before_ = before;
  value ? static_cast<void>(g_setenv(name.c_str(), value->c_str(), TRUE))
        : g_unsetenv(name.c_str());
}

ScopedEnvironment::~ScopedEnvironment() {
  before_ ? static_cast<void>(g_setenv(name_.c_str(), before_->c_str(), TRUE))
          : g_unsetenv(name_.c_str());
}

std::string VideoCaps(const std::string& format, int width, int height) {
  return "video/x-raw,format=" + format + ",width=" + std::to_string(width) +
         ",height=" + std::to_string(height) + ",framerate=25/1";
}

Buffer MakeFrame(const std::string& caps, GstClockTime pts, const std::vector<PixelRect>& bright,
                 int padding) {
  GstVideoInfo info = InfoOf(caps);
  if (padding > 0) Pad(info, padding);
  Buffer buffer(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr));
  gst_buffer_memset(buffer.get(), 0, 0x55, GST_VIDEO_INFO_SIZE(&info));
  if (padding > 0) {
    gst_buffer_add_video_meta_full(buffer.get(), GST_VIDEO_FRAME_FLAG_NONE,
                                   GST_VIDEO_INFO_FORMAT(&info), info.width, info.height,
                                   GST_VIDEO_INFO_N_PLANES(&info), info.offset, info.stride);
  }
  GST_BUFFER_PTS(buffer.get()) = pts;
  GST_BUFFER_DURATION(buffer.get()) = 40 * GST_MSECOND;
  GstVideoFrame frame;
  EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer.get(), GST_MAP_WRITE));
  const auto is_bright = [&](int x, int y) {
    for (const PixelRect& rect : bright) {
      if (x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height) {
        return true;
      }
    }
    return false;
  };
  const bool yuv = GST_VIDEO_INFO_IS_YUV(&info);
  for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(&info); ++c) {
    auto* data = static_cast<guint8*>(GST_VIDEO_FRAME_COMP_DATA(&frame, c));
    const int x_step = 1 << GST_VIDEO_FORMAT_INFO_W_SUB(info.finfo, c);
    for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); ++y) {
      for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); ++x) {
        const bool chroma = yuv && c > 0;
        data[y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) +
             x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)] =
            chroma ? 128 : is_bright(x * x_step, y * x_step) ? 235 : 16;
      }
    }
  }
  gst_video_frame_unmap(&frame);
  return buffer;
}

std::vector<Rgb> ToRgb(GstBuffer* frame, const std::string& caps) {
  g_autoptr(GstSample) sample = gst_sample_new(frame, ParseCaps(caps).get(), nullptr, nullptr);
  const GstVideoInfo info = InfoOf(caps);
  const Caps rgb = ParseCaps("video/x-raw,format=RGB,width=" + std::to_string(info.width) +
                             ",height=" + std::to_string(info.height));
  g_autoptr(GError) error = nullptr;
  g_autoptr(GstSample) converted =
      gst_video_convert_sample(sample, rgb.get(), kPatience, &error);
  if (converted == nullptr) {
    ADD_FAILURE() << error->message;
    return {};
  }
  GstVideoInfo out_info;
  gst_video_info_from_caps(&out_info, gst_sample_get_caps(converted));
  GstVideoFrame out;
  gst_video_frame_map(&out, &out_info, gst_sample_get_buffer(converted), GST_MAP_READ);
  std::vector<Rgb> pixels;
  for (int y = 0; y < info.height; ++y) {
    const auto* row = static_cast<const guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&out, 0)) +
                      y * GST_VIDEO_FRAME_PLANE_STRIDE(&out, 0);
    for (int x = 0; x < info.width; ++x) {
      pixels.push_back({row[3 * x], row[3 * x + 1], row[3 * x + 2]});
    }
  }
  gst_video_frame_unmap(&out);
  return pixels;
}

std::vector<Message> ReadMessages(GstBus* bus) {
  std::vector<Message> messages;
  while (GstMessage* message = gst_bus_pop_filtered(bus, kLookedAt)) {
    messages.push_back(ReadMessage(message));
    gst_message_unref(message);
  }
  return messages;
}

std::vector<Message> Only(const std::vector<Message>& messages, GstMessageType type) {
  std::vector<Message> some;
  for (const Message& message : messages) {
    if (message.type == type) some.push_back(message);
  }
  return some;
}

// ------------------------------------------------------------ ElementHarness

ElementHarness::ElementHarness(const std::string& factory, const Properties& properties,
                               const std::string& caps)
    : element_(MakeElement(factory, properties)), bus_(gst_bus_new()) {
  gst_element_set_bus(element_, bus_);
  harness_ = gst_harness_new_with_element(element_, "sink", "src");
  SetCaps(caps);
}

ElementHarness::~ElementHarness() {
  gst_harness_teardown(harness_);
  gst_element_set_bus(element_, nullptr);
  gst_object_unref(element_);
  gst_object_unref(bus_);
}

void ElementHarness::SetCaps(const std::string& caps) {
  gst_harness_set_src_caps_str(harness_, caps.c_str());
}

GstFlowReturn ElementHarness::Push(Buffer frame) {
  return gst_harness_push(harness_, frame.release());
}

Buffer ElementHarness::Pull() { return Buffer(gst_harness_try_pull(harness_)); }

Buffer ElementHarness::Process(Buffer frame) {
  EXPECT_EQ(Push(std::move(frame)), GST_FLOW_OK);
  return Pull();
}

Message StartError(const std::string& factory, const ElementHarness::Properties& properties) {
  GstElement* element = MakeElement(factory, properties);
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const std::vector<Message> errors = Only(ReadMessages(bus), GST_MESSAGE_ERROR);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(element);
  EXPECT_EQ(errors.size(), 1U);
  return errors.empty() ? Message{.type = GST_MESSAGE_UNKNOWN, .text = {}, .structure = {},
                                  .content = {}}
                        : errors.front();
}

void ExpectKept(const std::string& factory, const ElementHarness::Properties& values) {
  GstElement* element = MakeElement(factory, values);
  for (const auto& [name, value] : values) {
    GValue got = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(element), name.c_str(), &got);
    g_autofree char* text =
        G_VALUE_HOLDS_STRING(&got) ? g_value_dup_string(&got) : gst_value_serialize(&got);
    EXPECT_STREQ(text, value.c_str()) << name;
    g_value_unset(&got);
  }
  gst_object_unref(element);
}

void ExpectDefaults(const std::string& factory, const ElementHarness::Properties& values) {
  GstElement* element = MakeElement(factory, {});
  for (const auto& [name, value] : values) {
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), name.c_str());
    ASSERT_NE(spec, nullptr) << name;
    GValue expected = G_VALUE_INIT, got = G_VALUE_INIT;
    g_value_init(&expected, spec->value_type);
    ASSERT_TRUE(gst_value_deserialize(&expected, value.c_str())) << name;
    g_object_get_property(G_OBJECT(element), name.c_str(), &got);
    EXPECT_EQ(g_param_values_cmp(spec, &got, &expected), 0) << name;
    EXPECT_TRUE(g_param_value_defaults(spec, &expected)) << name;
    g_value_unset(&got);
    g_value_unset(&expected);
  }
  gst_object_unref(element);
}

Log::Log() : threshold_(gst_debug_get_default_threshold()) {
  gst_debug_remove_log_function(gst_debug_log_default);
  gst_debug_add_log_function(Add, this, nullptr);
  gst_debug_set_default_threshold(GST_LEVEL_DEBUG);
}

Log::~Log() {
  gst_debug_set_default_threshold(threshold_);
  gst_debug_remove_log_function(Add);
  gst_debug_add_log_function(gst_debug_log_default, nullptr, nullptr);
}

void Log::Add(GstDebugCategory* category, GstDebugLevel, const char*, const char*, int,
              GObject* object, GstDebugMessage* message, gpointer self) {
  auto* log = static_cast<Log*>(self);
  // Not with the lock held: making the text logs too.
  const Entry entry = {object, gst_debug_category_get_name(category),
                       gst_debug_message_get(message)};
  const std::lock_guard lock(log->mutex_);
  log->entries_.push_back(entry);
}

int Log::Count(const std::string& category, const std::string& text) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::ranges::count_if(entries_, [&](const Entry& entry) {
    return entry.category == category && entry.text.find(text) != std::string::npos;
  }));
}

std::set<std::string> Log::CategoriesOf(gpointer object) const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> categories;
  for (const Entry& entry : entries_) {
    if (entry.object == object) categories.insert(entry.category);
  }
  return categories;
}

std::vector<Message> RunPipeline(const std::string& description,
                                 const std::function<void(GstElement*)>& prepare) {
  g_autoptr(GError) error = nullptr;
  GstElement* pipeline = gst_parse_launch(description.c_str(), &error);
  if (error != nullptr) {
    ADD_FAILURE() << description << ": " << error->message;
    if (pipeline != nullptr) gst_object_unref(pipeline);
    return {};
  }
  if (prepare) prepare(pipeline);
  GstBus* bus = gst_element_get_bus(pipeline);
  std::vector<Message> messages;
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  bool done = false;
  while (!done) {
    GstMessage* message = gst_bus_timed_pop_filtered(bus, kPatience, kLookedAt);
    if (message == nullptr) {
      ADD_FAILURE() << "the pipeline does not end: " << description;
      break;
    }
    messages.push_back(ReadMessage(message));
    done = messages.back().type == GST_MESSAGE_EOS || messages.back().type == GST_MESSAGE_ERROR;
    gst_message_unref(message);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return messages;
}

}  // namespace gstsam2::testing
