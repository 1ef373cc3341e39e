// A file system of two files, under a loop device: what is written to `disk` is written on to an
// image, and every request is noted in the order in which it came.
//   recorder IMAGE RECORDING -f -s MOUNTPOINT
//
//   recording = entry*
//   entry     = kind u8 ‖ offset u64 ‖ size u32 ‖ bytes[size]     integers are little-endian
//   kind      = 'W' written ‖ 'F' flushed, what came before is durable (offset and size 0)
//             | 'M' somebody wrote these bytes to `mark` (offset 0)
//
// One thread (-s): an entry is noted before its request is answered, so a mark that somebody wrote
// after an acknowledgement stands behind all that was acknowledged. Discards are refused: the loop
// device then sends none.
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int image, recording;
static off_t image_size;

// A recording with a gap would call a sound store lost: better none at all.
static void note(char kind, uint64_t offset, const char* bytes, uint32_t size) {
  char head[13] = {kind};
  for (int i = 0; i < 8; i++) head[1 + i] = (char)(offset >> 8 * i);
  for (int i = 0; i < 4; i++) head[9 + i] = (char)(size >> 8 * i);
  struct iovec parts[2] = {{head, sizeof head}, {(void*)bytes, size}};
  if (writev(recording, parts, 2) != (ssize_t)(sizeof head + size)) abort();
}

static int is_disk(const char* path) { return strcmp(path, "/disk") == 0; }
static int is_mark(const char* path) { return strcmp(path, "/mark") == 0; }

static int on_getattr(const char* path, struct stat* st, struct fuse_file_info* file) {
  (void)file;
  memset(st, 0, sizeof *st);
  st->st_nlink = 1;
  st->st_mode = S_IFREG | 0600;
  if (strcmp(path, "/") == 0) {
    st->st_mode = S_IFDIR | 0700;
  } else if (is_disk(path)) {
    st->st_size = image_size;
  } else if (!is_mark(path)) {
    return -ENOENT;
  }
  return 0;
}

static int on_readdir(const char* path, void* out, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info* file, enum fuse_readdir_flags flags) {
  (void)path, (void)offset, (void)file, (void)flags;
  fill(out, "disk", NULL, 0, 0);
  fill(out, "mark", NULL, 0, 0);
  return 0;
}

static int on_open(const char* path, struct fuse_file_info* file) {
  if (!is_disk(path) && !is_mark(path)) return -ENOENT;
  file->direct_io = 1;  // Nothing waits in the page cache: each request comes here at once.
  return 0;
}

static int on_read(const char* path, char* out, size_t size, off_t offset,
                   struct fuse_file_info* file) {
  (void)file;
  if (!is_disk(path)) return 0;
  ssize_t got = pread(image, out, size, offset);
  return got < 0 ? -errno : (int)got;
}

static int on_write(const char* path, const char* bytes, size_t size, off_t offset,
                    struct fuse_file_info* file) {
  (void)file;
  if (is_mark(path)) {
    note('M', 0, bytes, (uint32_t)size);
    return (int)size;
  }
  if (offset + (off_t)size > image_size) return -ENOSPC;
  if (pwrite(image, bytes, size, offset) != (ssize_t)size) return -EIO;
  note('W', (uint64_t)offset, bytes, (uint32_t)size);
  return (int)size;
}

static int on_fsync(const char* path, int data_only, struct fuse_file_info* file) {
  (void)data_only, (void)file;
  if (is_disk(path)) note('F', 0, NULL, 0);
  return 0;
}

static int on_truncate(const char* path, off_t size, struct fuse_file_info* file) {
  (void)size, (void)file;
  return is_mark(path) ? 0 : -EPERM;
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  image = open(argv[1], O_RDWR | O_CLOEXEC);
  recording = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  struct stat st;
  if (image < 0 || recording < 0 || fstat(image, &st) != 0) {
    perror("recorder");
    return 2;
  }
  image_size = st.st_size;
  static const struct fuse_operations operations = {
      .getattr = on_getattr,
      .readdir = on_readdir,
      .open = on_open,
      .read = on_read,
      .write = on_write,
      .fsync = on_fsync,
      .truncate = on_truncate,
  };
  argv[2] = argv[0];
  return fuse_main(argc - 2, argv + 2, &operations, NULL);
}
