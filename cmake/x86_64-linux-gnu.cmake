# Compiles for x64 Linux with Debian's toolchain, on x64 or arm64. The compiler is fixed, so that the
# developer's CC and CXX do not affect the published binary.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER x86_64-linux-gnu-g++)
