// SPDX-License-Identifier: Apache-2.0
#include "model_path.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "support.h"

namespace gstsam2 {
namespace {

using testing::ScopedEnvironment;
using testing::TemporaryFolder;

ElementError ErrorOf(const std::string& model) {
  try {
    FindModel(model);
  } catch (const ElementError& error) {
    return error;
  }
  ADD_FAILURE() << model << " was found";
  return ElementError::Stream("");
}

TEST(FindModel, TakesAPathAsItIs) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("some.safetensors", "x");
  EXPECT_EQ(FindModel(path), path);
}

TEST(FindModel, LooksANameUpInTheFoldersInOrder) {
  const TemporaryFolder first, second;
  const ScopedEnvironment folders("GST_SAM2_MODEL_PATH",
                                  first.path().string() + ":" + second.path().string());
  const std::string in_second = second.Write("builtin/builtin.safetensors", "x");
  EXPECT_EQ(FindModel("builtin"), in_second);
  const std::string nested = first.Write("builtin/builtin.pt", "x");
  EXPECT_EQ(FindModel("builtin"), nested);
  const std::string flat = first.Write("builtin.pt", "x");
  EXPECT_EQ(FindModel("builtin"), flat);
  const std::string safetensors = first.Write("builtin.safetensors", "x");
  EXPECT_EQ(FindModel("builtin"), safetensors);
  EXPECT_EQ(FindModel("builtin"), safetensors);
  EXPECT_EQ(FindModel((first.path() / "builtin.pt").string()), flat);
}

TEST(FindModel, SaysWhereItLooked) {
  const TemporaryFolder folder;
  const ScopedEnvironment folders("GST_SAM2_MODEL_PATH", folder.path().string());
  const ElementError error = ErrorOf("no-such-model");
  EXPECT_EQ(error.domain(), GST_RESOURCE_ERROR);
  EXPECT_EQ(error.code(), GST_RESOURCE_ERROR_NOT_FOUND);
  const std::string what = error.what();
  EXPECT_NE(what.find("no-such-model.safetensors"), std::string::npos);
  EXPECT_NE(what.find(folder.path().string()), std::string::npos);
  EXPECT_NE(what.find("gst-sam2/models"), std::string::npos);
  EXPECT_EQ(what.find("models/fetch"), std::string::npos);
}

TEST(FindModel, TellsHowToGetAnOfficialModel) {
  const ScopedEnvironment folders("GST_SAM2_MODEL_PATH", std::nullopt);
  EXPECT_NE(std::string(ErrorOf("sam2.1-base+").what()).find("models/fetch sam2.1-base+"),
            std::string::npos);
}

TEST(FindModel, RefusesAPathThatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(ErrorOf(folder.path().string()).code(), GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_EQ(ErrorOf("/nowhere/model").code(), GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_EQ(ErrorOf("absent.pt").code(), GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_EQ(ErrorOf("").code(), GST_RESOURCE_ERROR_SETTINGS);
}

}  // namespace
}  // namespace gstsam2
