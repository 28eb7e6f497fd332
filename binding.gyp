# Builds the addon with node-gyp. Sources and flags are in native/build.json, which CMakeLists.txt reads,
# too.
{
  "variables": {
    "warnings_are_errors%": "<!(node -p \"process.env.BATCHNORM_WERROR === '1' ? 1 : 0\")",
    "compiler_flags": ["<!@(node -p \"require('./native/build.json').compilerFlags.join(' ')\")"],
    "kernel_flags": ["<!@(node -p \"require('./native/build.json').kernelFlags.join(' ')\")"],
    "signature_sources": ["<!@(node -p \"require('./native/build.json').signatureSources.join(' ')\")"],
    "binding_flags": ["<!@(node -p \"require('./native/build.json').bindingFlags.join(' ')\")"]
  },
  "target_defaults": {
    "include_dirs": ["native"],
    # Removes the C++ standard of node-gyp's default settings, so that native/build.json decides.
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-std=gnu++23"],
    "cflags_cc": ["<@(compiler_flags)"],
    "conditions": [
      ["warnings_are_errors == 1", { "cflags_cc": ["-Werror"] }],
      ["OS == 'linux' and target_arch == 'arm64'", {
        "cflags_cc": ["<!@(node -p \"require('./native/build.json').linuxArm64CompilerFlags.join(' ')\")"]
      }],
      ["OS == 'win'", {
        "defines": ["<!@(node -p \"require('./native/build.json').windowsDefines.join(' ')\")"]
      }]
    ]
  },
  "targets": [
    {
      "target_name": "kernels",
      "type": "static_library",
      "sources": ["<!@(node -p \"require('./native/build.json').sources.join(' ')\")"],
      "cflags_cc": ["<@(kernel_flags)"],
      "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["<@(compiler_flags)", "<@(kernel_flags)"] }
    },
    {
      "target_name": "batchnorm",
      "dependencies": ["kernels"],
      "sources": ["<!@(node -p \"require('./native/build.json').bindingSources.join(' ')\")"],
      "include_dirs": ["<(INTERMEDIATE_DIR)"],
      "actions": [{
        "action_name": "signatures",
        "inputs": ["<@(signature_sources)"],
        "outputs": ["<(INTERMEDIATE_DIR)/binding/signatures.h"],
        "action": ["node", "native/binding/generate-signatures.mjs", "<@(_outputs)"]
      }],
      "defines": ["<!@(node -p \"require('./native/build.json').defines.join(' ')\")"],
      # Included as a system header, for which the compiler reports no warnings.
      "cflags": ["-isystem", "<!(node -p \"require('path').resolve(require('node-addon-api').include_dir)\")"],
      "cflags_cc": ["<@(binding_flags)"],
      "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["<@(compiler_flags)", "<@(binding_flags)"] },
      "conditions": [
        ["OS != 'linux'", {
          "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"]
        }],
        ["OS == 'linux'", {
          "ldflags": [
            "<!@(node -p \"require('./native/build.json').linuxLinkerFlags.join(' ')\")",
            "-Wl,--version-script=<(module_root_dir)/<!(node -p \"require('./native/build.json').linuxExports\")"
          ]
        }]
      ]
    }
  ]
}
