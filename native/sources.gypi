{
  "variables": {
    "strongroom_defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
    "strongroom_warnings": ["-Wall", "-Wextra"],
    "strongroom_core_sources": [
      "native/base/floor.cc",
      "native/base/secret_bytes.cc",
      "native/base/status.cc",
      "native/base/sync.cc"
    ],
    "strongroom_addon_sources": [
      "native/binding/addon.cc"
    ],
    "strongroom_test_sources": [
      "native/base/testing_main.cc",
      "native/base/base_test.cc"
    ],
    "strongroom_ssse3_sources": [],
    "strongroom_ssse3_flags": ["-mssse3", "-mpclmul", "-msse4.1"],
    "strongroom_avx2_sources": [],
    "strongroom_avx2_flags": ["-mavx2"],
    "strongroom_gfni256_sources": [],
    "strongroom_gfni256_flags": ["-mavx2", "-mgfni"],
    "strongroom_avx512_sources": [],
    "strongroom_avx512_flags": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mvpclmulqdq", "-mpclmul", "-mgfni"],
    "strongroom_neon_sources": [],
    "strongroom_neon_flags": ["-march=armv8-a+crypto"],
    "strongroom_leveldb_sources": [
      "out/vendor/leveldb/db/builder.cc",
      "out/vendor/leveldb/db/db_impl.cc",
      "out/vendor/leveldb/db/db_iter.cc",
      "out/vendor/leveldb/db/dbformat.cc",
      "out/vendor/leveldb/db/filename.cc",
      "out/vendor/leveldb/db/log_reader.cc",
      "out/vendor/leveldb/db/log_writer.cc",
      "out/vendor/leveldb/db/memtable.cc",
      "out/vendor/leveldb/db/repair.cc",
      "out/vendor/leveldb/db/table_cache.cc",
      "out/vendor/leveldb/db/version_edit.cc",
      "out/vendor/leveldb/db/version_set.cc",
      "out/vendor/leveldb/db/write_batch.cc",
      "out/vendor/leveldb/table/block.cc",
      "out/vendor/leveldb/table/block_builder.cc",
      "out/vendor/leveldb/table/filter_block.cc",
      "out/vendor/leveldb/table/format.cc",
      "out/vendor/leveldb/table/iterator.cc",
      "out/vendor/leveldb/table/merger.cc",
      "out/vendor/leveldb/table/table.cc",
      "out/vendor/leveldb/table/table_builder.cc",
      "out/vendor/leveldb/table/two_level_iterator.cc",
      "out/vendor/leveldb/util/arena.cc",
      "out/vendor/leveldb/util/bloom.cc",
      "out/vendor/leveldb/util/cache.cc",
      "out/vendor/leveldb/util/coding.cc",
      "out/vendor/leveldb/util/comparator.cc",
      "out/vendor/leveldb/util/crc32c.cc",
      "out/vendor/leveldb/util/env.cc",
      "out/vendor/leveldb/util/filter_policy.cc",
      "out/vendor/leveldb/util/hash.cc",
      "out/vendor/leveldb/util/logging.cc",
      "out/vendor/leveldb/util/options.cc",
      "out/vendor/leveldb/util/status.cc"
    ],
    "strongroom_leveldb_defines": ["LEVELDB_PLATFORM_CHROMIUM"],
    "strongroom_leveldb_include": ["native/index/leveldb", "out/vendor/leveldb", "out/vendor/leveldb/include"]
  }
}
