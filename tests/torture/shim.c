/* Stands between a program and its files, loaded by LD_PRELOAD: counts what is written and synced
 * below one folder, fails or dies at a chosen call, lets the disk be full, writes down what a power
 * cut would leave, and shifts the wall clock. Linux only.
 *
 * Armed by TORTURE_DATA, TORTURE_CONTROL and TORTURE_JOURNAL, or by torture_arm() after a fork. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* As tests/torture/shim.py has it: shared with the harness, which may change it at any time. */
struct control {
    int64_t clock_ns;   /* added to the wall clock */
    int64_t calls;      /* calls so far that write, sync or truncate */
    int64_t syncs;      /* of them, those that sync */
    int64_t fail_at;    /* number of the first call that fails; 0: none */
    int64_t fail_calls; /* how many fail from there on */
    int64_t fail_errno;
    int64_t failed;   /* how many did */
    int64_t kill_at;  /* number of the call at which the process dies; 0: none */
    int64_t kill_how; /* 0: before it; 1: with half of it written; 2: after it */
    int64_t limited;  /* whether `room` counts */
    int64_t room;     /* octets that files may still grow by */
};

enum { WRITTEN = 1, SYNCED, UNSYNCED, TRUNCATED, CREATED, RENAMED, UNLINKED, FOLDER_SYNCED };

struct record {
    uint32_t what;
    uint32_t size;
    uint64_t inode;
    uint64_t offset;
};

static struct control *control;
static char folder[PATH_MAX];
static size_t folder_size;
static int journal = -1;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (real == NULL) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

void torture_arm(const char *data, const char *control_path, const char *journal_path) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, control_path, O_RDWR | O_CLOEXEC, 0);
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || map == MAP_FAILED || realpath(data, folder) == NULL) {
        fprintf(stderr, "torture: cannot be armed with %s and %s\n", data, control_path);
        _exit(99);
    }
    close(fd);
    folder_size = strlen(folder);
    if (journal_path != NULL && *journal_path) {
        journal = (int)syscall(SYS_openat, AT_FDCWD, journal_path,
                               O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    control = map;
}

__attribute__((constructor)) static void arm_from_environment(void) {
    const char *data = getenv("TORTURE_DATA"), *path = getenv("TORTURE_CONTROL");
    if (data != NULL && path != NULL) torture_arm(data, path, getenv("TORTURE_JOURNAL"));
}

static int below(const char *path) {
    return strncmp(path, folder, folder_size) == 0 &&
           (path[folder_size] == '/' || path[folder_size] == 0);
}

static int watched(int fd, struct stat *found) {
    char link[64], path[PATH_MAX];
    if (control == NULL || fstat(fd, found) != 0) return 0;
    if (!S_ISREG(found->st_mode) && !S_ISDIR(found->st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return below(path);
}

static void note(uint32_t what, uint64_t inode, uint64_t offset, const void *data, size_t size) {
    if (journal < 0) return;
    struct record record = {what, (uint32_t)size, inode, offset};
    struct iovec parts[2] = {{&record, sizeof record}, {(void *)data, size}};
    /* One call, so that records of threads don't mix. */
    syscall(SYS_writev, journal, parts, size ? 2 : 1);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts a call. -1: it is to fail with errno set; else how it is to be killed: 0 not, 1 half, 2 after. */
static int enter(int syncs) {
    int64_t number = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
    if (syncs) __atomic_add_fetch(&control->syncs, 1, __ATOMIC_SEQ_CST);
    if (control->kill_at && number >= control->kill_at) {
        if (control->kill_how == 0) die();
        return (int)control->kill_how;
    }
    if (control->fail_at && number >= control->fail_at &&
        number < control->fail_at + control->fail_calls) {
        control->failed++;
        errno = (int)control->fail_errno;
        return -1;
    }
    return 0;
}

/* Whether the disk has room for a file of `size` octets to reach `end`. */
static int fits(int64_t size, int64_t end) {
    if (!control->limited || end <= size) return 1;
    if (control->room < end - size) {
        control->failed++;
        errno = ENOSPC;
        return 0;
    }
    control->room -= end - size;
    return 1;
}

static ssize_t put(int fd, const void *data, size_t size, off_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    return real(fd, data, size, offset);
}

static ssize_t append(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(fd, data, size);
}

static ssize_t written(int fd, const void *data, size_t size, off_t at, const struct stat *found) {
    pthread_mutex_lock(&turn);
    ssize_t done = -1;
    int appends = at < 0;
    off_t offset = at;
    if (appends) {
        int flags = fcntl(fd, F_GETFL);
        offset = flags & O_APPEND ? found->st_size : lseek(fd, 0, SEEK_CUR);
    }
    int how = enter(0);
    if (how == 1) size = (size + 1) / 2;
    if (how >= 0 && fits(found->st_size, offset + (off_t)size)) {
        note(WRITTEN, found->st_ino, (uint64_t)offset, data, size);
        done = appends ? append(fd, data, size) : put(fd, data, size, offset);
        if (how > 0) die();
    }
    pthread_mutex_unlock(&turn);
    return done;
}

ssize_t write(int fd, const void *data, size_t size) {
    struct stat found;
    if (!watched(fd, &found)) return append(fd, data, size);
    return written(fd, data, size, -1, &found);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) {
    struct stat found;
    if (!watched(fd, &found)) return put(fd, data, size, offset);
    return written(fd, data, size, offset, &found);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return pwrite64(fd, data, size, offset);
}

static int synced(int fd, int (*real)(int)) {
    struct stat found;
    char link[64], path[PATH_MAX];
    if (!watched(fd, &found)) return real(fd);
    int how = enter(1);
    if (how < 0) {
        /* What the kernel does: the pages count as clean and may never reach the disk. */
        int why = errno;
        note(UNSYNCED, found.st_ino, 0, NULL, 0);
        errno = why;
        return -1;
    }
    if (how == 1) die();
    if (S_ISDIR(found.st_mode)) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, path, sizeof path - 1);
        note(FOLDER_SYNCED, found.st_ino, 0, path, size > 0 ? (size_t)size : 0);
    } else {
        note(SYNCED, found.st_ino, 0, NULL, 0);
    }
    if (how == 2) die();
    /* Not on the disk in fact: only the journal says what is, and it makes no difference to a kill. */
    return 0;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return synced(fd, real);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return synced(fd, real);
}

int ftruncate64(int fd, off_t size) {
    REAL(int, "ftruncate64", int, off_t);
    struct stat found;
    if (!watched(fd, &found)) return real(fd, size);
    int how = enter(0);
    if (how < 0 || !fits(found.st_size, size)) return -1;
    if (control->limited && size < found.st_size) control->room += found.st_size - size;
    if (how == 1) die();
    note(TRUNCATED, found.st_ino, (uint64_t)size, NULL, 0);
    int done = real(fd, size);
    if (how == 2) die();
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int absolute(const char *path, char *to) {
    if (control == NULL) return 0;
    if (path[0] == '/') {
        snprintf(to, PATH_MAX, "%s", path);
    } else {
        char here[PATH_MAX / 2];
        if (getcwd(here, sizeof here) == NULL) return 0;
        snprintf(to, PATH_MAX, "%.2000s/%.2000s", here, path);
    }
    return below(to);
}

static int opened(int at, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    struct stat found;
    int ours = at == AT_FDCWD && absolute(path, full);
    int creates = ours && (flags & O_CREAT) && stat(full, &found) != 0;
    int fd = (int)syscall(SYS_openat, at, path, flags | O_LARGEFILE, mode);
    if (fd >= 0 && ours && (creates || flags & O_TRUNC) && fstat(fd, &found) == 0) {
        if (creates) note(CREATED, found.st_ino, 0, full, strlen(full));
        else note(TRUNCATED, found.st_ino, 0, NULL, 0);
    }
    return fd;
}

static mode_t mode_of(int flags, va_list more) {
    return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(more, int) : 0;
}

#define OPENS(name, head, at) \
    int name(head const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = mode_of(flags, more); \
        va_end(more); \
        return opened(at, path, flags, mode); \
    }
#define COMMA ,
OPENS(open, , AT_FDCWD)
OPENS(open64, , AT_FDCWD)
OPENS(openat, int at COMMA, at)
OPENS(openat64, int at COMMA, at)

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    char both[2 * PATH_MAX];
    if (absolute(from, both)) {
        size_t first = strlen(both) + 1;
        char other[PATH_MAX];
        absolute(to, other);
        strcpy(both + first, other);
        note(RENAMED, 0, 0, both, first + strlen(other));
    }
    return real(from, to);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    char full[PATH_MAX];
    if (absolute(path, full)) note(UNLINKED, 0, 0, full, strlen(full));
    return real(path);
}

static void shift(struct timespec *when) {
    int64_t offset = control == NULL ? 0 : control->clock_ns;
    int64_t nanos = when->tv_nsec + offset % 1000000000;
    when->tv_sec += offset / 1000000000 + nanos / 1000000000;
    when->tv_nsec = nanos % 1000000000;
    if (when->tv_nsec < 0) {
        when->tv_nsec += 1000000000;
        when->tv_sec--;
    }
}

int clock_gettime(clockid_t id, struct timespec *when) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int done = real(id, when);
    if (done == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) shift(when);
    return done;
}

int gettimeofday(struct timeval *restrict when, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    when->tv_sec = now.tv_sec;
    when->tv_usec = now.tv_nsec / 1000;
    if (zone != NULL) memset(zone, 0, sizeof(struct timezone));
    return 0;
}

time_t time(time_t *when) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (when != NULL) *when = now.tv_sec;
    return now.tv_sec;
}
