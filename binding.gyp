{
  'includes': ['native/sources.gypi'],
  'variables': {
    'strongroom_tests%': 0,
    'strongroom_libcrypto%': '',
    'strongroom_precompiled%': '',
    'strongroom_libraries': [
      'strongroom_core', 'strongroom_leveldb', 'strongroom_ssse3', 'strongroom_avx2',
      'strongroom_vpclmul256', 'strongroom_gfni256', 'strongroom_avx512', 'strongroom_neon'
    ]
  },
  'target_defaults': {
    'defines': ['<@(strongroom_defines)'],
    'cflags': ['-fvisibility=hidden', '-O3', '-fno-exceptions'],
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': ['-std=c++20', '-fvisibility-inlines-hidden'],
    'include_dirs': ['native', '<@(strongroom_leveldb_include)'],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++20', 'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES', 'MACOSX_DEPLOYMENT_TARGET': '12.0'
    },
    'msvs_settings': {
      'VCCLCompilerTool': { 'ExceptionHandling': 1, 'AdditionalOptions': ['/std:c++20'] }
    }
  },
  'targets': [
    {
      'target_name': 'strongroom_leveldb', 'type': 'static_library', 'cflags': ['-w'],
      'sources': ['<@(strongroom_leveldb_sources)'],
      'defines': ['<@(strongroom_leveldb_defines)']
    },
    # One static library per instruction set is how gyp gives a file its own flags.
    { 'target_name': 'strongroom_ssse3', 'type': 'none', 'conditions': [['target_arch=="x64"', {
      'type': 'static_library', 'sources': ['<@(strongroom_ssse3_sources)'],
      'cflags': ['<@(strongroom_ssse3_flags)'],
      'xcode_settings': { 'OTHER_CFLAGS': ['<@(strongroom_ssse3_flags)'] } }]] },
    { 'target_name': 'strongroom_avx2', 'type': 'none', 'conditions': [['target_arch=="x64"', {
      'type': 'static_library', 'sources': ['<@(strongroom_avx2_sources)'],
      'cflags': ['<@(strongroom_avx2_flags)'],
      'xcode_settings': { 'OTHER_CFLAGS': ['<@(strongroom_avx2_flags)'] } }]] },
    { 'target_name': 'strongroom_vpclmul256', 'type': 'none',
      'conditions': [['target_arch=="x64"', {
      'type': 'static_library', 'sources': ['<@(strongroom_vpclmul256_sources)'],
      'cflags': ['<@(strongroom_vpclmul256_flags)'],
      'xcode_settings': { 'OTHER_CFLAGS': ['<@(strongroom_vpclmul256_flags)'] } }]] },
    { 'target_name': 'strongroom_gfni256', 'type': 'none', 'conditions': [['target_arch=="x64"', {
      'type': 'static_library', 'sources': ['<@(strongroom_gfni256_sources)'],
      'cflags': ['<@(strongroom_gfni256_flags)'],
      'xcode_settings': { 'OTHER_CFLAGS': ['<@(strongroom_gfni256_flags)'] } }]] },
    { 'target_name': 'strongroom_avx512', 'type': 'none', 'conditions': [['target_arch=="x64"', {
      'type': 'static_library', 'sources': ['<@(strongroom_avx512_sources)'],
      'cflags': ['<@(strongroom_avx512_flags)'],
      'xcode_settings': { 'OTHER_CFLAGS': ['<@(strongroom_avx512_flags)'] } }]] },
    { 'target_name': 'strongroom_neon', 'type': 'none', 'conditions': [['target_arch=="arm64"', {
      'type': 'static_library', 'sources': ['<@(strongroom_neon_sources)'],
      'cflags': ['<@(strongroom_neon_flags)'],
      'xcode_settings': { 'OTHER_CFLAGS': ['<@(strongroom_neon_flags)'] } }]] },
    {
      'target_name': 'strongroom_core', 'type': 'static_library',
      'sources': ['<@(strongroom_core_sources)'], 'defines': ['<@(strongroom_leveldb_defines)'],
      'cflags_cc': ['<@(strongroom_warnings)'],
      'conditions': [['strongroom_precompiled!=""', {
        'cflags_cc': ['-Winvalid-pch', '-include', '<(strongroom_precompiled)/strongroom_core.h']
      }]]
    },
    {
      'target_name': 'strongroom',
      'dependencies': ['<@(strongroom_libraries)'],
      'sources': ['<@(strongroom_addon_sources)'],
      'cflags!': ['-fno-exceptions'],
      'cflags_cc!': ['-fno-exceptions'],
      'cflags_cc': ['<@(strongroom_warnings)', '-fexceptions'],
      'conditions': [['strongroom_precompiled!=""', {
        'cflags_cc': ['-Winvalid-pch', '-include', '<(strongroom_precompiled)/strongroom.h']
      }], ['OS=="linux"', {
        # A thread stuck in a dead disk outlives the worker that loaded the addon: its code stays.
        'ldflags': [
          '-Wl,-z,nodelete', '-Wl,--gc-sections', '-Wl,--exclude-libs,ALL', '-Wl,-z,relro,-z,now',
          '-Wl,--version-script=<(module_root_dir)/native/exports.map'
        ]
      }]]
    }
  ],
  # scripts/addon.mjs asks for the C++ tests; they link the very objects that ship.
  'conditions': [['strongroom_tests==1', {
    'targets': [
      {
        'target_name': 'strongroom_simulator', 'type': 'static_library',
        'sources': ['<@(strongroom_simulator_sources)'],
        'cflags_cc': ['<@(strongroom_warnings)', '<@(strongroom_simulator_flags)'],
        'conditions': [['strongroom_precompiled!=""', { 'cflags_cc': [
          '-Winvalid-pch', '-include', '<(strongroom_precompiled)/strongroom_simulator.h'
        ] }]]
      },
      {
        'target_name': 'strongroom_test', 'type': 'executable',
        'dependencies': ['strongroom_simulator', '<@(strongroom_libraries)'],
        'sources': ['<@(strongroom_test_sources)', '<@(strongroom_fuzz_sources)'],
        'defines': ['<@(strongroom_leveldb_defines)'],
        'cflags!': ['-fno-exceptions'],
        'cflags_cc': ['<@(strongroom_warnings)', '<@(strongroom_test_flags)'],
        'conditions': [['strongroom_precompiled!=""', {
          'cflags_cc': ['-Winvalid-pch', '-include', '<(strongroom_precompiled)/strongroom_test.h']
        }]],
        'libraries': ['-lpthread', '-ldl', '-Wl,--no-as-needed', '<(strongroom_libcrypto)']
      },
      {
        'target_name': 'strongroom_sim', 'type': 'executable',
        'dependencies': ['strongroom_simulator', '<@(strongroom_libraries)'],
        'sources': ['<@(strongroom_sim_sources)'],
        'cflags!': ['-fno-exceptions'],
        'cflags_cc': ['<@(strongroom_warnings)', '<@(strongroom_test_flags)'],
        'libraries': ['-lpthread', '-ldl', '-Wl,--no-as-needed', '<(strongroom_libcrypto)']
      },
      {
        'target_name': 'strongroom_tamper', 'type': 'executable',
        'dependencies': ['strongroom_simulator', '<@(strongroom_libraries)'],
        'sources': ['<@(strongroom_tamper_sources)'],
        'cflags!': ['-fno-exceptions'],
        'cflags_cc': ['<@(strongroom_warnings)', '<@(strongroom_test_flags)'],
        'libraries': ['-lpthread', '-ldl', '-Wl,--no-as-needed', '<(strongroom_libcrypto)']
      },
      {
        'target_name': 'strongroom_vectors', 'type': 'executable',
        'dependencies': ['<@(strongroom_libraries)'],
        'sources': ['<@(strongroom_vectors_sources)'],
        'cflags!': ['-fno-exceptions'],
        'cflags_cc': ['<@(strongroom_warnings)', '<@(strongroom_test_flags)'],
        'libraries': ['-lpthread', '-ldl', '-Wl,--no-as-needed', '<(strongroom_libcrypto)']
      }
    ]
  }]]
}
