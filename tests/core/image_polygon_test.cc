// SPDX-License-Identifier: Apache-2.0
#include "image/polygon.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "image_pictures.h"

namespace sam2::test {
namespace {

struct Vertex {
  double x, y;
};

std::vector<Vertex> Vertices(const Polygon& polygon) {
  std::vector<Vertex> vertices;
  for (std::size_t i = 0; i + 1 < polygon.size(); i += 2) {
    vertices.push_back({polygon[i], polygon[i + 1]});
  }
  return vertices;
}

// Whether a point lies in a polygon: a ray to the right crosses an odd number
// of sides.
bool Contains(const Polygon& polygon, double x, double y) {
  const std::vector<Vertex> v = Vertices(polygon);
  bool inside = false;
  for (std::size_t i = 0, j = v.size() - 1; i < v.size(); j = i++) {
    if ((v[i].y > y) != (v[j].y > y) &&
        x < (v[j].x - v[i].x) * (y - v[i].y) / (v[j].y - v[i].y) + v[i].x) {
      inside = !inside;
    }
  }
  return inside;
}

// The pixels whose centres lie in one of the polygons.
Mask Rasterize(const std::vector<Polygon>& polygons, int width, int height) {
  return MakeMask(0, 0, width, height, [&](int x, int y) {
    for (const Polygon& polygon : polygons) {
      if (Contains(polygon, x + 0.5, y + 0.5)) return true;
    }
    return false;
  });
}

// The mask with what 4-connected steps from outside do not reach.
Mask WithHolesFilled(const Mask& mask) {
  const int width = mask.width + 2, height = mask.height + 2;
  const auto set = [&](int x, int y) {
    return x > 0 && y > 0 && x <= mask.width && y <= mask.height &&
           mask.pixels[(y - 1) * mask.width + x - 1] != 0;
  };
  std::vector<bool> outside(width * height);
  std::vector<std::pair<int, int>> reached = {{0, 0}};
  outside[0] = true;
  for (std::size_t i = 0; i < reached.size(); ++i) {
    for (const auto& [dx, dy] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
      const int x = reached[i].first + dx, y = reached[i].second + dy;
      if (x < 0 || y < 0 || x >= width || y >= height || outside[y * width + x] || set(x, y)) {
        continue;
      }
      outside[y * width + x] = true;
      reached.push_back({x, y});
    }
  }
  return MakeMask(mask.x, mask.y, mask.width, mask.height,
                  [&](int x, int y) { return !outside[(y + 1) * width + x + 1]; });
}

double IoU(const Mask& a, const Mask& b) {
  double both = 0, either = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    both += a.pixels[i] && b.pixels[i];
    either += a.pixels[i] || b.pixels[i];
  }
  return either == 0 ? 1 : both / either;
}

double Cross(Vertex o, Vertex a, Vertex b) {
  return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

// Whether two sides that are no neighbours cross or touch: each against each.
bool MeetsItself(const Polygon& polygon) {
  const std::vector<Vertex> v = Vertices(polygon);
  const auto on = [](Vertex a, Vertex b, Vertex p) {
    return Cross(a, b, p) == 0 && std::min(a.x, b.x) <= p.x && p.x <= std::max(a.x, b.x) &&
           std::min(a.y, b.y) <= p.y && p.y <= std::max(a.y, b.y);
  };
  for (std::size_t i = 0; i < v.size(); ++i) {
    for (std::size_t j = i + 2; j < v.size(); ++j) {
      if (i == 0 && j == v.size() - 1) continue;
      const Vertex a = v[i], b = v[i + 1], c = v[j], d = v[(j + 1) % v.size()];
      if (Cross(a, b, c) * Cross(a, b, d) < 0 && Cross(c, d, a) * Cross(c, d, b) < 0) return true;
      if (on(a, b, c) || on(a, b, d) || on(c, d, a) || on(c, d, b)) return true;
    }
  }
  return false;
}

double DistanceToPolygon(const Polygon& polygon, Vertex p) {
  const std::vector<Vertex> v = Vertices(polygon);
  double nearest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < v.size(); ++i) {
    const Vertex a = v[i], b = v[(i + 1) % v.size()];
    const double dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy;
    const double t =
        square == 0 ? 0 : std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / square, 0.0, 1.0);
    nearest = std::min(nearest, std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy));
  }
  return nearest;
}

Mask Disc(int radius) {
  return MakeMask(0, 0, 2 * radius + 1, 2 * radius + 1, [&](int x, int y) {
    return (x - radius) * (x - radius) + (y - radius) * (y - radius) <= radius * radius;
  });
}

Mask TiltedBar(double degrees) {
  const double c = std::cos(degrees * M_PI / 180), s = std::sin(degrees * M_PI / 180);
  return MakeMask(0, 0, 120, 120, [&](int x, int y) {
    const double u = (x - 60) * c + (y - 60) * s, v = (y - 60) * c - (x - 60) * s;
    return std::abs(u) <= 45 && std::abs(v) <= 12;
  });
}

TEST(MaskToPolygons, FollowsTheBordersOfPixels) {
  const Mask mask = MakeMask(10, 20, 3, 2, [](int, int) { return true; });
  for (const double tolerance : {0.0, 1.0}) {
    EXPECT_EQ(MaskToPolygons(mask, tolerance, 0),
              (std::vector<Polygon>{{10, 20, 13, 20, 13, 22, 10, 22}}));
  }
}

TEST(MaskToPolygons, OfOnePixelIsASquare) {
  EXPECT_EQ(MaskToPolygons({5, 6, 1, 1, {255}}, 1, 0),
            (std::vector<Polygon>{{5, 6, 6, 6, 6, 7, 5, 7}}));
}

TEST(MaskToPolygons, IsExactWithoutTolerance) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Mask mask = RandomBlobs(50, 40, seed);
    const std::vector<Polygon> polygons = MaskToPolygons(mask, 0, 0);
    EXPECT_EQ(Rasterize(polygons, 50, 40).pixels, WithHolesFilled(mask).pixels) << seed;
    for (const Polygon& polygon : polygons) EXPECT_FALSE(MeetsItself(polygon)) << seed;
  }
}

TEST(MaskToPolygons, IsExactOnNoise) {
  std::mt19937 random(1);
  const Mask mask = MakeMask(0, 0, 40, 40, [&](int, int) { return random() % 2 == 0; });
  for (const double tolerance : {0.0, 1.0, 3.0}) {
    const std::vector<Polygon> polygons = MaskToPolygons(mask, tolerance, 0);
    for (const Polygon& polygon : polygons) {
      EXPECT_GE(polygon.size(), 6u);
      EXPECT_FALSE(MeetsItself(polygon));
    }
    if (tolerance == 0) {
      EXPECT_EQ(Rasterize(polygons, 40, 40).pixels, WithHolesFilled(mask).pixels);
    }
  }
}

TEST(MaskToPolygons, StaysCloseWithinTheTolerance) {
  std::vector<Mask> masks;
  for (const int radius : {16, 17, 25, 60}) masks.push_back(Disc(radius));
  for (const double degrees : {0, 3, 17, 30, 45, 80}) masks.push_back(TiltedBar(degrees));
  for (unsigned seed = 0; seed < 10; ++seed) masks.push_back(RandomBlobs(90, 80, seed));
  for (const Mask& mask : masks) {
    const Mask filled = WithHolesFilled(mask);
    const std::vector<Polygon> exact = MaskToPolygons(mask, 0, 0);
    for (const double tolerance : {0.5, 1.0, 2.0}) {
      const std::vector<Polygon> polygons = MaskToPolygons(mask, tolerance, 0);
      ASSERT_EQ(polygons.size(), exact.size());
      EXPECT_GE(IoU(Rasterize(polygons, mask.width, mask.height), filled),
                tolerance <= 1 ? 0.98 : 0.96);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        EXPECT_FALSE(MeetsItself(polygons[i]));
        for (const Vertex corner : Vertices(exact[i])) {
          EXPECT_LE(DistanceToPolygon(polygons[i], corner), tolerance + 1e-4);
        }
      }
    }
  }
}

TEST(MaskToPolygons, SavesPoints) {
  const Mask bar = TiltedBar(17);
  EXPECT_LE(MaskToPolygons(bar, 1, 0)[0].size() / 2, MaskToPolygons(bar, 0, 0)[0].size() / 2 / 4);
}

TEST(MaskToPolygons, PixelsThatTouchAtACornerAreTwoParts) {
  const Mask mask = {0, 0, 2, 2, {255, 0, 0, 255}};
  EXPECT_EQ(MaskToPolygons(mask, 0, 0).size(), 2u);
}

TEST(MaskToPolygons, HolesAreFilledEvenWhereTheyTouchTheOutsideAtACorner) {
  const Mask ring = {0, 0, 3, 3, {255, 255, 255, 255, 0, 255, 255, 255, 0}};
  EXPECT_EQ(MaskToPolygons(ring, 0, 0),
            (std::vector<Polygon>{{0, 0, 3, 0, 3, 2, 2, 2, 2, 3, 0, 3}}));
}

TEST(MaskToPolygons, SmallPartsAreLeftOutAndTheLargestComesFirst) {
  const Mask mask = MakeMask(0, 0, 20, 4, [](int x, int) { return x < 1 || (x > 3 && x < 9) || x > 17; });
  const std::vector<Polygon> all = MaskToPolygons(mask, 0, 0);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0][0], 4);
  EXPECT_EQ(all[1][0], 18);
  EXPECT_EQ(all[2][0], 0);
  EXPECT_EQ(MaskToPolygons(mask, 0, 8).size(), 2u);
  EXPECT_EQ(MaskToPolygons(mask, 0, 8.5).size(), 1u);
  EXPECT_TRUE(MaskToPolygons(mask, 0, 100).empty());
}

TEST(MaskToPolygons, OfNothingIsNothing) {
  EXPECT_TRUE(MaskToPolygons({}, 1, 0).empty());
  EXPECT_TRUE(MaskToPolygons({0, 0, 2, 2, {0, 0, 0, 0}}, 1, 0).empty());
}

TEST(MaskToPolygons, RefusesImpossibleValues) {
  const Mask mask = {0, 0, 1, 1, {255}};
  EXPECT_THROW(MaskToPolygons(mask, -0.5, 0), Error);
  EXPECT_THROW(MaskToPolygons(mask, std::nan(""), 0), Error);
  EXPECT_THROW(MaskToPolygons(mask, std::numeric_limits<double>::infinity(), 0), Error);
  EXPECT_THROW(MaskToPolygons({0, 0, 2, 1, {255}}, 1, 0), Error);
}

}  // namespace
}  // namespace sam2::test
