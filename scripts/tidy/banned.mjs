// Calls that the design forbids, each with what to use instead. Looked for in code only: comments
// and strings are blanked first.

const never = /$^/;
const native = /^native\/.*\.(cc|h)$/;
const lib = /^lib\/.*\.ts$/;
const tests = String.raw`_(test|fuzz|bench)\.cc$|^native/base/testing`;
const testsOr = (path) => new RegExp(`${tests}|${path}`);

/** A call of one of these C functions: not a member, not in a namespace other than std. */
const calls = (names) =>
  new RegExp(String.raw`(?<![\w.>:]|\w::)(?:std::|::)?(?:${names.split(/\s+/).join('|')})\s*\(`);
/** One of these names of namespace std. */
const std = (names) => new RegExp(String.raw`\bstd::(?:${names.split(/\s+/).join('|')})\b`);

/** `where`: paths the rule is for. `except`: paths that may. */
export const banned = [
  {
    where: native,
    except: testsOr('^native/(base|io|binding)/'),
    call: std('(?:recursive_|timed_)?mutex lock_guard unique_lock scoped_lock shared_lock'),
    instead: 'strongroom::Mutex and MutexLock (base/sync.h): a simulated run must see every wait',
  },
  {
    where: native,
    except: testsOr('^$'),
    call: std(String.raw`condition_variable\w* shared_mutex call_once once_flag latch barrier`),
    instead: 'base/sync.h, or a function-local static for once: these break the glibc floor',
  },
  {
    where: native,
    except: testsOr('^native/(io|binding|index/leveldb)/'),
    call: std('thread jthread async this_thread'),
    instead: 'io::Env::StartThread or io::TaskQueue: a simulated run decides who runs',
  },
  {
    where: native,
    except: testsOr('^native/(io/|base/secret_bytes)'),
    call: calls(
      `open openat creat mmap munmap pread pwrite preadv2? pwritev2? fsync fdatasync
      unlink unlinkat rename renameat mkdir rmdir flock fcntl ftruncate fallocate posix_fallocate
      statx opendir readdir pthread_create`,
    ),
    instead: 'io::Env and io::File: io is the only door to the operating system',
  },
  {
    where: native,
    except: testsOr('^$'),
    call: /\b(fopen|freopen|tmpfile)\s*\(|\bstd::(i|o)?fstream\b|\bstd::filesystem\b/,
    instead: 'io::Env and io::File: io is the only door to the operating system',
  },
  {
    where: native,
    except: testsOr('^native/io/'),
    call: calls('stat fstat lstat fstatat'),
    instead: 'io::Env::Stat or File::Info: io is the only door to the operating system',
  },
  {
    where: native,
    except: testsOr('^native/io/'),
    call: calls(String.raw`rand srand random rand_r arc4random\w* getrandom getentropy RAND_bytes`),
    instead: 'io::Env::Random',
  },
  {
    where: native,
    except: testsOr('^native/io/'),
    call: std(String.raw`random_device mt19937\w* minstd_rand\w*`),
    instead: 'io::Env::Random',
  },
  {
    where: native,
    except: testsOr('^native/(io/|base/sync)'),
    call: calls('time clock clock_gettime gettimeofday usleep nanosleep sleep'),
    instead: 'the clocks of io::Env',
  },
  {
    where: native,
    except: testsOr('^native/io/'),
    call: /\bstd::chrono::\w+_clock\b/,
    instead: 'the clocks of io::Env',
  },
  {
    where: native,
    except: testsOr('^$'),
    call: calls('getenv secure_getenv'),
    instead: 'an option that comes in as an argument: an environment variable is an open door',
  },
  {
    where: native,
    except: testsOr('^native/binding/'),
    call: /\bthrow\b|\btry\s*\{|\bcatch\s*\(|\bstd::sto(i|l|ll|ul|ull|f|d)\b|\.at\(/,
    instead: 'Status or Result (base/status.h): the core has no exceptions',
  },
  {
    where: native,
    except: never,
    call: calls('sprintf vsprintf strcpy strcat gets alloca'),
    instead: 'snprintf, spans and std::string: these do not know where the buffer ends',
  },
  {
    where: native,
    except: testsOr('^$'),
    call: calls('assert'),
    instead: 'CHECK for our own invariants, a Status for bytes from outside',
  },
  {
    where: native,
    except: testsOr('^native/base/check'),
    call: calls('f?printf vf?printf f?puts'),
    instead: 'an event or a Status: a library does not print',
  },
  {
    where: native,
    except: testsOr('^$'),
    call: std('cout cerr clog'),
    instead: 'an event or a Status: a library does not print',
  },
  {
    where: lib,
    except: never,
    call: /\bMath\.random\s*\(/,
    instead: 'randomBytes or randomInt of node:crypto',
  },
  {
    where: lib,
    except: never,
    call: /(?<![\w.])RegExp\s*\(/,
    instead: 'a linear matcher: text from a caller compiled to a RegExp can freeze the process',
  },
  {
    where: lib,
    except: never,
    call: /\bReadable\.toWeb\s*\(/,
    instead: 'a ReadableStream of bytes with pull(): toWeb costs 16 times as much per chunk',
  },
  {
    where: /^lib\/(access|versioning|retention|lifecycle\/(plan|rules))\b/,
    except: never,
    call: /\bDate\.now\s*\(|\bnew Date\s*\(\s*\)|\bperformance\.now\s*\(/,
    instead: 'an argument: deciders are pure, time comes in',
  },
  {
    where: lib,
    except: /^lib\/cli\//,
    call: /\bconsole\.\w+\s*\(|\bprocess\.(exit|abort)\s*\(|\bprocess\.std(out|err)\b/,
    instead: 'the logger, an event or a StoreError: a library neither prints nor exits',
  },
  {
    where: lib,
    except: never,
    call: /^export default\b/m,
    instead: 'a named export',
  },
  {
    where: lib,
    except: never,
    call: /^(?:(?:export )?(?:const|let|var)\s[^=\n]*=\s*)?await\b/m,
    instead: 'an async function: top-level await forbids require() of the package',
  },
  {
    where: /^(lib|test|bench|examples)\/.*\.ts$/,
    except: never,
    call: /\b(enum|namespace)\s+\w+\s*\{/,
    instead: 'a const object or a module: only erasable syntax runs without a compiler',
  },
];
