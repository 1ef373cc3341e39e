{
  "variables": {
    "strongroom_defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
    "strongroom_warnings": ["-Wall", "-Wextra"],
    "strongroom_core_sources": [
      "native/aead/available.cc",
      "native/aead/chunk.cc",
      "native/aead/contexts.cc",
      "native/aead/gcm.cc",
      "native/aead/hkdf.cc",
      "native/aead/xaes.cc",
      "native/base/floor.cc",
      "native/base/secret_bytes.cc",
      "native/base/status.cc",
      "native/base/sync.cc",
      "native/cpu/cpu.cc",
      "native/erasure/reed_solomon.cc",
      "native/erasure/rs_dispatch.cc",
      "native/erasure/rs_scalar.cc",
      "native/format/segment.cc",
      "native/format/superblock.cc",
      "native/hash/crc64.cc",
      "native/hash/crc64_table.cc",
      "native/hash/sha256.cc",
      "native/hash/xxh64.cc",
      "native/index/background.cc",
      "native/index/failures.cc",
      "native/index/leveldb_index.cc",
      "native/index/manifest.cc",
      "native/index/overlay_env.cc",
      "native/index/scan.cc",
      "native/index/sealed_env.cc",
      "native/index/sealed_file.cc",
      "native/io/posix_env.cc",
      "native/io/posix_file.cc",
      "native/io/task_queue.cc"
    ],
    "strongroom_addon_sources": [
      "native/binding/addon.cc"
    ],
    "strongroom_test_sources": [
      "native/base/testing_main.cc",
      "native/aead/chunk_test.cc",
      "native/aead/contexts_test.cc",
      "native/aead/gcm_test.cc",
      "native/aead/hkdf_test.cc",
      "native/aead/xaes_test.cc",
      "native/base/base_test.cc",
      "native/erasure/isal_test.cc",
      "native/erasure/reed_solomon_test.cc",
      "native/erasure/rs_kernels_test.cc",
      "native/hash/crc64_test.cc",
      "native/hash/isal_test.cc",
      "native/hash/sha256_test.cc",
      "native/hash/xxh64_test.cc",
      "native/index/index_test.cc",
      "native/index/scan_test.cc",
      "native/io/env_test.cc",
      "native/io/posix_env_test.cc",
      "native/io/task_queue_test.cc"
    ],
    "strongroom_vectors_sources": [
      "native/aead/vectors_foreign_test.cc",
      "native/aead/vectors_main_test.cc"
    ],
    "strongroom_bench_sources": [
      "native/erasure/rs_bench.cc",
      "native/hash/checksums_bench.cc"
    ],
    "strongroom_ssse3_sources": [
      "native/erasure/rs_ssse3.cc",
      "native/hash/crc64_pclmul.cc"
    ],
    "strongroom_ssse3_flags": ["-mssse3", "-mpclmul", "-msse4.1"],
    "strongroom_avx2_sources": [
      "native/erasure/rs_avx2.cc"
    ],
    "strongroom_avx2_flags": ["-mavx2"],
    "strongroom_vpclmul256_sources": [
      "native/hash/crc64_vpclmul256.cc"
    ],
    "strongroom_vpclmul256_flags": ["-mavx2", "-mpclmul", "-mvpclmulqdq"],
    "strongroom_gfni256_sources": [
      "native/erasure/rs_gfni256.cc"
    ],
    "strongroom_gfni256_flags": ["-mavx2", "-mgfni"],
    "strongroom_avx512_sources": [
      "native/erasure/rs_gfni512.cc",
      "native/hash/crc64_avx512.cc"
    ],
    "strongroom_avx512_flags": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mvpclmulqdq", "-mpclmul", "-mgfni"],
    "strongroom_neon_sources": [
      "native/erasure/rs_neon.cc",
      "native/hash/crc64_pmull.cc"
    ],
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
