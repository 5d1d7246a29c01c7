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

// The border of a part, pixel by pixel: each corner that it passes, one step
// apart. Pixel (x, y) has the corners (x, y) .. (x + 1, y + 1).
using Border = std::vector<cv::Point>;
using Shape = std::vector<cv::Point2f>;

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
// touch at a corner it stays with its own. As there are no holes, each border
// is an outer one and passes each corner once.
Border Trace(cv::Mat1b& solid, cv::Point start) {
  static const cv::Point kStep[4] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};  // each turned right
  // The pixel ahead on the right hand lies at corner + kAhead[direction], the
  // one on the left hand at that of the direction before.
  static const cv::Point kAhead[4] = {{0, 0}, {-1, 0}, {-1, -1}, {0, -1}};
  Border border;
  cv::Point corner = start;
  int direction = 0;
  do {
    border.push_back(corner);
    if (direction == 0) solid(corner) = kTraced;
    corner += kStep[direction];
    const bool right = solid(corner + kAhead[direction]) != kOutside;
    const bool left = solid(corner + kAhead[(direction + 3) % 4]) != kOutside;
    const int turn = !right ? 1 : left ? 3 : 0;
    direction = (direction + turn) % 4;
  } while (corner != start);
  return border;
}

template <typename Point>
double Cross(Point origin, Point a, Point b) {
  return cv::Point2d(a - origin).cross(cv::Point2d(b - origin));
}

// In pixels; positive for the direction in which Trace() goes.
template <typename Point>
double Area(const std::vector<Point>& points) {
  double twice = 0;
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    twice += Cross(points[0], points[i], points[i + 1]);
  }
  return twice / 2;
}

// Where the border turns.
std::vector<cv::Point> Turns(const Border& border) {
  std::vector<cv::Point> turns;
  for (std::size_t i = 0; i < border.size(); ++i) {
    const cv::Point before = border[(i + border.size() - 1) % border.size()];
    const cv::Point after = border[(i + 1) % border.size()];
    if (Cross(before, border[i], after) != 0) turns.push_back(border[i]);
  }
  return turns;
}

Shape ToShape(const std::vector<cv::Point>& points) { return {points.begin(), points.end()}; }

// A side of the shape stands for the steps of the border from its point
// `begin` to its point `end`, counted on past the last one.
struct Stretch {
  std::size_t begin, end;
};

// Cuts the border at points that approxPolyDP chose from it, which come in
// the border's order but may start anywhere.
std::vector<Stretch> CutAt(const Border& border, const std::vector<cv::Point>& points) {
  const std::size_t count = border.size();
  std::vector<Stretch> stretches;
  std::size_t at = std::find(border.begin(), border.end(), points[0]) - border.begin();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const cv::Point next = points[(i + 1) % points.size()];
    std::size_t end = at + 1;
    while (border[end % count] != next) ++end;
    stretches.push_back({at, end});
    at = end;
  }
  return stretches;
}

struct Line {
  cv::Point2d through, direction;  // the direction has length 1
};

// The line closest to a stretch of the border, by the squares of the distances.
Line FitLine(const Border& border, const Stretch& stretch) {
  const std::size_t count = border.size();
  const double steps = static_cast<double>(stretch.end - stretch.begin);
  cv::Point2d sum(0, 0);
  for (std::size_t i = stretch.begin; i < stretch.end; ++i) {
    sum += cv::Point2d(border[i % count] + border[(i + 1) % count]) / 2;
  }
  const cv::Point2d mean = sum / steps;
  double xx = 0, xy = 0, yy = 0;  // second moments, those of each step about its middle included
  for (std::size_t i = stretch.begin; i < stretch.end; ++i) {
    const cv::Point2d a(border[i % count]), b(border[(i + 1) % count]);
    const cv::Point2d middle = (a + b) / 2 - mean, half = (b - a) / 2;
    xx += middle.x * middle.x + half.x * half.x / 3;
    xy += middle.x * middle.y + half.x * half.y / 3;
    yy += middle.y * middle.y + half.y * half.y / 3;
  }
  const double angle = std::atan2(2 * xy, xx - yy) / 2;
  return {mean, {std::cos(angle), std::sin(angle)}};
}

// Where two lines cross, but no further than `limit` from `near`.
cv::Point2d CrossingNear(const Line& a, const Line& b, cv::Point2d near, double limit) {
  constexpr double kParallel = 1e-3;
  const double sine = a.direction.cross(b.direction);
  if (std::abs(sine) < kParallel) return near;
  const double along = (b.through - a.through).cross(b.direction) / sine;
  const cv::Point2d away = a.through + along * a.direction - near;
  const double distance = std::hypot(away.x, away.y);
  return near + away * (distance > limit ? limit / distance : 1.0);
}

// The shape whose sides are the lines closest to the stretches. Corners of the
// border alone would do as vertices, but they all lie on one side of a slope's
// steps, so that the shape would be too small or too large.
Shape FitShape(const Border& border, const std::vector<Stretch>& stretches, double limit) {
  const cv::Rect bounds = cv::boundingRect(border);
  const double right = bounds.x + bounds.width - 1, bottom = bounds.y + bounds.height - 1;
  std::vector<Line> lines;
  for (const Stretch& stretch : stretches) lines.push_back(FitLine(border, stretch));
  Shape shape;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Line& before = lines[(i + lines.size() - 1) % lines.size()];
    const cv::Point2d corner(border[stretches[i].begin % border.size()]);
    const cv::Point2d vertex = CrossingNear(before, lines[i], corner, limit);
    shape.emplace_back(static_cast<float>(std::clamp(vertex.x, double(bounds.x), right)),
                       static_cast<float>(std::clamp(vertex.y, double(bounds.y), bottom)));
  }
  return shape;
}

struct Deviation {
  double distance = 0;  // of the border's furthest point from its side, pixels of length
  double area = 0;      // pixels whose centres change from one side of the outline to the other
};

// How many pixel centres lie between a step of the border and the side from
// `start` in `direction`, in the row or column of pixels that the step ends.
double CentresBetween(cv::Point2d from, cv::Point2d to, cv::Point2d start, cv::Point2d direction) {
  const cv::Point2d middle = (from + to) / 2 - start;
  if (std::abs(direction.y) >= std::abs(direction.x)) {  // a steep side: look along the rows
    if (from.y == to.y) return 0;
    return std::abs(std::round(start.x + middle.y * direction.x / direction.y) - from.x);
  }
  if (from.x == to.x) return 0;
  return std::abs(std::round(start.y + middle.x * direction.y / direction.x) - from.y);
}

Deviation Measure(const Border& border, const std::vector<Stretch>& stretches,
                  const Shape& shape) {
  Deviation deviation;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    const cv::Point2d start(shape[i]), side = cv::Point2d(shape[(i + 1) % shape.size()]) - start;
    const double length = std::max(std::hypot(side.x, side.y), 1e-9);
    const cv::Point2d direction = side / length;
    for (std::size_t k = stretches[i].begin; k < stretches[i].end; ++k) {
      const cv::Point2d from(border[k % border.size()]), to(border[(k + 1) % border.size()]);
      const cv::Point2d ahead = to - start;
      const cv::Point2d off = ahead - direction * std::clamp(ahead.dot(direction), 0.0, length);
      deviation.distance = std::max(deviation.distance, std::hypot(off.x, off.y));
      deviation.area += CentresBetween(from, to, start, direction);
    }
  }
  return deviation;
}

struct Side {
  cv::Point2f a, b;
  std::size_t index;  // along the shape
  float left() const { return std::min(a.x, b.x); }
  float right() const { return std::max(a.x, b.x); }
};

int Sign(double value) { return (value > 0) - (value < 0); }

// Whether p, which is in line with the side, lies on it.
bool IsOn(const Side& s, cv::Point2f p) {
  return s.left() <= p.x && p.x <= s.right() && std::min(s.a.y, s.b.y) <= p.y &&
         p.y <= std::max(s.a.y, s.b.y);
}

bool Meet(const Side& s, const Side& t) {
  const int sa = Sign(Cross(t.a, t.b, s.a)), sb = Sign(Cross(t.a, t.b, s.b));
  const int ta = Sign(Cross(s.a, s.b, t.a)), tb = Sign(Cross(s.a, s.b, t.b));
  if (sa * sb < 0 && ta * tb < 0) return true;
  return (sa == 0 && IsOn(t, s.a)) || (sb == 0 && IsOn(t, s.b)) || (ta == 0 && IsOn(s, t.a)) ||
         (tb == 0 && IsOn(s, t.b));
}

// Whether the side folds back onto the one before it, from `before` to side.a.
bool FoldsBack(cv::Point2f before, const Side& side) {
  const cv::Point2d u(before - side.a), v(side.b - side.a);
  return u.cross(v) == 0 && u.dot(v) >= 0;
}

// Whether no two sides meet but neighbours in their common point. Sweeps from
// left to right over the sides.
bool IsSimple(const Shape& shape) {
  const std::size_t count = shape.size();
  std::vector<Side> sides;
  for (std::size_t i = 0; i < count; ++i) {
    sides.push_back({shape[i], shape[(i + 1) % count], i});
    if (FoldsBack(shape[(i + count - 1) % count], sides.back())) return false;
  }
  std::sort(sides.begin(), sides.end(),
            [](const Side& s, const Side& t) { return s.left() < t.left(); });
  std::vector<Side> open;  // those that the sweep has reached and not left
  for (const Side& side : sides) {
    std::erase_if(open, [&](const Side& s) { return s.right() < side.left(); });
    for (const Side& other : open) {
      const std::size_t distance = (side.index + count - other.index) % count;
      if (distance != 1 && distance != count - 1 && Meet(side, other)) return false;
    }
    open.push_back(side);
  }
  return true;
}

// The border with as few points as `tolerance` allows: Ramer-Douglas-Peucker
// says where the sides meet, and a line is fitted to each. Tried with ever less
// until the shape is simple and near enough to the border.
Shape Simplify(const Border& border, double tolerance) {
  // The fitted lines halve the distance of a slope's steps.
  constexpr double kFirst = 1.6, kLess = 0.85, kLeast = 0.3;
  constexpr double kMove = 0.75;   // of the tolerance: how far a vertex may leave the border
  constexpr double kShare = 0.01;  // of the pixels may change for each pixel of tolerance
  const std::vector<cv::Point> turns = Turns(border);
  const double area = Area(border);
  for (double epsilon = kFirst * tolerance; epsilon >= kLeast; epsilon *= kLess) {
    std::vector<cv::Point> cuts;
    cv::approxPolyDP(turns, cuts, epsilon, true);
    if (cuts.size() == turns.size()) break;
    if (cuts.size() < 3) continue;
    const std::vector<Stretch> stretches = CutAt(border, cuts);
    Shape shape = FitShape(border, stretches, kMove * tolerance);
    const Deviation deviation = Measure(border, stretches, shape);
    if (deviation.distance <= tolerance && deviation.area <= kShare * tolerance * area &&
        Area(shape) > 0 && IsSimple(shape)) {
      return shape;
    }
  }
  return ToShape(turns);
}

Polygon ToPolygon(const Shape& shape, cv::Point2f offset) {
  Polygon polygon;
  for (const cv::Point2f point : shape) {
    polygon.push_back(point.x + offset.x);
    polygon.push_back(point.y + offset.y);
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
  std::vector<std::pair<double, Shape>> parts;  // area, outline
  for (int y = 1; y < solid.rows; ++y) {
    for (int x = 1; x < solid.cols; ++x) {
      if (solid(y, x) != kSolid || solid(y - 1, x) != kOutside) continue;
      const Border border = Trace(solid, {x, y});
      const double area = Area(border);
      if (area >= min_area) parts.emplace_back(area, Simplify(border, tolerance));
    }
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  const cv::Point2f offset(static_cast<float>(mask.x - 1), static_cast<float>(mask.y - 1));
  std::vector<Polygon> polygons;
  for (const auto& [area, shape] : parts) polygons.push_back(ToPolygon(shape, offset));
  return polygons;
}

}  // namespace sam2
