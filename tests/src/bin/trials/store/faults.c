/* Disk faults for one directory, preloaded into the program under test (security.md section 18).
 *
 * TG_FAULT_DIR=DIR      only files below DIR are touched
 * TG_SYNCED=1           after each successful sync the file is copied to FILE.synced: what a power cut leaves
 * TG_FULL_AT=N          the N-th write fails with ENOSPC
 * TG_FULL_WHILE=FILE    every write fails with ENOSPC while FILE is there
 * TG_SYNC_FAILS_AT=N    the N-th sync fails with EIO
 * TG_HIT=FILE           is made when one of these struck
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, off_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static const char *dir, *full_while, *hit;
static int synced;
static long full_at, sync_fails_at, writes, syncs;

static long number(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : 0;
}

__attribute__((constructor)) static void begin(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
  real_fallocate = dlsym(RTLD_NEXT, "posix_fallocate");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  dir = getenv("TG_FAULT_DIR");
  full_while = getenv("TG_FULL_WHILE");
  hit = getenv("TG_HIT");
  synced = number("TG_SYNCED") != 0;
  full_at = number("TG_FULL_AT");
  sync_fails_at = number("TG_SYNC_FAILS_AT");
}

/* The path of a descriptor, if it is a regular file below the directory. */
static int ours(int fd, char path[PATH_MAX]) {
  char link[64];
  struct stat about;
  if (!dir || fd <= 2) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (strncmp(path, dir, strlen(dir)) != 0) return 0;
  return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

static void strike(void) {
  if (hit) close(open(hit, O_CREAT | O_WRONLY, 0600));
}

static int is_full(int fd) {
  char path[PATH_MAX];
  int saved = errno;
  int full = 0;
  if (dir && (full_at || full_while) && ours(fd, path)) {
    long now = __atomic_add_fetch(&writes, 1, __ATOMIC_SEQ_CST);
    full = (full_at && now == full_at) || (full_while && access(full_while, F_OK) == 0);
    if (full) strike();
  }
  errno = full ? ENOSPC : saved;
  return full;
}

/* Copies the file under a temporary name, then gives it its own in one step. */
static void keep(const char *path) {
  char temporary[PATH_MAX + 16], name[PATH_MAX + 16], buffer[65536];
  size_t length = strlen(path);
  if (length > 7 && strcmp(path + length - 7, ".synced") == 0) return;
  snprintf(temporary, sizeof temporary, "%s.syncing", path);
  snprintf(name, sizeof name, "%s.synced", path);
  int from = open(path, O_RDONLY);
  int to = open(temporary, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  ssize_t count = -1;
  if (from >= 0 && to >= 0)
    while ((count = read(from, buffer, sizeof buffer)) > 0)
      if (real_write(to, buffer, (size_t)count) != count) break;
  if (from >= 0) close(from);
  if (to >= 0) close(to);
  if (count == 0) rename(temporary, name);
}

static int sync_with(int (*real)(int), int fd) {
  char path[PATH_MAX];
  if (!dir || !ours(fd, path)) return real(fd);
  if (sync_fails_at && __atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST) == sync_fails_at) {
    strike();
    errno = EIO;
    return -1;
  }
  int result = real(fd);
  if (result == 0 && synced) keep(path);
  return result;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  return is_full(fd) ? -1 : real_write(fd, bytes, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  return is_full(fd) ? -1 : real_pwrite(fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
  return is_full(fd) ? -1 : real_pwrite(fd, bytes, count, at);
}
int ftruncate(int fd, off_t length) { return is_full(fd) ? -1 : real_ftruncate(fd, length); }
int ftruncate64(int fd, off_t length) { return is_full(fd) ? -1 : real_ftruncate(fd, length); }
int posix_fallocate(int fd, off_t at, off_t length) {
  return is_full(fd) ? ENOSPC : real_fallocate(fd, at, length);
}
int fsync(int fd) { return sync_with(real_fsync, fd); }
int fdatasync(int fd) { return sync_with(real_fdatasync, fd); }
