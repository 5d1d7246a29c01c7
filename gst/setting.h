// SPDX-License-Identifier: Apache-2.0
//
// Settings behind the properties of an element.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace gstsam2 {

// Of properties that may be set before the stream starts, and at any time.
inline constexpr GParamFlags kReadyFlags = static_cast<GParamFlags>(
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
inline constexpr GParamFlags kPlayingFlags = static_cast<GParamFlags>(
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);

// How a property's value reaches its setting and comes back.
class Setting {
 public:
  Setting() = default;  // no property has this id
  Setting(std::function<void(const GValue*)> set, std::function<void(GValue*)> get)
      : set_(std::move(set)), get_(std::move(get)) {}
  // Of a setting that is stored as the property has it, an enumeration as its
  // number; an empty text is none.
  template <typename T>
  explicit Setting(T& setting)
      : Setting([&setting](const GValue* value) { Read(value, setting); },
                [&setting](GValue* value) { Write(setting, value); }) {}

  explicit operator bool() const { return set_ != nullptr; }
  void Set(const GValue* value) const { set_(value); }
  void Get(GValue* value) const { get_(value); }

 private:
  static void Read(const GValue* value, bool& setting) { setting = g_value_get_boolean(value); }
  static void Read(const GValue* value, int& setting) { setting = g_value_get_int(value); }
  static void Read(const GValue* value, std::int64_t& setting) {
    setting = g_value_get_int64(value);
  }
  static void Read(const GValue* value, std::uint64_t& setting) {
    setting = g_value_get_uint64(value);
  }
  static void Read(const GValue* value, float& setting) { setting = g_value_get_float(value); }
  static void Read(const GValue* value, double& setting) { setting = g_value_get_double(value); }
  static void Read(const GValue* value, std::string& setting) {
    const char* text = g_value_get_string(value);
    setting = text != nullptr ? text : "";
  }
  template <typename T>
    requires std::is_enum_v<T>
  static void Read(const GValue* value, T& setting) {
    setting = static_cast<T>(g_value_get_enum(value));
  }

  static void Write(bool setting, GValue* value) { g_value_set_boolean(value, setting); }
  static void Write(int setting, GValue* value) { g_value_set_int(value, setting); }
  static void Write(std::int64_t setting, GValue* value) { g_value_set_int64(value, setting); }
  static void Write(std::uint64_t setting, GValue* value) { g_value_set_uint64(value, setting); }
  static void Write(float setting, GValue* value) { g_value_set_float(value, setting); }
  static void Write(double setting, GValue* value) { g_value_set_double(value, setting); }
  static void Write(const std::string& setting, GValue* value) {
    g_value_set_string(value, setting.empty() ? nullptr : setting.c_str());
  }
  template <typename T>
    requires std::is_enum_v<T>
  static void Write(T setting, GValue* value) {
    g_value_set_enum(value, static_cast<int>(setting));
  }

  std::function<void(const GValue*)> set_;
  std::function<void(GValue*)> get_;
};

// GObjectClass::set_property and get_property, under the object lock.
inline void SetProperty(GObject* object, const Setting& setting, guint id, const GValue* value,
                        GParamSpec* spec) {
  if (!setting) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    return;
  }
  GST_OBJECT_LOCK(object);
  setting.Set(value);
  GST_OBJECT_UNLOCK(object);
}

inline void GetProperty(GObject* object, const Setting& setting, guint id, GValue* value,
                        GParamSpec* spec) {
  if (!setting) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    return;
  }
  GST_OBJECT_LOCK(object);
  setting.Get(value);
  GST_OBJECT_UNLOCK(object);
}

}  // namespace gstsam2
