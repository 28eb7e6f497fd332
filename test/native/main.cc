#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "system/thread_pool.h"

int main(int argc, char** argv) {
  // So that shapes which take no time are shared among threads, too.
  batchnorm::set_elements_per_thread(4 * 1024);
  return doctest::Context(argc, argv).run();
}
