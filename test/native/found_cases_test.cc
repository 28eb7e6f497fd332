// Regression tests: cases on which the stress program or the fuzzer once failed, as the bytes that
// determine them.
#include <string>
#include <vector>

#include "stress/cases.h"
#include "stress/machine.h"
#include "support.h"

namespace {

std::vector<uint8_t> from_hex(const std::string& text) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

struct Found {
  const char* description;
  const char* operation;
  const char* bytes;
};

const Found kFound[] = {
    // A bug: read far beyond the images.
    {"sections of a weight gradient without images", "convolution_weight_gradient",
     "d1c2ecb623bc9fb14d582b8390dd845c41af5b7db000804f3c8dd95a1e5ca7d912884ce6f1f1"},
    // Undefined behavior: a negative distance in an unsigned type, although the address was right.
    {"a weight gradient with a tap that lies before the first one", "convolution_weight_gradient",
     "b7997aa3977d488718c7a7111ebab7997ba3977d638718c7a7111a8148942c5a1fb581485e0c57a104c485e4f5a6"
     "80f94a632396942c"},
    // Not bugs, but limits of float32 beyond which the numerics contract cannot hold.
    {"gradients so large that scale * invstd * dy overflows", "training and backward",
     "06098498db2bc60d44f1af40db15fd4e6cca2ab31f9ca305e5da39454d08d94d93967a98f07658a4cd0f97add260"
     "592d"},
    {"a mean of subnormal values that a pair of floats cannot represent", "training and backward",
     "6ed100d0e7058d10c5dfc7937ef2b3387209cca60c70aee2dbcb19a509f31a846daa08ab4b660bd818805a580b85"
     "8439d8b2afeca13e480e413169"},
    {"a mean of zeros and one subnormal value", "training and backward",
     "3558cd3087dad0b767da110614f0a7b15da0571080a2a28a3bafed092e3aa427a3d8fadaaf53c4aba9b5ee701e7b"
     "3b78eb20030b"},
    {"a mean of two subnormal values", "training and backward",
     "418af8d2220bc4f091258ab7dd5560f508fa77002e477e467fa63373e1c111d553566a7ec92e8b82af90b06f0431"
     "a49731"},
    {"a product of 3.5e38 that the bias brings back into range, but that overflows without FMA",
     "training with residual and ReLU",
     "178d013673b26a3d28344e96efffffffffffffffffffffffffffffffffffffffffffffffff2bfffffffffffffffff"
     "fffffffffff0000ffff000000a77a000000000000000000000000000000000000000000000000000000000000000"
     "0"},
    {"gradients of 4e36 with values that are 1e-4 apart: xhat_coefficient overflows",
     "training and backward",
     "a87b0c9f3515a2c961c27398255a71fc91751f4c9fd5279c4db95f7204279c82a765a4d6270c3c91eb3430028bc9"
     "c2f9"},
};

}  // namespace

TEST_CASE("cases found by stress testing and fuzzing: within the numerics contract") {
  stress::set_plain_machine();
  FOR_EACH_ISA(kernels) {
    for (const Found& found : kFound) {
      const std::vector<uint8_t> bytes = from_hex(found.bytes);
      stress::Choices choices(bytes.data(), bytes.size());
      const stress::Outcome outcome = stress::run_case(choices, 60000, &kernels);
      CAPTURE(std::string(found.description));
      CAPTURE(outcome.what);
      CHECK(outcome.failure == "");
      // If these fail, the bytes now describe a different case.
      CHECK(choices.taken().size() == bytes.size());
      CHECK(outcome.what.find(std::string(found.operation) + ",") == 0);
    }
  }
}
