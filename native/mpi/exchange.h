// A call of a group: every rank contributes values and receives the result.
#pragma once

#include "mpi/reduce.h"
#include "mpi/session.h"

namespace batchnorm {

// In the order of `kinds` in lib/distributed/call.ts.
enum class CallKind { kAllGather, kSum, kAllReduce, kBroadcast, kBarrier, kClose };

constexpr size_t kHeaderLength = 6;
// Numbers per rank in a report: the header, and whether the rank is known to wait in the same call.
constexpr size_t kReportLength = kHeaderLength + 1;

struct MpiCall {
  size_t channel;
  CallKind kind;
  Reduction reduction;
  size_t root;
  size_t bytes;  // per value: 4 or 8
  size_t length;
  double number;  // counts the calls of the channel
  const uint8_t* values;
  // `length` values; for kAllGather `length` times the number of ranks.
  uint8_t* result;
  double timeout;  // milliseconds
  // The headers of all ranks if they differ, or those of the last call after a timeout.
  double* report;
  // Whether JavaScript's thread computes meanwhile, so that waiting must leave it the core.
  bool patient = false;
};

// Makes a call. Ranks first exchange headers, so that calls that differ are noticed by all of them
// before any value moves.
MpiStatus exchange(const MpiCall& call);

}  // namespace batchnorm
