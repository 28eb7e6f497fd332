// Included last, this header makes g++ optimize the rest of the file for size: for code that takes
// little of the time.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")
#endif
