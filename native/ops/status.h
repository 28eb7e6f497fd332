#pragma once

namespace batchnorm {

// What an operation reports. One that is out of memory has written nothing.
enum class Status { kOk, kOutOfMemory };

}  // namespace batchnorm
