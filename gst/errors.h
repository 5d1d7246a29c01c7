// SPDX-License-Identifier: Apache-2.0
//
// Errors of the plugin: thrown as C++ exceptions inside, posted as element
// messages at the C boundary, which no exception crosses.
#pragma once

#include <gst/gst.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace gstsam2 {

// An error with the GStreamer domain and code that it shall be posted with.
class ElementError : public std::runtime_error {
 public:
  ElementError(GQuark domain, int code, const std::string& what, std::string debug = {})
      : std::runtime_error(what), domain_(domain), code_(code), debug_(std::move(debug)) {}

  // A value that is not allowed: RESOURCE/SETTINGS.
  static ElementError Settings(const std::string& what) {
    return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, what};
  }
  // A file that does not exist: RESOURCE/NOT_FOUND.
  static ElementError NotFound(const std::string& what) {
    return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, what};
  }
  // The core library cannot be used: LIBRARY/INIT.
  static ElementError Library(const std::string& what) {
    return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, what};
  }
  // A frame could not be processed: STREAM/FAILED.
  static ElementError Stream(const std::string& what) {
    return {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, what};
  }

  GQuark domain() const { return domain_; }
  int code() const { return code_; }
  const std::string& debug() const { return debug_; }

 private:
  GQuark domain_;
  int code_;
  std::string debug_;
};

// Posts the exception in flight as an error message of `element`, mapping the
// core's error codes to GStreamer's. Call inside a catch block, with no lock held.
void PostCurrentException(GstElement* element);

// Posts a warning message (RESOURCE/SETTINGS): a prompt was refused, the stream goes on.
void PostRefusal(GstElement* element, const std::string& text);

// Runs `function` and returns what it returns. An exception is posted, and
// `failed` returned.
template <typename Function, typename Result>
Result Guard(GstElement* element, Result failed, Function function) noexcept {
  try {
    return function();
  } catch (...) {
    PostCurrentException(element);
    return failed;
  }
}

}  // namespace gstsam2
