// SPDX-License-Identifier: Apache-2.0
#include "label.h"

#include <cmath>
#include <cstring>
#include <utility>

namespace gstsam2 {
namespace {

struct SurfaceDestroy {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct CairoDestroy {
  void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
};

// Draws with cairo on an A8 surface.
template <typename Function>
Shape DrawShape(int width, int height, Function draw) {
  std::unique_ptr<cairo_surface_t, SurfaceDestroy> surface(
      cairo_image_surface_create(CAIRO_FORMAT_A8, width, height));
  {
    std::unique_ptr<cairo_t, CairoDestroy> cairo(cairo_create(surface.get()));
    draw(cairo.get());
  }
  cairo_surface_flush(surface.get());
  Shape shape{.x = 0, .y = 0, .width = width, .height = height, .coverage = {}};
  shape.coverage.resize(static_cast<std::size_t>(width) * height);
  const unsigned char* data = cairo_image_surface_get_data(surface.get());
  if (data == nullptr) return shape;  // out of memory: nothing is drawn
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < height; ++y) {
    std::memcpy(shape.coverage.data() + static_cast<std::size_t>(y) * width,
                data + static_cast<std::size_t>(y) * stride, width);
  }
  return shape;
}

void RoundedRect(cairo_t* cairo, double width, double height, double radius) {
  cairo_new_path(cairo);
  cairo_arc(cairo, width - radius, radius, radius, -M_PI / 2, 0);
  cairo_arc(cairo, width - radius, height - radius, radius, 0, M_PI / 2);
  cairo_arc(cairo, radius, height - radius, radius, M_PI / 2, M_PI);
  cairo_arc(cairo, radius, radius, radius, M_PI, 3 * M_PI / 2);
  cairo_close_path(cairo);
}

}  // namespace

LabelMaker::LabelMaker()
    : font_map_(pango_cairo_font_map_new()),
      context_(pango_font_map_create_context(font_map_.get())) {}

const Label& LabelMaker::Make(const std::string& text, int font_size, int max_width) {
  const std::tuple key(text, font_size, max_width);
  if (const auto found = made_.find(key); found != made_.end()) return found->second;
  Label label = Draw(text, font_size, max_width);
  const std::size_t size =
      text.size() + label.plate.coverage.size() + label.text.coverage.size();
  if (kept_ + size > kMaxKept) {
    made_.clear();
    kept_ = 0;
  }
  kept_ += size;
  return made_.emplace(key, std::move(label)).first->second;
}

Label LabelMaker::Draw(const std::string& text, int font_size, int max_width) {
  std::unique_ptr<PangoLayout, ObjectUnref> layout(pango_layout_new(context_.get()));
  PangoFontDescription* font = pango_font_description_from_string("Sans Semi-Bold");
  pango_font_description_set_absolute_size(font, font_size * 0.8 * PANGO_SCALE);
  pango_layout_set_font_description(layout.get(), font);
  pango_font_description_free(font);
  pango_layout_set_single_paragraph_mode(layout.get(), TRUE);
  const int padding = std::max(2, font_size / 3);
  // The middle: id and score come last.
  pango_layout_set_ellipsize(layout.get(), PANGO_ELLIPSIZE_MIDDLE);
  pango_layout_set_width(layout.get(), std::max(0, max_width - 2 * padding) * PANGO_SCALE);
  g_autofree char* valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
  pango_layout_set_text(layout.get(), valid, -1);
  int text_width = 0, text_height = 0;
  pango_layout_get_pixel_size(layout.get(), &text_width, &text_height);

  const int width = text_width + 2 * padding, height = text_height + padding / 2;
  Label label;
  label.plate = DrawShape(width, height, [&](cairo_t* cairo) {
    RoundedRect(cairo, width, height, std::min(width, height) * 0.25);
    cairo_fill(cairo);
  });
  label.text = DrawShape(width, height, [&](cairo_t* cairo) {
    cairo_move_to(cairo, padding, (height - text_height) / 2.0);
    pango_cairo_show_layout(cairo, layout.get());
  });
  return label;
}

}  // namespace gstsam2
