"""The worker's loop: wait, drain, serve what is due.

At light load a packet is forwarded the moment it arrives. Under load the worker sleeps to the next millisecond and
takes all that has come: one wake-up for many packets. Idle, it sleeps until something happens.
"""

from libc.stdint cimport int64_t, uint64_t, uintptr_t

from media.due cimport serve_due
from media.leg cimport Leg
from media.net.batch cimport BATCH
from media.orders cimport LAST_TAG, RTCP_TAG, SHARED_TAG, epoll_event, obey_commands
from media.receive.intake cimport rtcp_ready, rtp_ready
from media.receive.shared cimport browser_batch, shared_batch
from media.ring cimport command_next, event_crowded, exchange_ordered, store_ordered
from media.sweep cimport SWEEP, sweep
from media.wheel cimport wheel_next
from media.worker cimport Worker

cdef extern from * nogil:
    """
    #include <errno.h>
    #include <time.h>
    #include <unistd.h>
    #include <sys/epoll.h>
    #include <sys/syscall.h>

    #ifndef MEDIA_LOOP
    #define MEDIA_LOOP
    #ifndef SYS_epoll_pwait2
    #define SYS_epoll_pwait2 441
    #endif
    static inline int64_t monotonic_ns(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
    }
    static inline void sleep_until(int64_t microseconds) {
        struct timespec t = {microseconds / 1000000, microseconds % 1000000 * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
    /* Microsecond timeouts where the kernel has them (5.11), else rounded up to milliseconds; negative waits for ever. */
    static inline int wait_ready(int epoll, struct epoll_event *ready, int room, int64_t microseconds) {
        static int old_kernel = 0;
        struct timespec t = {microseconds / 1000000, microseconds % 1000000 * 1000};
        if (microseconds == 0) return epoll_wait(epoll, ready, room, 0);
        if (!old_kernel) {
            int n = (int) syscall(SYS_epoll_pwait2, epoll, ready, room, microseconds < 0 ? NULL : &t, NULL, (size_t) 0);
            if (n >= 0 || errno != ENOSYS) return n;
            old_kernel = 1;
        }
        return epoll_wait(epoll, ready, room, microseconds < 0 ? -1 : (int) ((microseconds + 999) / 1000));
    }
    static inline void eventfd_ring(int fd) { uint64_t one = 1; if (write(fd, &one, sizeof one) < 0) {} }
    static inline void eventfd_clear(int fd) { uint64_t count; if (read(fd, &count, sizeof count) < 0) {} }
    #define prefetch(at) __builtin_prefetch(at)
    #endif
    """
    int64_t monotonic_ns()
    void sleep_until(int64_t microseconds)
    int wait_ready(int epoll, epoll_event* ready, int room, int64_t microseconds)
    void eventfd_ring(int fd)
    void eventfd_clear(int fd)
    void prefetch(const void* at)

cdef enum:
    READY = 1024             # sockets taken from epoll at once
    TICK = 1000              # microseconds between looks while gathering
    PHASE = 300              # microseconds after the millisecond, where the kernel has its own timers
    LOAD_WINDOW = 20000      # microseconds over which load is judged
    GATHER_FROM = 56         # packets in a window (2,800 a second, 28 calls) from which gathering pays
    BEHIND = 10000           # microseconds a round may take before the worker counts as behind
    CATCH_UP = 3             # further datagrams taken from a socket then
    SHARED_ROUNDS = 64       # batches taken from the shared socket before the others get their turn
    GATHER_HOLD = 500000     # microseconds of lighter load before packets are forwarded at once again


cdef inline void read_clock(Worker* w) noexcept nogil:
    w.now_ns = monotonic_ns()
    w.now = w.now_ns // 1000


cdef inline void judge_load(Worker* w) noexcept nogil:
    """Decide between forwarding at once and gathering."""
    if w.now < w.load_window_end:
        return
    if w.datagrams - w.load_datagrams >= GATHER_FROM * <uint64_t> max(
        <int64_t> 1, (w.now - w.load_window_end + LOAD_WINDOW) // LOAD_WINDOW
    ):
        w.busy_until = w.now + GATHER_HOLD
    if w.now < w.busy_until and not w.gathering:
        w.boundary = w.now
    w.gathering = w.now < w.busy_until
    w.load_datagrams = w.datagrams
    w.load_window_end = w.now + LOAD_WINDOW


cdef inline int64_t until_due(const Worker* w) noexcept nogil:
    """Microseconds until a timer is due; -1 when none is set."""
    cdef int64_t due = -1
    cdef int64_t turn = wheel_next(w)
    if w.active_count or w.untold != NULL:
        due = w.sweep_due
    if turn >= 0 and (due < 0 or turn < due):
        due = turn
    if due < 0:
        return -1
    return max(<int64_t> 0, due - w.now)


cdef inline int wait_light(Worker* w, epoll_event* ready) noexcept nogil:
    """Block until a packet, a command or a timer. The flag and the second look make a lost wake-up impossible.

    Commands go before packets that came with them, and what is ready is asked for again behind them: a leg they
    closed must not be served.
    """
    cdef int64_t timeout
    cdef int n
    store_ordered(&w.sleeping, 1)
    read_clock(w)
    if command_next(w.commands) == NULL:
        timeout = until_due(w)
    else:
        timeout = TICK if event_crowded(w.events) else 0
    n = wait_ready(w.epoll, ready, READY, timeout)
    store_ordered(&w.sleeping, 0)
    read_clock(w)
    if command_next(w.commands) != NULL:
        obey_commands(w)
        n = wait_ready(w.epoll, ready, READY, 0)
    return n


cdef inline void _note_delay(Worker* w) noexcept nogil:
    """How late the tick is served: what the scheduler, or too much work, adds to every packet's way."""
    if w.now - w.boundary > w.worst_delay:
        w.worst_delay = w.now - w.boundary
    if w.now - w.boundary > w.worst_lately:
        w.worst_lately = w.now - w.boundary


cdef inline int wait_gathering(Worker* w, epoll_event* ready) noexcept nogil:
    """Sleep to the next tick, unless the last round took longer than one."""
    read_clock(w)
    w.boundary += TICK
    w.catching_up = CATCH_UP if w.now - w.boundary >= BEHIND else 0
    if w.boundary <= w.now:
        _note_delay(w)
        w.boundary = w.now - (w.now - PHASE) % TICK
    else:
        sleep_until(w.boundary)
        read_clock(w)
        _note_delay(w)
    obey_commands(w)
    return wait_ready(w.epoll, ready, READY, 0)


cdef inline void _serve_shared(Worker* w, bint browsers) noexcept nogil:
    cdef int rounds = SHARED_ROUNDS
    while (browser_batch(w) if browsers else shared_batch(w)) == BATCH and rounds > 0:
        rounds -= 1
        read_clock(w)


cdef inline void serve(Worker* w, epoll_event* ready, int n) noexcept nogil:
    """One datagram from each socket that has some: what is left shows at the next look, after everybody's turn.

    A worker that has fallen behind takes several at once: the second costs half the first, so it catches up.
    """
    cdef int i, more
    cdef uintptr_t tagged
    cdef Leg* leg
    for i in range(n):
        if i + 2 < n:
            leg = <Leg*> (<uintptr_t> ready[i + 2].data.ptr & ~<uintptr_t> RTCP_TAG)
            prefetch(leg)
            prefetch(&leg.latch)
            prefetch(&leg.received)
            prefetch(&leg.received.transit)
        tagged = <uintptr_t> ready[i].data.ptr
        if tagged == 0:
            eventfd_clear(w.wake_fd)
        elif tagged <= LAST_TAG:
            _serve_shared(w, tagged != SHARED_TAG)
        elif tagged & RTCP_TAG:
            rtcp_ready(w, <Leg*> (tagged & ~<uintptr_t> RTCP_TAG))
        else:
            more = w.catching_up
            while rtp_ready(w, <Leg*> tagged) and more > 0:
                more -= 1


cdef inline void run_worker(Worker* w, epoll_event* ready) noexcept nogil:
    """Until COMMAND_STOP_WORKER."""
    cdef int n
    cdef int rounds
    read_clock(w)
    w.sweep_due = w.now + SWEEP
    w.load_window_end = w.now + LOAD_WINDOW
    while not w.stopping:
        n = wait_gathering(w, ready) if w.gathering else wait_light(w, ready)
        w.wakeups += 1
        if n > 0:
            serve(w, ready, n)
        rounds = <int> (w.active_count // READY)
        while n == READY and rounds > 0:
            rounds -= 1
            n = wait_ready(w.epoll, ready, READY, 0)
            read_clock(w)
            serve(w, ready, n)
        serve_due(w)
        sweep(w)
        judge_load(w)
        if w.events_written:
            w.events_written = 0
            if exchange_ordered(&w.told, 1) == 0:
                eventfd_ring(w.event_fd)
