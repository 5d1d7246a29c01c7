// SPDX-License-Identifier: Apache-2.0
#include "painter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <utility>
#include <vector>

#include "label.h"
#include "mask_image.h"

namespace gstsam2 {
namespace {

constexpr Color kBlack = {0, 0, 0}, kWhite = {255, 255, 255};

int LineWidth(const PainterSettings& settings, const Canvas& canvas) {
  if (settings.line_width > 0) return settings.line_width;
  return std::clamp(std::min(canvas.width(), canvas.height()) / 180, 1, 12);
}

int FontSize(const Canvas& canvas) {
  return std::clamp(std::min(canvas.width(), canvas.height()) / 26, 10, 96);
}

Color FromHsv(double hue, double saturation, double value) {
  const auto channel = [&](double n) {
    const double k = std::fmod(n + hue * 6, 6);
    const double c = value - value * saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0);
    return static_cast<std::uint8_t>(std::lround(c * 255));
  };
  return {channel(5), channel(3), channel(1)};
}

double Luminance(Color color) {
  return (0.2126 * color.r + 0.7152 * color.g + 0.0722 * color.b) / 255;
}

// ------------------------------------------------------------ masks

Shape Padded(const sam2::Mask& mask, int padding) {
  Shape shape{.x = mask.x - padding, .y = mask.y - padding, .width = mask.width + 2 * padding,
              .height = mask.height + 2 * padding, .coverage = {}};
  shape.coverage.resize(static_cast<std::size_t>(shape.width) * shape.height);
  for (int y = 0; y < mask.height; ++y) {
    std::copy_n(mask.pixels.begin() + static_cast<std::ptrdiff_t>(y) * mask.width, mask.width,
                shape.coverage.begin() +
                    static_cast<std::ptrdiff_t>(y + padding) * shape.width + padding);
  }
  return shape;
}

// Combines each pixel with those of a window of `radius` on either side; what
// lies over the ends is left out.
template <typename Combine>
void Window(std::vector<std::uint8_t>& pixels, std::ptrdiff_t step, int radius, Combine combine) {
  const std::vector<std::uint8_t> before = pixels;
  const std::uint8_t* __restrict in = before.data();
  std::uint8_t* __restrict out = pixels.data();
  const auto size = static_cast<std::ptrdiff_t>(before.size());
  for (int k = -radius; k <= radius; ++k) {
    const std::ptrdiff_t shift = k * step;
    const std::ptrdiff_t begin = std::max<std::ptrdiff_t>(0, -shift);
    const std::ptrdiff_t end = std::min(size, size - shift);
    for (std::ptrdiff_t i = begin; i < end; ++i) out[i] = combine(out[i], in[i + shift]);
  }
}

// Square windows. The padding keeps rows from running into each other.
template <typename Combine>
void Square(Shape& shape, int radius, Combine combine) {
  Window(shape.coverage, 1, radius, combine);
  Window(shape.coverage, shape.width, radius, combine);
}

// Weighted mean of 3x3: 1 2 1 in each direction.
void Soften(Shape& shape) {
  for (const std::ptrdiff_t step : {std::ptrdiff_t{1}, std::ptrdiff_t{shape.width}}) {
    const std::vector<std::uint8_t> before = shape.coverage;
    const std::uint8_t* __restrict in = before.data();
    std::uint8_t* __restrict out = shape.coverage.data();
    const auto end = static_cast<std::ptrdiff_t>(before.size()) - step;
    for (std::ptrdiff_t i = step; i < end; ++i) {
      out[i] = static_cast<std::uint8_t>((in[i - step] + 2 * in[i] + in[i + step]) >> 2);
    }
  }
}

// The mask's border, half inside and half outside, with soft edges.
Shape Outline(const Shape& mask, int line_width) {
  const int outside = line_width / 2, inside = line_width - outside;
  Shape outline = mask, inner = mask;
  Square(outline, outside, [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
  Square(inner, inside, [](std::uint8_t a, std::uint8_t b) { return std::min(a, b); });
  std::ranges::transform(outline.coverage, inner.coverage, outline.coverage.begin(), std::minus());
  Soften(outline);
  return outline;
}

// To a whole number; what is far outside of the canvas comes to lie just outside of it.
int Clamped(double value, int size, int outside) {
  return static_cast<int>(
      std::clamp(value, -static_cast<double>(outside), static_cast<double>(size) + outside));
}

// Four lines inside the corners.
void PaintFrame(int x0, int y0, int x1, int y1, int line, Color color, Canvas& canvas) {
  canvas.PaintRect(x0, y0, x1 - x0, line, color, 1);
  canvas.PaintRect(x0, y1 - line, x1 - x0, line, color, 1);
  canvas.PaintRect(x0, y0 + line, line, y1 - y0 - 2 * line, color, 1);
  canvas.PaintRect(x1 - line, y0 + line, line, y1 - y0 - 2 * line, color, 1);
}

// The same with gaps.
void PaintDashedFrame(int x0, int y0, int x1, int y1, int line, Color color, Canvas& canvas) {
  const int dash = 5 * line;
  for (int x = x0; x < x1; x += 2 * dash) {
    canvas.PaintRect(x, y0, std::min(dash, x1 - x), line, color, 1);
    canvas.PaintRect(x, y1 - line, std::min(dash, x1 - x), line, color, 1);
  }
  for (int y = y0; y < y1; y += 2 * dash) {
    canvas.PaintRect(x0, y, line, std::min(dash, y1 - y), color, 1);
    canvas.PaintRect(x1 - line, y, line, std::min(dash, y1 - y), color, 1);
  }
}

// ------------------------------------------------------------ text

std::string TextOf(const PainterSettings& settings, const ObjectRecord& object) {
  std::string text;
  const auto append = [&text](const std::string& word) {
    if (!text.empty()) text += "  ";
    text += word;
  };
  if (settings.labels) {
    append(object.label.empty() ? std::to_string(object.id)
                                : object.label + " " + std::to_string(object.id));
  }
  if (settings.labels && object.accepted.value_or(false)) append("\u2713");
  if (settings.scores && object.box) {
    std::array<char, 16> score{};
    std::snprintf(score.data(), score.size(), "%d%%", static_cast<int>(object.score * 100 + 0.5));
    append(score.data());
  }
  if (settings.labels && object.state != sam2::ObjectState::kTracked) {
    append(StateName(object.state));
  }
  return text;
}

}  // namespace

Color ColorOf(int id) {
  constexpr double kGoldenRatio = 0.61803398875;
  // Later rounds through the hues are paler.
  const double saturation = id % 16 < 8 ? 0.85 : 0.6;
  return FromHsv(std::fmod(0.42 + id * kGoldenRatio, 1.0), saturation, 1.0);
}

Painter::Painter() = default;
Painter::~Painter() = default;

void Painter::Paint(const PainterSettings& settings, ObjectsRecord record, GstVideoFrame& frame) {
  Canvas canvas(frame);
  FitToFrame(record, canvas.width(), canvas.height());
  for (const ObjectRecord& object : record.objects) PaintMask(settings, object, canvas);
  for (const ObjectRecord& object : record.objects) PaintBox(settings, object, canvas);
  if (settings.labels || settings.scores) PaintLabels(settings, record, canvas);
}

void Painter::PaintMask(const PainterSettings& settings, const ObjectRecord& object,
                        Canvas& canvas) {
  if (!settings.masks || !object.mask) return;
  const sam2::Mask mask = ToFrameMask(*object.mask, canvas.width(), canvas.height());
  if (mask.empty()) return;
  const int line_width = LineWidth(settings, canvas);
  const Shape shape = Padded(mask, line_width + 1);
  canvas.Paint(shape, ColorOf(object.id), settings.alpha);
  if (object.predicted) return;  // nobody has seen its outline
  const Color outline = object.selected.value_or(false) ? kWhite : ColorOf(object.id);
  canvas.Paint(Outline(shape, line_width), outline, 1.0);
}

void Painter::PaintBox(const PainterSettings& settings, const ObjectRecord& object,
                       Canvas& canvas) {
  if (!settings.boxes || !object.box) return;
  const Rect& box = *object.box;
  const int line = LineWidth(settings, canvas);
  const Color color = ColorOf(object.id);
  const auto column = [&](double x) { return Clamped(x, canvas.width(), 2 * line); };
  const auto row = [&](double y) { return Clamped(y, canvas.height(), 2 * line); };
  const int x0 = column(std::floor(box.x)), y0 = row(std::floor(box.y));
  const int x1 = std::max(column(std::ceil(box.x + box.width)), x0 + 2 * line);
  const int y1 = std::max(row(std::ceil(box.y + box.height)), y0 + 2 * line);
  const auto paint = object.predicted ? PaintDashedFrame : PaintFrame;
  paint(x0, y0, x1, y1, line, color, canvas);
}

void Painter::PaintRubberBand(const PainterSettings& settings, const Rect& rect,
                              GstVideoFrame& frame) {
  Canvas canvas(frame);
  const int line = LineWidth(settings, canvas);
  // The mouse may be elsewhere.
  const auto inside = [](double value, int size) { return Clamped(std::round(value), size, 0); };
  const int x0 = inside(rect.x, canvas.width()), y0 = inside(rect.y, canvas.height());
  const int x1 = inside(rect.x + rect.width, canvas.width());
  const int y1 = inside(rect.y + rect.height, canvas.height());
  // Black around white is seen on anything.
  PaintFrame(x0 - line, y0 - line, x1 + line, y1 + line, line, kBlack, canvas);
  PaintFrame(x0, y0, x1, y1, line, kWhite, canvas);
}

int Painter::PaintLabel(const std::string& text, Color color, int x, int bottom, Canvas& canvas) {
  if (labels_ == nullptr) labels_ = std::make_unique<LabelMaker>();
  Label label = labels_->Make(text, FontSize(canvas), canvas.width());
  // Inside the frame, if it fits at all.
  x = std::max(0, std::min(x, canvas.width() - label.plate.width));
  const int y = std::max(0, std::min(bottom, canvas.height()) - label.plate.height);
  label.plate.x = label.text.x = x;
  label.plate.y = label.text.y = y;
  canvas.Paint(label.plate, color, 0.9);
  canvas.Paint(label.text, Luminance(color) > 0.45 ? kBlack : kWhite, 1);
  return label.plate.height;
}

void Painter::PaintLabels(const PainterSettings& settings, const ObjectsRecord& record,
                          Canvas& canvas) {
  int bottom = canvas.height();  // those without a box are listed in the lower left corner
  for (const ObjectRecord& object : record.objects) {
    const std::string text = TextOf(settings, object);
    if (text.empty()) continue;
    if (object.box) {
      PaintLabel(text, ColorOf(object.id), Clamped(object.box->x, canvas.width(), 0),
                 Clamped(object.box->y, canvas.height(), 0), canvas);
    } else if (bottom > canvas.height() / 2) {
      bottom -= PaintLabel(text, ColorOf(object.id), 0, bottom, canvas) + 1;
    }
  }
}

}  // namespace gstsam2
