// SPDX-License-Identifier: Apache-2.0
#include "image/polygon.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "image/mask.h"

namespace sam2 {
namespace {

// Corners of pixels; pixel (x, y) has the corners (x, y) .. (x + 1, y + 1).
using Outline = std::vector<cv::Point>;

constexpr std::uint8_t kOutside = 0;
constexpr std::uint8_t kSolid = 1;
constexpr std::uint8_t kTraced = 2;  // solid, and its upper border belongs to a found outline

// The mask with its holes filled and a margin of one pixel all round. Holes are
// what the outside does not reach by 4-connected steps.
cv::Mat1b FilledMask(const Mask& mask) {
  constexpr std::uint8_t kReached = 1;
  cv::Mat1b solid(mask.height + 2, mask.width + 2, std::uint8_t{0});
  const cv::Mat1b pixels(mask.height, mask.width, const_cast<std::uint8_t*>(mask.pixels.data()));
  cv::Mat1b inner = solid(cv::Rect(1, 1, mask.width, mask.height));
  cv::compare(pixels, 0, inner, cv::CMP_NE);  // 255 where the mask is
  cv::floodFill(solid, cv::Point(0, 0), kReached, nullptr, 0, 0, 4);
  cv::compare(solid, kReached, solid, cv::CMP_NE);
  cv::bitwise_and(solid, kSolid, solid);
  return solid;
}

// Follows the border from the upper left corner of a solid pixel whose upper
// neighbour is outside, the solid on the right hand. Where two solid pixels
// touch at a corner it stays with its own. As there are no holes, each outline
// is an outer one and passes each corner once.
Outline Trace(cv::Mat1b& solid, cv::Point start) {
  static const cv::Point kStep[4] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};  // right turns
  // The pixel ahead on the right hand lies at corner + kAhead[direction], the
  // one on the left hand at that of the direction before.
  static const cv::Point kAhead[4] = {{0, 0}, {-1, 0}, {-1, -1}, {0, -1}};
  Outline outline;
  cv::Point corner = start;
  int direction = 0;
  do {
    outline.push_back(corner);
    int turn = 0;
    do {  // along one straight side
      if (direction == 0) solid(corner) = kTraced;
      corner += kStep[direction];
      const bool right = solid(corner + kAhead[direction]) != kOutside;
      const bool left = solid(corner + kAhead[(direction + 3) % 4]) != kOutside;
      turn = !right ? 1 : left ? 3 : 0;
    } while (turn == 0);
    direction = (direction + turn) % 4;
  } while (corner != start);
  return outline;
}

std::int64_t Cross(cv::Point origin, cv::Point a, cv::Point b) {
  const std::int64_t ax = a.x - origin.x, ay = a.y - origin.y;
  const std::int64_t bx = b.x - origin.x, by = b.y - origin.y;
  return ax * by - ay * bx;
}

// In pixels; positive for the direction in which Trace() goes.
double Area(const Outline& outline) {
  std::int64_t twice = 0;
  for (std::size_t i = 1; i + 1 < outline.size(); ++i) {
    twice += Cross(outline[0], outline[i], outline[i + 1]);
  }
  return static_cast<double>(twice) / 2;
}

struct Segment {
  cv::Point a, b;
  std::size_t index;  // along the outline
  int left() const { return std::min(a.x, b.x); }
  int right() const { return std::max(a.x, b.x); }
};

int Sign(std::int64_t value) { return (value > 0) - (value < 0); }

// Whether p, which is in line with the segment, lies on it.
bool OnSegment(const Segment& s, cv::Point p) {
  return s.left() <= p.x && p.x <= s.right() && std::min(s.a.y, s.b.y) <= p.y &&
         p.y <= std::max(s.a.y, s.b.y);
}

bool Meet(const Segment& s, const Segment& t) {
  const int sa = Sign(Cross(t.a, t.b, s.a)), sb = Sign(Cross(t.a, t.b, s.b));
  const int ta = Sign(Cross(s.a, s.b, t.a)), tb = Sign(Cross(s.a, s.b, t.b));
  if (sa * sb < 0 && ta * tb < 0) return true;
  return (sa == 0 && OnSegment(t, s.a)) || (sb == 0 && OnSegment(t, s.b)) ||
         (ta == 0 && OnSegment(s, t.a)) || (tb == 0 && OnSegment(s, t.b));
}

// Neighbours share one point; they meet beyond it when one folds back on the
// other. first.b == second.a.
bool FoldsBack(const Segment& first, const Segment& second) {
  const cv::Point u = first.a - first.b, v = second.b - second.a;
  return Cross({0, 0}, u, v) == 0 && std::int64_t{u.x} * v.x + std::int64_t{u.y} * v.y > 0;
}

// Whether no two sides meet but neighbours in their common point. Sweeps from
// left to right over the sides.
bool IsSimple(const Outline& outline) {
  const std::size_t count = outline.size();
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < count; ++i) {
    segments.push_back({outline[i], outline[(i + 1) % count], i});
    if (FoldsBack({outline[(i + count - 1) % count], outline[i], 0}, segments.back())) {
      return false;
    }
  }
  std::sort(segments.begin(), segments.end(),
            [](const Segment& s, const Segment& t) { return s.left() < t.left(); });
  std::vector<Segment> open;  // those that reach the sweep line
  for (const Segment& segment : segments) {
    std::erase_if(open, [&](const Segment& s) { return s.right() < segment.left(); });
    for (const Segment& other : open) {
      const std::size_t distance = (segment.index + count - other.index) % count;
      if (distance != 1 && distance != count - 1 && Meet(segment, other)) return false;
    }
    open.push_back(segment);
  }
  return true;
}

// Ramer-Douglas-Peucker, with less tolerance where its result would not be a
// simple polygon; the outline itself is one.
Outline Simplify(const Outline& outline, double tolerance) {
  constexpr double kExact = 0.25;  // a tolerance of less changes nothing
  for (; tolerance >= kExact; tolerance /= 2) {
    Outline simple;
    cv::approxPolyDP(outline, simple, tolerance, true);
    if (simple.size() >= 3 && Area(simple) > 0 && IsSimple(simple)) return simple;
  }
  return outline;
}

Polygon ToPolygon(const Outline& outline, cv::Point offset) {
  Polygon polygon;
  for (const cv::Point point : outline) {
    polygon.push_back(static_cast<float>(point.x + offset.x));
    polygon.push_back(static_cast<float>(point.y + offset.y));
  }
  return polygon;
}

}  // namespace

std::vector<Polygon> MaskToPolygons(const Mask& mask, double tolerance, double min_area) {
  CheckMask(mask);
  if (!(tolerance >= 0) || !std::isfinite(tolerance)) {
    throw Error(ErrorCode::kBadSettings,
                "a polygon tolerance of " + std::to_string(tolerance) + "; it must be 0 or more");
  }
  if (mask.empty()) return {};
  cv::Mat1b solid = FilledMask(mask);
  std::vector<std::pair<double, Outline>> parts;  // area, outline
  for (int y = 1; y < solid.rows; ++y) {
    for (int x = 1; x < solid.cols; ++x) {
      if (solid(y, x) != kSolid || solid(y - 1, x) != kOutside) continue;
      Outline outline = Trace(solid, {x, y});
      const double area = Area(outline);
      if (area >= min_area) parts.emplace_back(area, Simplify(outline, tolerance));
    }
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Polygon> polygons;
  for (const auto& [area, outline] : parts) {
    polygons.push_back(ToPolygon(outline, {mask.x - 1, mask.y - 1}));
  }
  return polygons;
}

}  // namespace sam2
