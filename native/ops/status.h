// The result of an operation that may need working memory.
#pragma once

namespace batchnorm {

// After kOutOfMemory, no output has been written.
enum class Status { kOk, kOutOfMemory };

}  // namespace batchnorm
