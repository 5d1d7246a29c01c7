// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <new>

#include "sam2.h"

namespace gstsam2 {
namespace {

struct Kind {
  GQuark domain;
  int code;
};

Kind KindOf(sam2::ErrorCode code) {
  switch (code) {
    case sam2::ErrorCode::kNotFound:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case sam2::ErrorCode::kBadCheckpoint:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
    case sam2::ErrorCode::kBadSettings:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS};
    case sam2::ErrorCode::kDeviceMissing:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT};
    case sam2::ErrorCode::kOutOfMemory:
    case sam2::ErrorCode::kFailed:
      break;
  }
  return {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED};
}

void Post(GstElement* element, GstMessageType type, Kind kind, const std::string& text,
          const std::string& debug) {
  // g_utf8_make_valid: file names and tensor names may hold any bytes.
  gst_element_message_full(element, type, kind.domain, kind.code,
                           g_utf8_make_valid(text.c_str(), -1),
                           debug.empty() ? nullptr : g_utf8_make_valid(debug.c_str(), -1),
                           __FILE__, "", __LINE__);
}

}  // namespace

void PostCurrentException(GstElement* element) {
  try {
    throw;
  } catch (const ElementError& error) {
    Post(element, GST_MESSAGE_ERROR, {error.domain(), error.code()}, error.what(), error.debug());
  } catch (const sam2::Error& error) {
    Post(element, GST_MESSAGE_ERROR, KindOf(error.code()), error.what(), {});
  } catch (const std::bad_alloc&) {
    Post(element, GST_MESSAGE_ERROR, KindOf(sam2::ErrorCode::kOutOfMemory), "Out of memory.", {});
  } catch (const std::exception& error) {
    Post(element, GST_MESSAGE_ERROR, KindOf(sam2::ErrorCode::kFailed), error.what(), {});
  } catch (...) {
    Post(element, GST_MESSAGE_ERROR, KindOf(sam2::ErrorCode::kFailed), "Unknown failure.", {});
  }
}

void PostRefusal(GstElement* element, const std::string& text) {
  Post(element, GST_MESSAGE_WARNING, {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS}, text, {});
}

}  // namespace gstsam2
