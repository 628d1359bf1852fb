/* A disk that fails when told, for one process that loads this before its C library.
 *
 * The folder DISK_FAULTS tells: while it has a file "full", no regular file grows (ENOSPC), as on a
 * full file system, where what is there can still be overwritten; while it has a file "broken",
 * every sync fails (EIO). The standard streams are spared. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_told(const char *fault) {
    char path[4096];
    const char *folder = getenv("DISK_FAULTS");
    if (folder == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, fault);
    return access(path, F_OK) == 0;
}

static int is_full_for(int fd, off64_t end) {
    struct stat64 file;
    if (fd <= 2 || fstat64(fd, &file) != 0 || !S_ISREG(file.st_mode)) return 0;
    if (end <= file.st_size || !is_told("full")) return 0;
    errno = ENOSPC;
    return 1;
}

static int is_broken(void) {
    if (!is_told("broken")) return 0;
    errno = EIO;
    return 1;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *from, size_t size) {
    off64_t at = fd <= 2 ? -1 : lseek64(fd, 0, SEEK_CUR);
    if (at >= 0 && is_full_for(fd, at + (off64_t)size)) return -1;
    return REAL(ssize_t, write, int, const void *, size_t)(fd, from, size);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    if (is_full_for(fd, at + (off64_t)size)) return -1;
    return REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, from, size, at);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    return pwrite64(fd, from, size, at);
}

int ftruncate64(int fd, off64_t end) {
    if (is_full_for(fd, end)) return -1;
    return REAL(int, ftruncate64, int, off64_t)(fd, end);
}

int ftruncate(int fd, off_t end) { return ftruncate64(fd, end); }

int fsync(int fd) { return is_broken() ? -1 : REAL(int, fsync, int)(fd); }

int fdatasync(int fd) { return is_broken() ? -1 : REAL(int, fdatasync, int)(fd); }
