// The operations of the WebAssembly module as a table: JavaScript reads their names once and calls
// them by index, so that no operation is declared twice.
#pragma once

#include <cstddef>

#include "binding/arguments.h"

namespace batchnorm {

class Exports {
 public:
  static constexpr size_t kMaxOperations = 128;

  struct Operation {
    const char* name;
    void (*run)(Arguments& arguments);
  };

  void add(const Operation& operation) {
    if (count_ == kMaxOperations) __builtin_trap();
    operations_[count_++] = operation;
  }
  size_t count() const { return count_; }
  const Operation& operator[](size_t index) const { return operations_[index]; }

 private:
  size_t count_;
  Operation operations_[kMaxOperations];
};

template <class Call, auto kOperation>
void export_operation(Exports& exports) {
  exports.add({Call::kName, [](Arguments& arguments) {
                 Call call;
                 if (call.read(arguments)) kOperation(arguments, call);
               }});
}

}  // namespace batchnorm
