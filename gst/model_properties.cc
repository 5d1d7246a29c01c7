// SPDX-License-Identifier: Apache-2.0
#include "model_properties.h"

#include "model_path.h"

namespace gstsam2 {
namespace {

enum Property { PROP_MODEL = 1, PROP_DEVICE, PROP_PRECISION, PROP_IMAGE_SIZE, PROP_THREADS };

const GEnumValue kPrecisions[] = {
    {0, "bf16 where the device is fast at it, else fp32", "auto"},
    {1, "32-bit floating point", "fp32"},
    {2, "bfloat16", "bf16"},
    {3, "16-bit floating point", "fp16"},
    {0, nullptr, nullptr}};

GType PrecisionType() {
  static const GType type = g_enum_register_static("GstSam2Precision", kPrecisions);
  return type;
}

int PrecisionToEnum(const std::string& nick) {
  int value = 0;
  while (nick != kPrecisions[value].value_nick) ++value;
  return value;
}

}  // namespace

void InstallModelProperties(GObjectClass* klass) {
  const ModelSettings defaults;
  g_object_class_install_property(
      klass, PROP_MODEL,
      g_param_spec_string(
          "model", "Model",
          "A model file (.safetensors or .pt), or the name of one (builtin, sam2.1-tiny, "
          "sam2.1-small, sam2.1-base+, sam2.1-large, edgetam, ...), which is looked up in the "
          "folders of the environment variable GST_SAM2_MODEL_PATH, in the user's data folder "
          "($XDG_DATA_HOME/gst-sam2/models) and in the installed data folder",
          defaults.model.c_str(), kReadyFlags));
  g_object_class_install_property(
      klass, PROP_DEVICE,
      g_param_spec_string("device", "Device",
                          "Where the network runs: auto, cpu, cuda or cuda:N",
                          defaults.device.c_str(), kReadyFlags));
  g_object_class_install_property(
      klass, PROP_PRECISION,
      g_param_spec_enum("precision", "Precision", "Number format that the network computes in",
                        PrecisionType(), 0, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_IMAGE_SIZE,
      g_param_spec_int("image-size", "Image size",
                       "Side of the network's square input in pixels; 0: the model's own. "
                       "Smaller is faster and coarser",
                       0, 4096, defaults.image_size, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_THREADS,
      g_param_spec_int("threads", "Threads",
                       "CPU threads of the network; 0: one per core, and inside of single "
                       "operators, which small networks do not divide, one fewer. The latest "
                       "number above 0 holds for all that share the model",
                       0, 1024, defaults.threads, kReadyFlags));
  gst_type_mark_as_plugin_api(PrecisionType(), static_cast<GstPluginAPIFlags>(0));
}

Setting ModelSetting(ModelSettings& settings, guint id) {
  switch (id) {
    case PROP_MODEL: return Setting(settings.model);
    case PROP_DEVICE: return Setting(settings.device);
    case PROP_PRECISION:
      return {[&settings](const GValue* value) {
                settings.precision = kPrecisions[g_value_get_enum(value)].value_nick;
              },
              [&settings](GValue* value) {
                g_value_set_enum(value, PrecisionToEnum(settings.precision));
              }};
    case PROP_IMAGE_SIZE: return Setting(settings.image_size);
    case PROP_THREADS: return Setting(settings.threads);
    default: return {};
  }
}

sam2::EngineOptions ToEngineOptions(const ModelSettings& settings) {
  return {.model = FindModel(settings.model), .device = settings.device,
          .precision = settings.precision, .image_size = settings.image_size,
          .threads = settings.threads};
}

}  // namespace gstsam2
