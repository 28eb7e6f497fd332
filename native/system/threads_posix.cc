#include "system/threads.h"

#include "system/test_hooks.h"

#if !defined(_WIN32)
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <cstdlib>

#if defined(__APPLE__)
#include <dlfcn.h>
#endif

// glibc 2.34 gave these functions a new symbol version, which the linker prefers but older versions
// of glibc do not have. Binding to the oldest version keeps the binary compatible with them.
#if defined(__GLIBC__) && defined(__x86_64__)
#define BATCHNORM_OLDEST_GLIBC "GLIBC_2.2.5"
#elif defined(__GLIBC__) && defined(__aarch64__)
#define BATCHNORM_OLDEST_GLIBC "GLIBC_2.17"
#endif
#if defined(BATCHNORM_OLDEST_GLIBC)
__asm__(".symver pthread_create, pthread_create@" BATCHNORM_OLDEST_GLIBC);
__asm__(".symver pthread_sigmask, pthread_sigmask@" BATCHNORM_OLDEST_GLIBC);
__asm__(".symver pthread_attr_setstacksize, pthread_attr_setstacksize@" BATCHNORM_OLDEST_GLIBC);
#endif

#if defined(__linux__)
// glibc has only the first, musl only the second. Weak, so that one binary runs with both.
extern "C" {
__attribute__((weak)) int __register_atfork(void (*)(), void (*)(), void (*)(), void*);
__attribute__((weak)) int pthread_atfork(void (*)(), void (*)(), void (*)()) noexcept;
}
#endif

namespace batchnorm {

void Mutex::lock() { pthread_mutex_lock(&mutex_); }
void Mutex::unlock() { pthread_mutex_unlock(&mutex_); }

bool Condition::wait(Mutex& mutex) {
  pthread_cond_wait(&condition_, &mutex.mutex_);
  return true;
}
void Condition::wake_one() { pthread_cond_signal(&condition_); }
void Condition::wake_all() { pthread_cond_broadcast(&condition_); }

namespace {

struct Start {
  void (*body)(size_t);
  size_t argument;
};

void* run(void* argument) {
  const Start start = *static_cast<Start*>(argument);
  std::free(argument);
  start.body(start.argument);
  return nullptr;
}

}  // namespace

bool start_thread(void (*body)(size_t), size_t argument, size_t stack_bytes) {
  void* memory = fails_here() ? nullptr : std::malloc(sizeof(Start));
  Start* start = static_cast<Start*>(memory);
  if (start == nullptr) return false;
  *start = {body, argument};
  // Node's threads handle the signals; ours inherit a mask that blocks all of them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread;
  const bool started = !fails_here() && pthread_create(&thread, &attributes, run, start) == 0;
  if (!started) std::free(start);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

#if defined(__APPLE__)
uintptr_t current_thread() { return reinterpret_cast<uintptr_t>(pthread_self()); }
#else
uintptr_t current_thread() { return static_cast<uintptr_t>(pthread_self()); }
#endif

long long nanoseconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void yield_thread() { sched_yield(); }

void sleep_nanoseconds(long long duration) {
  timespec time = {};
  time.tv_sec = static_cast<time_t>(duration / 1000000000ll);
  time.tv_nsec = static_cast<long>(duration % 1000000000ll);
  nanosleep(&time, nullptr);
}

void after_fork(void (*handler)()) {
#if defined(__linux__)
  // The handler is never removed, since the library stays loaded, so no library handle is needed.
  if (__register_atfork != nullptr) {
    __register_atfork(nullptr, nullptr, handler, nullptr);
  } else if (pthread_atfork != nullptr) {
    pthread_atfork(nullptr, nullptr, handler);
  }
#else
  pthread_atfork(nullptr, nullptr, handler);
#endif
}

void keep_library() {
#if defined(__APPLE__)
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&keep_library), &info) != 0) {
    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
  }
#endif
  // On Linux, the linker flag -z nodelete has this effect.
}

}  // namespace batchnorm

#endif
