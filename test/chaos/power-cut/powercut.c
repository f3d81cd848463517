/*
 * LD_PRELOAD library that makes a power cut possible: it keeps a journal of what a process does to the files
 * below one directory, with what is needed to undo it, and of what it has synced.
 *
 *   POWERCUT_DIR      the directory that is watched, absolute
 *   POWERCUT_JOURNAL  a directory on the same file system: `journal`, and `kept/<inode>` for what was removed
 *   POWERCUT_SYNC_US  every sync takes so much longer, so that a kill falls into one more often (default 0)
 *
 * A record is written before the call it tells of, under one lock with it, so that the journal is in the
 * order of the calls and is complete after a SIGKILL at any moment. Nothing that had a name is really
 * removed before the cut is enacted, so that an inode number means one file for the whole time.
 *
 * Files whose name ends in -shm are left out: they are mapped, and worthless after a power cut.
 * Layout of a record, little-endian: `struct record`, then `first` and `second` bytes (journal.ts reads it).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
  WRITE = 1,    /* inode, offset, size before; first = bytes before, second = bytes written */
  TRUNCATE = 2, /* inode, offset = new size, size before; first = bytes cut off */
  SYNC = 3,     /* inode of a file or directory, offset = the journal up to here is durable for it */
  CREATE = 4,   /* inode of the directory, other = of the file; first = name */
  MKDIR = 5,    /* likewise */
  REMOVE = 6,   /* likewise; the file is kept */
  RENAME = 7,   /* inode and other = directories; offset = inode moved, size = inode replaced or 0; names */
  RMDIR = 8,    /* inode of the directory, other = of the directory in it; first = name; it is kept */
};

struct record {
  uint32_t kind, first, second, reserved;
  uint64_t inode, offset, size, other;
};

#define FDS_MAX 65536

/* What was found out about an open file; `known` is cleared when its number is opened anew. */
struct slot {
  dev_t device;
  ino_t inode;
  char known, watched;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot slots[FDS_MAX];
static char root[PATH_MAX], kept[PATH_MAX];
static size_t root_size;
static int journal = -1;
static uint64_t journal_size;
static useconds_t sync_us;

static int (*real_open64)(const char *, int, ...);
static int (*real_openat64)(int, const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev64)(int, const struct iovec *, int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate64)(int, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_rmdir)(const char *);

static void die(const char *what) {
  dprintf(2, "powercut: cannot %s: %s\n", what, strerror(errno));
  abort();
}

static void *find(const char *name) {
  void *symbol = dlsym(RTLD_NEXT, name);
  if (symbol == NULL) die(name);
  return symbol;
}

static void resolve(void) {
  real_open64 = find("open64");
  real_openat64 = find("openat64");
  real_writev = find("writev");
  real_pwrite64 = find("pwrite64");
  real_pwritev64 = find("pwritev64");
  real_fsync = find("fsync");
  real_fdatasync = find("fdatasync");
  real_ftruncate64 = find("ftruncate64");
  real_rename = find("rename");
  real_unlink = find("unlink");
  real_mkdir = find("mkdir");
  real_rmdir = find("rmdir");
  real_write = find("write");
}

__attribute__((constructor)) static void start(void) {
  char path[PATH_MAX];
  struct stat status;
  const char *directory = getenv("POWERCUT_DIR"), *where = getenv("POWERCUT_JOURNAL");
  const char *slow = getenv("POWERCUT_SYNC_US");
  if (real_write == NULL) resolve();
  if (directory == NULL || where == NULL) return;
  root_size = (size_t)snprintf(root, sizeof root, "%s", directory);
  snprintf(kept, sizeof kept, "%s/kept", where);
  if (real_mkdir(kept, 0700) != 0 && errno != EEXIST) die("make the directory of what is kept");
  if (snprintf(path, sizeof path, "%s/journal", where) >= (int)sizeof path) die("name the journal");
  journal = real_open64(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (journal < 0 || fstat(journal, &status) != 0) die("open the journal");
  journal_size = (uint64_t)status.st_size;
  sync_us = slow == NULL ? 0 : (useconds_t)atoi(slow);
}

#define READY() do { if (real_write == NULL) resolve(); } while (0)

static int ends_in_shm(const char *path) {
  size_t size = strlen(path);
  return size >= 4 && strcmp(path + size - 4, "-shm") == 0;
}

static int is_inside(const char *path) {
  return journal >= 0 && strncmp(path, root, root_size) == 0 &&
         (path[root_size] == '/' || path[root_size] == '\0');
}

static int is_watched(const char *path) { return is_inside(path) && !ends_in_shm(path); }

static void append(const struct record *record, const void *first, const void *second) {
  struct iovec parts[3] = {{(void *)record, sizeof *record},
                           {(void *)first, record->first},
                           {(void *)second, record->second}};
  ssize_t size = (ssize_t)(sizeof *record + record->first + record->second);
  if (real_writev(journal, parts, 3) != size) die("write the journal");
  journal_size += (uint64_t)size;
}

/* Whether this open file is watched; `status` is filled in then. Sockets and pipes never are. */
static int find_status(int fd, struct stat *status) {
  char link[64], path[PATH_MAX];
  ssize_t size;
  struct slot *slot;
  if (journal < 0 || fd < 0 || fd >= FDS_MAX || fd == journal || fstat(fd, status) != 0) return 0;
  if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode)) return 0;
  slot = &slots[fd];
  if (!slot->known || slot->device != status->st_dev || slot->inode != status->st_ino) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, path, sizeof path - 1);
    if (size < 0) die("read the name of an open file");
    path[size] = '\0';
    slot->device = status->st_dev;
    slot->inode = status->st_ino;
    slot->watched = (char)is_watched(path);
    slot->known = 1;
  }
  return slot->watched;
}

static void forget(int fd) {
  if (fd >= 0 && fd < FDS_MAX) slots[fd].known = 0;
}

static char *read_before(int fd, off_t offset, size_t wanted, uint32_t *size) {
  char *bytes = malloc(wanted + 1);
  ssize_t got = bytes == NULL ? -1 : pread64(fd, bytes, wanted, offset);
  if (got < 0) die("read what a write replaces");
  *size = (uint32_t)got;
  return bytes;
}

static void note_write(int fd, const struct stat *status, off_t offset, const void *bytes, size_t size) {
  struct record record = {WRITE, 0, (uint32_t)size, 0, status->st_ino, (uint64_t)offset, (uint64_t)status->st_size, 0};
  char *before = read_before(fd, offset, size, &record.first);
  append(&record, before, bytes);
  free(before);
}

static void note_truncate(int fd, const struct stat *status, off_t to) {
  size_t lost = status->st_size > to ? (size_t)(status->st_size - to) : 0;
  struct record record = {TRUNCATE, 0, 0, 0, status->st_ino, (uint64_t)to, (uint64_t)status->st_size, 0};
  char *before = read_before(fd, to, lost, &record.first);
  append(&record, before, NULL);
  free(before);
}

/* The inode of the directory that holds the name; `name` is set to its last part. */
static ino_t find_parent(const char *path, const char **name) {
  char parent[PATH_MAX];
  struct stat status;
  const char *slash = strrchr(path, '/');
  snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
  if (stat(parent, &status) != 0) return 0;
  *name = slash + 1;
  return status.st_ino;
}

static void note_name(enum kind kind, const char *path, ino_t other) {
  const char *name = "";
  struct record record = {kind, 0, 0, 0, find_parent(path, &name), 0, 0, other};
  record.first = (uint32_t)strlen(name);
  append(&record, name, NULL);
}

static void name_kept(char *path, ino_t inode) {
  if (snprintf(path, PATH_MAX, "%s/%llu", kept, (unsigned long long)inode) >= PATH_MAX) die("name what is kept");
}

static void keep(const char *path, ino_t inode) {
  char link_path[PATH_MAX];
  name_kept(link_path, inode);
  if (link(path, link_path) != 0 && errno != EEXIST) die("keep a file that is removed");
}

/* ---- open ---- */

static int open_watched(const char *path, int flags, mode_t mode) {
  struct stat status;
  int existed, fd;
  pthread_mutex_lock(&lock);
  existed = stat(path, &status) == 0;
  /* What is overwritten must be readable, and what O_TRUNC cuts off too. */
  if ((flags & O_ACCMODE) == O_WRONLY) flags = (flags & ~O_ACCMODE) | O_RDWR;
  fd = real_open64(path, flags & ~O_TRUNC, mode);
  if (fd >= 0) {
    forget(fd);
    if (fstat(fd, &status) != 0) die("look at an open file");
    if (!existed) note_name(CREATE, path, status.st_ino);
    if (existed && (flags & O_TRUNC) != 0 && status.st_size > 0) {
      note_truncate(fd, &status, 0);
      if (real_ftruncate64(fd, 0) != 0) die("truncate an opened file");
    }
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

static int open_any(int directory, const char *path, int flags, mode_t mode) {
  int fd;
  READY();
  if (is_watched(path) && (flags & O_DIRECTORY) == 0) return open_watched(path, flags, mode);
  fd = directory == AT_FDCWD ? real_open64(path, flags, mode) : real_openat64(directory, path, flags, mode);
  forget(fd);
  return fd;
}

#define MODE_OF(flags, mode) \
  mode_t mode = 0; \
  if (((flags) & O_CREAT) != 0 || ((flags) & O_TMPFILE) == O_TMPFILE) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, mode_t); \
    va_end(rest); \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags, mode)
  return open_any(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE_OF(flags, mode)
  return open_any(AT_FDCWD, path, flags, mode);
}
int openat(int directory, const char *path, int flags, ...) {
  MODE_OF(flags, mode)
  return open_any(directory, path, flags, mode);
}
int openat64(int directory, const char *path, int flags, ...) {
  MODE_OF(flags, mode)
  return open_any(directory, path, flags, mode);
}
int creat(const char *path, mode_t mode) { return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* ---- writes ---- */

static off_t end_or_position(int fd, const struct stat *status) {
  return (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? status->st_size : lseek64(fd, 0, SEEK_CUR);
}

/* A write that stops short would leave a journal that tells of more than happened. */
static ssize_t checked(ssize_t written, size_t size) {
  if (written != (ssize_t)size) die("write all of what the journal tells");
  return written;
}

static ssize_t write_watched(int fd, const struct stat *status, off_t offset, const void *bytes, size_t size, int is_positioned) {
  note_write(fd, status, offset, bytes, size);
  return checked(is_positioned ? real_pwrite64(fd, bytes, size, offset) : real_write(fd, bytes, size), size);
}

ssize_t write(int fd, const void *bytes, size_t size) {
  struct stat status;
  ssize_t written;
  READY();
  if (journal < 0 || fd <= 2) return real_write(fd, bytes, size);
  pthread_mutex_lock(&lock);
  if (!find_status(fd, &status)) {
    pthread_mutex_unlock(&lock);
    return real_write(fd, bytes, size);
  }
  written = write_watched(fd, &status, end_or_position(fd, &status), bytes, size, 0);
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
  struct stat status;
  ssize_t written;
  READY();
  pthread_mutex_lock(&lock);
  if (!find_status(fd, &status)) {
    pthread_mutex_unlock(&lock);
    return real_pwrite64(fd, bytes, size, offset);
  }
  written = write_watched(fd, &status, offset, bytes, size, 1);
  pthread_mutex_unlock(&lock);
  return written;
}
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) { return pwrite64(fd, bytes, size, offset); }

static char *join_parts(const struct iovec *parts, int count, size_t *size) {
  char *bytes, *at;
  *size = 0;
  for (int i = 0; i < count; i++) *size += parts[i].iov_len;
  at = bytes = malloc(*size + 1);
  if (bytes == NULL) die("join the parts of a write");
  for (int i = 0; i < count; i++) {
    memcpy(at, parts[i].iov_base, parts[i].iov_len);
    at += parts[i].iov_len;
  }
  return bytes;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  struct stat status;
  size_t size;
  ssize_t written;
  char *bytes;
  READY();
  if (journal < 0 || fd <= 2) return real_writev(fd, parts, count);
  pthread_mutex_lock(&lock);
  if (!find_status(fd, &status)) {
    pthread_mutex_unlock(&lock);
    return real_writev(fd, parts, count);
  }
  bytes = join_parts(parts, count, &size);
  written = write_watched(fd, &status, end_or_position(fd, &status), bytes, size, 0);
  pthread_mutex_unlock(&lock);
  free(bytes);
  return written;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
  struct stat status;
  size_t size;
  ssize_t written;
  char *bytes;
  READY();
  pthread_mutex_lock(&lock);
  if (!find_status(fd, &status)) {
    pthread_mutex_unlock(&lock);
    return real_pwritev64(fd, parts, count, offset);
  }
  bytes = join_parts(parts, count, &size);
  written = write_watched(fd, &status, offset, bytes, size, 1);
  pthread_mutex_unlock(&lock);
  free(bytes);
  return written;
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return pwritev64(fd, parts, count, offset); }

int ftruncate64(int fd, off_t to) {
  struct stat status;
  int result;
  READY();
  pthread_mutex_lock(&lock);
  if (find_status(fd, &status) && S_ISREG(status.st_mode)) note_truncate(fd, &status, to);
  result = real_ftruncate64(fd, to);
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int fd, off_t to) { return ftruncate64(fd, to); }

/* ---- syncs ---- */

static int sync_any(int fd, int (*real_sync)(int)) {
  struct stat status;
  struct record record = {SYNC, 0, 0, 0, 0, 0, 0, 0};
  int watched, result;
  pthread_mutex_lock(&lock);
  watched = find_status(fd, &status);
  /* What is written from now on may or may not be covered: it does not count. */
  record.offset = journal_size;
  pthread_mutex_unlock(&lock);
  if (watched && sync_us > 0) usleep(sync_us);
  result = real_sync(fd);
  if (!watched || result != 0) return result;
  record.inode = status.st_ino;
  pthread_mutex_lock(&lock);
  append(&record, NULL, NULL);
  pthread_mutex_unlock(&lock);
  return result;
}

int fsync(int fd) {
  READY();
  return sync_any(fd, real_fsync);
}
int fdatasync(int fd) {
  READY();
  return sync_any(fd, real_fdatasync);
}

/* ---- names ---- */

int rename(const char *from, const char *to) {
  struct stat moved, replaced;
  const char *from_name = "", *to_name = "";
  int result;
  READY();
  if (!is_watched(from) || !is_watched(to)) return real_rename(from, to);
  pthread_mutex_lock(&lock);
  if (stat(from, &moved) == 0) {
    struct record record = {RENAME, 0, 0, 0, find_parent(from, &from_name), moved.st_ino, 0, find_parent(to, &to_name)};
    if (stat(to, &replaced) == 0 && S_ISREG(replaced.st_mode)) {
      keep(to, replaced.st_ino);
      record.size = replaced.st_ino;
    }
    record.first = (uint32_t)strlen(from_name);
    record.second = (uint32_t)strlen(to_name);
    append(&record, from_name, to_name);
  }
  result = real_rename(from, to);
  pthread_mutex_unlock(&lock);
  return result;
}

int unlink(const char *path) {
  struct stat status;
  int result;
  READY();
  if (!is_watched(path)) return real_unlink(path);
  pthread_mutex_lock(&lock);
  if (lstat(path, &status) == 0 && S_ISREG(status.st_mode)) {
    keep(path, status.st_ino);
    note_name(REMOVE, path, status.st_ino);
  }
  result = real_unlink(path);
  pthread_mutex_unlock(&lock);
  return result;
}

int mkdir(const char *path, mode_t mode) {
  struct stat status;
  int result;
  READY();
  if (!is_watched(path) || path[root_size] == '\0') return real_mkdir(path, mode);
  pthread_mutex_lock(&lock);
  result = real_mkdir(path, mode);
  if (result == 0 && stat(path, &status) == 0) note_name(MKDIR, path, status.st_ino);
  pthread_mutex_unlock(&lock);
  return result;
}

static int is_empty(const char *path) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  int count = 0;
  if (directory == NULL) return 0;
  while ((entry = readdir(directory)) != NULL) count++;
  closedir(directory);
  return count <= 2;
}

int rmdir(const char *path) {
  struct stat status;
  char away[PATH_MAX];
  int result;
  READY();
  if (!is_watched(path) || stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) return real_rmdir(path);
  pthread_mutex_lock(&lock);
  if (is_empty(path)) {
    note_name(RMDIR, path, status.st_ino);
    name_kept(away, status.st_ino);
    result = real_rename(path, away);
  } else {
    errno = ENOTEMPTY;
    result = -1;
  }
  pthread_mutex_unlock(&lock);
  return result;
}
