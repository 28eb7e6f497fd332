// The functions of Node-API are in the program that loads the addon, which need not be called
// node.exe: Electron, a single executable application, a renamed copy. The addon's imports are
// therefore looked up at their first use, and this hook then answers "node.exe" with that program.
#if defined(_WIN32)
#include <windows.h>

#include <delayimp.h>

#include <cstring>

namespace {

FARPROC WINAPI find_program(unsigned event, DelayLoadInfo* info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  HMODULE program = GetModuleHandleW(L"libnode.dll");  // Node as a shared library
  if (program == nullptr) program = GetModuleHandleW(nullptr);
  return reinterpret_cast<FARPROC>(program);
}

}  // namespace

// Constant for Visual C++, variable for MinGW; C by its declaration.
decltype(__pfnDliNotifyHook2) __pfnDliNotifyHook2 = find_program;
#endif
