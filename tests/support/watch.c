/* Preloaded into a process with a media engine: what its worker thread must never do.

   Counts the calls of the allocator, of locks and of the interpreter's lock that the worker makes between watch_begin
   and watch_end, with who called; and from the worker's first wait on, a seccomp filter of that one thread ends the
   process at any system call beyond the few of the packet path: whatever takes memory from the kernel or waits for
   another thread (futex) is none of them. Works as an ordinary user. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static __thread int watched __attribute__((tls_model("initial-exec")));
static volatile int counting, filtered;
static volatile long calls;
static const char *volatile first_name;
static void *volatile first_caller;

static void note(const char *name, void *caller) {
    if (!watched || !counting) return;
    if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) == 0) {
        first_name = name;
        first_caller = caller;
    }
}

void watch_begin(void) { calls = 0; counting = 1; }
long watch_end(void) { counting = 0; return calls; }
int watch_filtered(void) { return filtered; }
const char *watch_first(void) {
    static char text[512];
    Dl_info where;
    if (!first_name) return "";
    if (dladdr(first_caller, &where) && where.dli_fname)
        snprintf(text, sizeof text, "%s from %s of %s", first_name, where.dli_sname ? where.dli_sname : "?", where.dli_fname);
    else
        snprintf(text, sizeof text, "%s", first_name);
    return text;
}

/* The allocator. */
#define HERE __builtin_return_address(0)
void *malloc(size_t n) { note("malloc", HERE); return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { note("calloc", HERE); return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { note("realloc", HERE); return __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) { note("memalign", HERE); return __libc_memalign(a, n); }
void *aligned_alloc(size_t a, size_t n) { note("aligned_alloc", HERE); return __libc_memalign(a, n); }
int posix_memalign(void **out, size_t a, size_t n) {
    note("posix_memalign", HERE);
    *out = __libc_memalign(a, n);
    return *out ? 0 : ENOMEM;
}
void free(void *p) { if (p) note("free", HERE); __libc_free(p); }

/* Locks, and the interpreter's. */
#define PASS(result, name, parameters, arguments)                              \
    result name parameters {                                                   \
        static result (*next) parameters;                                      \
        note(#name, HERE);                                                     \
        if (!next) next = (result (*) parameters) dlsym(RTLD_NEXT, #name);     \
        return next arguments;                                                 \
    }
PASS(int, pthread_mutex_lock, (pthread_mutex_t *m), (m))
PASS(int, pthread_cond_wait, (pthread_cond_t *c, pthread_mutex_t *m), (c, m))
PASS(int, pthread_cond_timedwait, (pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t), (c, m, t))
PASS(int, pthread_rwlock_rdlock, (pthread_rwlock_t *l), (l))
PASS(int, pthread_rwlock_wrlock, (pthread_rwlock_t *l), (l))
PASS(int, PyGILState_Ensure, (void), ())
PASS(void *, PyEval_SaveThread, (void), ())
void PyEval_RestoreThread(void *state) {
    static void (*next)(void *);
    note("PyEval_RestoreThread", HERE);
    if (!next) next = (void (*)(void *)) dlsym(RTLD_NEXT, "PyEval_RestoreThread");
    next(state);
}

/* System calls. */
static const int allowed[] = {
    SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_epoll_pwait, SYS_epoll_pwait2,
    SYS_epoll_ctl, SYS_clock_nanosleep, SYS_clock_gettime, SYS_read, SYS_write, SYS_connect, SYS_setsockopt,
    SYS_getsockname, SYS_exit_group, SYS_rt_sigreturn,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
};
enum { ALLOWED = sizeof allowed / sizeof *allowed };

static void refused(int signal, siginfo_t *info, void *context) {
    char text[64];
    int length = snprintf(text, sizeof text, "the worker made system call %d\n", info->si_syscall);
    (void) signal;
    (void) context;
    if (write(2, text, (size_t) length) < 0) {}
    _exit(3);
}

static void watch_this_thread(void) {
    struct sock_filter filter[2 * ALLOWED + 2];
    struct sock_fprog program = {0, filter};
    struct sigaction action;
    int i, n = 0;
    watched = 1;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = refused;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, NULL);
    filter[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (i = 0; i < ALLOWED; i++) {
        filter[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned) allowed[i], 0, 1);
        filter[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    program.len = (unsigned short) n;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
        filtered = 1;
}

/* What WATCH_SIN tells the worker to do: a watcher that sees nothing proves nothing. */
static void err(void) {
    const char *which = getenv("WATCH_SIN");
    void *volatile memory;
    if (!watched || !counting || !which || !*which) return;
    if (!strcmp(which, "allocate")) {
        memory = malloc(1);
        free(memory);
    } else if (!strcmp(which, "lock")) {
        static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    } else {
        sched_yield();
    }
}

/* The worker's first wait: from here on it is in its loop, without the interpreter's lock. */
static void waits(void) {
    char name[16] = "";
    err();
    if (watched || prctl(PR_GET_NAME, name) < 0 || strncmp(name, "media-", 6) != 0) return;
    watch_this_thread();
}

long syscall(long number, ...) {
    static long (*next)(long, ...);
    va_list list;
    long a[6];
    int i;
    va_start(list, number);
    for (i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_epoll_pwait2) waits();
    if (!next) next = (long (*)(long, ...)) dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
int epoll_wait(int epoll, struct epoll_event *ready, int room, int milliseconds) {
    static int (*next)(int, struct epoll_event *, int, int);
    if (milliseconds) waits();
    if (!next) next = (int (*)(int, struct epoll_event *, int, int)) dlsym(RTLD_NEXT, "epoll_wait");
    return next(epoll, ready, room, milliseconds);
}
