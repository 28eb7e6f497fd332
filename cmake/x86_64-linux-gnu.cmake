# Compiles for x64 Linux, on x64 or across from arm64 with Debian's toolchain. The compiler is named, so
# that CC and CXX of a developer do not decide what is shipped.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER x86_64-linux-gnu-g++)
