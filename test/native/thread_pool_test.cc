#include "system/thread_pool.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "ops/parallel.h"
#include "support.h"
#include "system/cpu_count.h"
#include "system/threads.h"

TEST_CASE("parallel_for: runs every task once, with slots below the number of threads") {
  for (size_t threads : {1, 2, 5}) {
    for (size_t tasks : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> runs(tasks);
      std::atomic<size_t> largest_slot{0};
      auto task = [&](size_t index, size_t slot) {
        runs[index]++;
        size_t seen = largest_slot;
        while (slot > seen && !largest_slot.compare_exchange_weak(seen, slot)) {
        }
      };
      batchnorm::parallel_for(tasks, threads, task);
      for (const auto& each : runs) CHECK(each == 1);
      CHECK(largest_slot < threads);
    }
  }
}

// The first task of each thread, which waits there until all threads have one.
struct Meeting {
  std::vector<size_t> first;
  bool complete;
};

static Meeting meet(size_t tasks, size_t threads) {
  std::vector<size_t> first(threads);
  std::vector<std::atomic<bool>> has_begun(threads);
  std::atomic<size_t> begun{0};
  auto task = [&](size_t index, size_t slot) {
    if (has_begun[slot].exchange(true)) return;
    first[slot] = index;
    begun++;
    for (int i = 0; i < 100000 && begun < threads; i++) usleep(10);
  };
  batchnorm::parallel_for(tasks, threads, task);
  return {first, begun == threads};
}

TEST_CASE("mirrored_task: reverses the tasks that each thread starts with") {
  const auto mirrored = [](size_t tasks, size_t threads) {
    std::vector<size_t> all;
    for (size_t task = 0; task < tasks; task++) {
      all.push_back(batchnorm::mirrored_task(task, tasks, threads));
    }
    return all;
  };
  CHECK(mirrored(5, 1) == std::vector<size_t>{4, 3, 2, 1, 0});
  CHECK(mirrored(6, 2) == std::vector<size_t>{2, 1, 0, 5, 4, 3});
  // The first threads have one task more.
  CHECK(mirrored(8, 3) == std::vector<size_t>{2, 1, 0, 5, 4, 3, 7, 6});
  CHECK(mirrored(2, 7) == std::vector<size_t>{0, 1});
}

TEST_CASE("mirrored_task: agrees with where parallel_for starts each thread") {
  constexpr size_t kTasks = 7, kThreads = 3;
  const Meeting meeting = meet(kTasks, kThreads);
  REQUIRE(meeting.complete);
  for (size_t slot = 0; slot < kThreads; slot++) {
    const size_t last = batchnorm::mirrored_task(meeting.first[slot], kTasks, kThreads);
    CHECK(batchnorm::mirrored_task(last, kTasks, kThreads) == meeting.first[slot]);
    CHECK(last + 1 == (slot + 1 < kThreads ? meeting.first[slot + 1] : kTasks));
  }
}

TEST_CASE("parallel_for: wakes its threads while those of a larger job are still awake") {
  auto task = [](size_t, size_t) {};
  for (int i = 0; i < 300; i++) {
    batchnorm::parallel_for(50, 5, task);
    // Some of them sleep by then.
    usleep(static_cast<useconds_t>(20 + i % 80));
    REQUIRE(meet(3, 3).complete);
  }
}

TEST_CASE("parallel_for: concurrent callers all finish") {
  std::atomic<size_t> done{0};
  auto caller = [](void* argument) -> void* {
    auto& count = *static_cast<std::atomic<size_t>*>(argument);
    for (int i = 0; i < 200; i++) {
      auto task = [&](size_t, size_t) { count++; };
      batchnorm::parallel_for(10, 3, task);
    }
    return nullptr;
  };
  pthread_t threads[4];
  for (pthread_t& each : threads) REQUIRE(pthread_create(&each, nullptr, caller, &done) == 0);
  for (pthread_t& each : threads) pthread_join(each, nullptr);
  CHECK(done == 4 * 200 * 10);
}

TEST_CASE("parallel_for: a forked child gets its own pool") {
  std::atomic<int> count{0};
  auto task = [&](size_t, size_t) { count++; };
  batchnorm::parallel_for(8, 2, task);
  const pid_t child = fork();
  if (child == 0) {
    count = 0;
    batchnorm::parallel_for(8, 2, task);
    // The first task waits for the second, so the child needs more threads than the one that
    // forked.
    std::atomic<int> begun{0};
    std::atomic<bool> met{false};
    auto meet = [&](size_t, size_t) {
      if (++begun == 2) return;
      for (int i = 0; i < 10000 && begun < 2; i++) usleep(1000);
      met = begun == 2;
    };
    batchnorm::parallel_for(2, 2, meet);
    _exit(count == 8 && met ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("set_thread_count: at least one, at most kMaxThreads") {
  const size_t before = batchnorm::thread_count();
  CHECK(before >= 1);
  batchnorm::set_thread_count(0);
  CHECK(batchnorm::thread_count() == 1);
  batchnorm::set_thread_count(100000);
  CHECK(batchnorm::thread_count() == batchnorm::kMaxThreads);
  batchnorm::set_thread_count(before);
}

namespace {

// Sets three threads, and 100,000 elements per thread that must be woken, until it is destroyed.
class Settings {
 public:
  Settings() {
    batchnorm::set_thread_count(3);
    batchnorm::set_elements_per_thread(100000);
  }
  ~Settings() {
    batchnorm::set_elements_per_thread(elements_);
    batchnorm::set_thread_count(threads_);
  }

 private:
  size_t threads_ = batchnorm::thread_count();
  size_t elements_ = batchnorm::elements_per_thread();
};

}  // namespace

TEST_CASE("threads_for: wakes no thread for less than twice elements_per_thread()") {
  const Settings settings;
  while (batchnorm::awake_threads() > 0) sleep(1);
  CHECK(batchnorm::threads_for(0) == 1);
  CHECK(batchnorm::threads_for(199999) == 1);
  CHECK(batchnorm::threads_for(200000) == 2);
  CHECK(batchnorm::threads_for(100000000) == 3);
}

TEST_CASE("threads_for: uses a thread that still spins for fewer elements") {
  const Settings settings;
  auto task = [](size_t, size_t) {};
  // With more threads than processors no thread spins, and on a busy machine it may take many
  // attempts.
  if (batchnorm::usable_cpus() < 3) batchnorm::set_thread_count(2);
  if (batchnorm::usable_cpus() < 2) return;
  size_t threads = 1;
  for (int attempt = 0; attempt < 1000000 && threads == 1; attempt++) {
    batchnorm::parallel_for(1000, 2, task);
    threads = batchnorm::threads_for(2 * batchnorm::kMinElementsPerTask);
  }
  CHECK(threads == 2);
  CHECK(batchnorm::threads_for(2 * batchnorm::kMinElementsPerTask - 1) == 1);
}

TEST_CASE("parallel_for: idle threads use no processor time") {
  auto processor_microseconds = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000l + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  };
  auto task = [](size_t, size_t) {};
  for (int i = 0; i < 100; i++) batchnorm::parallel_for(1000, 2, task);
  const long before = processor_microseconds();
  sleep(2);
  // A thread that kept spinning would use 2,000,000 us; systems count in ticks of up to 10,000.
  CHECK(processor_microseconds() - before < 50000);
}

TEST_CASE("own_threads: gives a thread a pool that does not wait for other callers") {
  using namespace batchnorm;
  const size_t before = thread_count();
  std::atomic<int> step{0};
  auto worker = [](void* argument) -> void* {
    auto& shared = *static_cast<std::atomic<int>*>(argument);
    CHECK(own_threads(3));
    CHECK(thread_count() == 3);
    set_thread_count(2);
    CHECK(thread_count() == 2);
    // While the other caller's job runs, both tasks of this one have to run at the same time.
    while (shared != 1) std::this_thread::yield();
    std::atomic<int> started{0};
    auto task = [&](size_t, size_t) {
      started++;
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (started < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
      CHECK(started == 2);
    };
    parallel_for(2, 2, task);
    shared = 2;
    disown_threads();
    return nullptr;
  };
  pthread_t thread;
  REQUIRE(pthread_create(&thread, nullptr, worker, &step) == 0);
  auto task = [&](size_t index, size_t) {
    if (index == 0) step = 1;
    while (step != 2) std::this_thread::yield();
  };
  parallel_for(2, 2, task);
  pthread_join(thread, nullptr);
  CHECK(thread_count() == before);
}

TEST_CASE("OneThread: operations inside a task stay on the task's thread") {
  using namespace batchnorm;
  for (bool owner : {false, true}) {
    auto caller = [](void* argument) -> void* {
      const bool owns = *static_cast<bool*>(argument);
      if (owns) CHECK(own_threads(3));
      const size_t before = thread_count();
      std::atomic<int> moved{0};
      auto task = [&](size_t, size_t) {
        const OneThread alone;
        const uintptr_t self = current_thread();
        CHECK(thread_count() == 1);
        CHECK(threads_for(100'000'000) == 1);
        auto inner = [&](size_t, size_t) { moved += current_thread() != self; };
        parallel_for(50, threads_for(100'000'000), inner);
      };
      parallel_for(64, 3, task);
      CHECK(moved == 0);
      CHECK(thread_count() == before);
      if (owns) disown_threads();
      return nullptr;
    };
    pthread_t thread;
    REQUIRE(pthread_create(&thread, nullptr, caller, &owner) == 0);
    pthread_join(thread, nullptr);
  }
}
