#include "system/thread_pool.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "ops/parallel.h"
#include "support.h"

TEST_CASE("parallel_for: every task once, slots below the number of threads") {
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

TEST_CASE("parallel_for: callers that meet all finish") {
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

TEST_CASE("parallel_for: a forked child has a pool of its own") {
  std::atomic<int> count{0};
  auto task = [&](size_t, size_t) { count++; };
  batchnorm::parallel_for(8, 2, task);
  const pid_t child = fork();
  if (child == 0) {
    count = 0;
    batchnorm::parallel_for(8, 2, task);
    _exit(count == 8 ? 0 : 1);
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

TEST_CASE("threads_for: below twice the elements of a thread, no other one is woken") {
  const size_t threads = batchnorm::thread_count();
  const size_t elements = batchnorm::elements_per_thread();
  batchnorm::set_thread_count(3);
  batchnorm::set_elements_per_thread(1000);
  CHECK(batchnorm::threads_for(0) == 1);
  CHECK(batchnorm::threads_for(1999) == 1);
  CHECK(batchnorm::threads_for(2000) == 2);
  CHECK(batchnorm::threads_for(1000000) == 3);
  batchnorm::set_elements_per_thread(elements);
  batchnorm::set_thread_count(threads);
}

TEST_CASE("parallel_for: threads that have nothing to do take no processor time") {
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
  CHECK(processor_microseconds() - before < 5000);
}
