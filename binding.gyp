# Sources and flags stand in native/build.json, which CMakeLists.txt reads too.
{
  "variables": {
    "warnings_are_errors%": "<!(node -p \"process.env.BATCHNORM_WERROR === '1' ? 1 : 0\")"
  },
  "targets": [
    {
      "target_name": "batchnorm",
      "sources": [
        "<!@(node -p \"const b = require('./native/build.json'); [...b.sources, ...b.bindingSources].join(' ')\")"
      ],
      "include_dirs": ["native"],
      "defines": ["<!@(node -p \"require('./native/build.json').defines.join(' ')\")"],
      # As a system header, where our warnings do not apply.
      "cflags": ["-isystem", "<!(node -p \"require('path').resolve(require('node-addon-api').include_dir)\")"],
      # node-gyp's own settings name a later standard and another set of warnings.
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-std=gnu++23"],
      "cflags_cc": ["<!@(node -p \"require('./native/build.json').compilerFlags.join(' ')\")"],
      "conditions": [
        ["warnings_are_errors == 1", { "cflags_cc": ["-Werror"] }],
        ["OS == 'linux'", {
          "ldflags": [
            "<!@(node -p \"require('./native/build.json').linuxLinkerFlags.join(' ')\")",
            "-Wl,--version-script=<(module_root_dir)/<!(node -p \"require('./native/build.json').linuxExports\")"
          ]
        }],
        ["OS == 'linux' and target_arch == 'arm64'", {
          "cflags_cc": ["<!@(node -p \"require('./native/build.json').linuxArm64CompilerFlags.join(' ')\")"]
        }],
        ["OS == 'win'", {
          "defines": ["<!@(node -p \"require('./native/build.json').windowsDefines.join(' ')\")"]
        }],
        ["OS == 'mac'", {
          "xcode_settings": {
            "OTHER_CPLUSPLUSFLAGS": ["<!@(node -p \"require('./native/build.json').compilerFlags.join(' ')\")"]
          }
        }]
      ]
    }
  ]
}
