#include "mpi/exchange.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "system/threads.h"

// Other processes and the network take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

constexpr size_t kHeaderBytes = kHeaderLength * sizeof(double);

// Values move in chunks of up to this many bytes, because counts in MPI are ints, and because MPI
// must not access JavaScript's arrays: after a timeout an operation stays pending while its arrays
// are freed.
constexpr size_t kChunkBytes = 4 * 1024 * 1024;

// The memory that MPI accesses. It is never freed once an operation has timed out.
struct Channel {
  // Headers and, if they fit, the values: one message instead of two.
  uint8_t* packet = nullptr;
  uint8_t* packets = nullptr;
  double* last_headers = nullptr;
  uint8_t* send = nullptr;
  uint8_t* receive = nullptr;
  uint8_t* slice = nullptr;
  size_t calls = 0;
};

Channel g_channels[kChannels];

// Bytes that every rank sends in the first message, the same number for every call and rank. Fewer
// for many ranks, because each receives the packets of all others.
size_t packet_bytes() { return mpi_session().size <= 16 ? 2048 : 256; }

// Round up to whole cache lines.
size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

uint8_t* allocate(size_t bytes) { return static_cast<uint8_t*>(std::malloc(bytes)); }

bool allocate_packets(Channel& channel) {
  const size_t size = mpi_session().size;
  if (channel.packet == nullptr)
    channel.packet = static_cast<uint8_t*>(std::calloc(1, packet_bytes()));
  if (channel.packets == nullptr) channel.packets = allocate(size * packet_bytes());
  if (channel.last_headers == nullptr) {
    channel.last_headers = static_cast<double*>(std::calloc(size * kHeaderLength, sizeof(double)));
  }
  return channel.packet != nullptr && channel.packets != nullptr && channel.last_headers != nullptr;
}

// Bytes of a slice: the part of a chunk that one rank reduces, or what each rank contributes to a
// gathered chunk. With few ranks a chunk and what is received of it stay in the second-level cache;
// with many the latency of a message needs large chunks.
size_t slice_bytes() {
  constexpr size_t kMaxSlice = 256 * 1024;
  constexpr size_t kMinSlice = 64 * 1024;
  return aligned(std::min(kMaxSlice, std::max(kMinSlice, kChunkBytes / mpi_session().size)));
}

bool allocate_chunks(Channel& channel) {
  const size_t all = slice_bytes() * mpi_session().size;
  if (channel.send == nullptr) channel.send = allocate(all);
  if (channel.receive == nullptr) channel.receive = allocate(all);
  if (channel.slice == nullptr) channel.slice = allocate(slice_bytes());
  return channel.send != nullptr && channel.receive != nullptr && channel.slice != nullptr;
}

class Exchange {
 public:
  explicit Exchange(const MpiCall& call)
      : call_(call),
        channel_(g_channels[call.channel]),
        comm_(mpi_session().channels[call.channel]),
        size_(mpi_session().size),
        wait_{call.channel, call.number, nanoseconds() + static_cast<long long>(call.timeout * 1e6),
              call.patient} {}

  MpiStatus run() {
    if (!allocate_packets(channel_)) return MpiStatus::kOutOfMemory;
    const size_t bytes = call_.length * call_.bytes;
    const bool small = bytes <= packet_bytes() - kHeaderBytes;
    // Before the first message, so that a rank without memory leaves no other waiting for its
    // values.
    if (!small && !allocate_chunks(channel_)) return MpiStatus::kOutOfMemory;
    const MpiStatus status = exchange_headers(small ? bytes : 0);
    if (status != MpiStatus::kDone || bytes == 0) return status;
    if (small) {
      combine_packets();
      return MpiStatus::kDone;
    }
    switch (call_.kind) {
      case CallKind::kAllGather:
        return gather_chunks();
      case CallKind::kBroadcast:
        return broadcast_chunks();
      default:
        return reduce_chunks();
    }
  }

 private:
  MpiStatus exchange_headers(size_t bytes) {
    const double header[kHeaderLength] = {call_.number,
                                          static_cast<double>(call_.kind),
                                          static_cast<double>(call_.bytes),
                                          static_cast<double>(call_.length),
                                          static_cast<double>(call_.reduction),
                                          static_cast<double>(call_.root)};
    std::memcpy(channel_.packet, header, kHeaderBytes);
    if (bytes > 0) std::memcpy(channel_.packet + kHeaderBytes, call_.values, bytes);
    MpiHandle request = 0;
    const MpiStatus status =
        finish(start_operation([&](const MpiFunctions& mpi) {
                 return mpi.all_gather(channel_.packet, channel_.packets,
                                       static_cast<int>(packet_bytes()), comm_, &request);
               }),
               &request);
    if (status != MpiStatus::kDone) return status;
    bool equal = true;
    for (size_t rank = 0; rank < size_; rank++) {
      const uint8_t* received = channel_.packets + rank * packet_bytes();
      std::memcpy(channel_.last_headers + rank * kHeaderLength, received, kHeaderBytes);
      equal = equal && std::memcmp(received, header, kHeaderBytes) == 0;
    }
    // Ranks that rarely wait have not received the notices of the others.
    if (++channel_.calls % 64 == 0) receive_notices();
    if (equal) return MpiStatus::kDone;
    report();
    return MpiStatus::kMismatch;
  }

  // Waits for an operation that was started, and reports who is missing if that takes too long.
  MpiStatus finish(MpiStatus started, MpiHandle* request) {
    const MpiStatus status = started == MpiStatus::kDone ? wait_for(request, wait_) : started;
    if (status == MpiStatus::kTimeout) report();
    return status;
  }

  void report() const {
    for (size_t rank = 0; rank < size_; rank++) {
      double* row = call_.report + rank * kReportLength;
      std::memcpy(row, channel_.last_headers + rank * kHeaderLength, kHeaderBytes);
      row[kHeaderLength] = is_waiting(rank, wait_) ? 1 : 0;
    }
  }

  void combine_packets() {
    const size_t bytes = call_.length * call_.bytes;
    const uint8_t* first = channel_.packets + kHeaderBytes;
    switch (call_.kind) {
      case CallKind::kAllGather:
        for (size_t rank = 0; rank < size_; rank++) {
          std::memcpy(call_.result + rank * bytes, first + rank * packet_bytes(), bytes);
        }
        break;
      case CallKind::kBroadcast:
        std::memcpy(call_.result, first + call_.root * packet_bytes(), bytes);
        break;
      default:
        reduce(call_.reduction, call_.bytes, {first, packet_bytes(), size_}, call_.length,
               call_.result);
    }
  }

  MpiStatus all_gather(const uint8_t* send, size_t bytes) {
    MpiHandle request = 0;
    return finish(start_operation([&](const MpiFunctions& mpi) {
                    return mpi.all_gather(send, channel_.receive, static_cast<int>(bytes), comm_,
                                          &request);
                  }),
                  &request);
  }

  MpiStatus gather_chunks() {
    const size_t bytes = call_.length * call_.bytes;
    for (size_t begin = 0; begin < bytes; begin += slice_bytes()) {
      const size_t count = std::min(slice_bytes(), bytes - begin);
      std::memcpy(channel_.send, call_.values + begin, count);
      const MpiStatus status = all_gather(channel_.send, count);
      if (status != MpiStatus::kDone) return status;
      for (size_t rank = 0; rank < size_; rank++) {
        std::memcpy(call_.result + rank * bytes + begin, channel_.receive + rank * count, count);
      }
    }
    return MpiStatus::kDone;
  }

  MpiStatus broadcast_chunks() {
    const size_t bytes = call_.length * call_.bytes;
    const bool is_root = call_.root == mpi_session().rank;
    const size_t chunk = slice_bytes() * size_;
    for (size_t begin = 0; begin < bytes; begin += chunk) {
      const size_t count = std::min(chunk, bytes - begin);
      if (is_root) std::memcpy(channel_.send, call_.values + begin, count);
      MpiHandle request = 0;
      const MpiStatus status =
          finish(start_operation([&](const MpiFunctions& mpi) {
                   return mpi.broadcast(channel_.send, static_cast<int>(count),
                                        static_cast<int>(call_.root), comm_, &request);
                 }),
                 &request);
      if (status != MpiStatus::kDone) return status;
      std::memcpy(call_.result + begin, channel_.send, count);
    }
    return MpiStatus::kDone;
  }

  // Every rank receives one slice of the values of all ranks, reduces it, and passes the result on,
  // so that each value travels and is added once.
  MpiStatus reduce_chunks() {
    const size_t bytes = call_.length * call_.bytes;
    const size_t chunk = slice_bytes() * size_;
    for (size_t begin = 0; begin < bytes; begin += chunk) {
      const size_t count = std::min(chunk, bytes - begin);
      const size_t slice = aligned((count + size_ - 1) / size_);
      std::memcpy(channel_.send, call_.values + begin, count);
      // The last slices may be shorter; what follows is reduced and ignored.
      std::memset(channel_.send + count, 0, slice * size_ - count);
      MpiHandle request = 0;
      MpiStatus status = finish(start_operation([&](const MpiFunctions& mpi) {
                                  return mpi.all_to_all(channel_.send, channel_.receive,
                                                        static_cast<int>(slice), comm_, &request);
                                }),
                                &request);
      if (status != MpiStatus::kDone) return status;
      reduce(call_.reduction, call_.bytes, {channel_.receive, slice, size_}, slice / call_.bytes,
             channel_.slice);
      status = all_gather(channel_.slice, slice);
      if (status != MpiStatus::kDone) return status;
      std::memcpy(call_.result + begin, channel_.receive, count);
    }
    return MpiStatus::kDone;
  }

  const MpiCall& call_;
  Channel& channel_;
  MpiHandle comm_;
  size_t size_;
  MpiWait wait_;
};

}  // namespace

MpiStatus exchange(const MpiCall& call) { return Exchange(call).run(); }

}  // namespace batchnorm
