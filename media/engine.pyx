"""The compiled media engine: workers without the GIL, and the Python side of their rings.

`EngineCore` is for `media.control` alone. All its methods are called from one thread (the event loop's), except
`run`, which is a worker thread's whole life.
"""

import errno
import os
from collections import deque

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from audiocodecs.coder cimport audio_decoder, audio_encoder
from audiocodecs.registry cimport CODEC_UNKNOWN
from media.leg cimport (
    DROP_REASONS, FORMATS, LEG_FREE, LEG_GONE, LEG_OPEN, NO_FORMAT, NOWHERE, Format, KeyListener, Leg, Voice,
)
from media.loop cimport READY, eventfd_ring, monotonic_ns, run_worker
from media.mix.room_orders cimport FADES_IN
from media.mix.seat cimport HEARS_MIX, HEARS_NOTHING, Room, room_lay_out, room_size
from media.net.batch cimport batch_free, batch_make
from media.net.steer cimport STEER_PORTS, Steering, steer_begin, steer_close, steer_open, steer_socket
from media.net.udp cimport Address, address_host, address_make, address_port, udp_open, udp_send, udp_shared
from media.orders cimport BROWSER_TAG, SHARED_TAG, EPOLLIN, EPOLL_CTL_ADD, epoll_ctl, epoll_event
from media.play.source cimport play_source
from media.pool cimport Pool, pool_close, pool_give, pool_init, pool_take
from media.receive.playout cimport Playout
from media.receive.statistics cimport ReceiveStream, stream_depth_ms, stream_expected, stream_loss_events
from media.ring cimport COMMAND_EXTENDED, COMMAND_SCORES
from media.ring cimport COMMAND_ASK_FOR_PICTURE, COMMAND_SET_VIDEO, COMMAND_START_VIDEO_TAP, COMMAND_STOP_VIDEO_TAP
from media.ring cimport (
    COMMAND_CLOSE_ROOM, COMMAND_JOIN_ROOM, COMMAND_JOIN_STREAM, COMMAND_LEAVE_ROOM, COMMAND_LET_SPEAK,
    COMMAND_OPEN_ROOM, COMMAND_ROOM_RATE, COMMAND_SET_GAIN,
)
from media.ring cimport (
    COMMAND_ANNOUNCE, COMMAND_BIND_ADDRESS, COMMAND_CLOSE, COMMAND_CONNECT, COMMAND_DISCONNECT, COMMAND_ECHO,
    COMMAND_MEDIA_TIMEOUT, COMMAND_OPEN, COMMAND_PLAY, COMMAND_RETIRE_KEYS, COMMAND_SEND_DIGITS, COMMAND_SET_CODERS, COMMAND_SET_DIGITS,
    COMMAND_SET_DIRECTION, COMMAND_SET_FORMATS, COMMAND_SET_KEYS, COMMAND_SET_PATH, COMMAND_SET_PLAYOUT,
    COMMAND_SET_REMOTE, COMMAND_SET_REPAIR,
    COMMAND_SET_VOICE, COMMAND_START_TAP,
    COMMAND_STOP_PLAY, COMMAND_STOP_TAP, COMMAND_STOP_WORKER, EVENT_STARTED,
    DIGITS_ORDERED, Command, CommandKind, CommandRing, Event, EventRing, command_post, command_room, event_done,
    event_next,
    exchange_ordered, load_acquire, store_ordered,
)
from media.rtp.rtcp_xr cimport XR_UNAVAILABLE, VoipBlock
from media.send.packetize cimport SendStream, send_skipped
from media.send.sender_report cimport Reports
from media.web.bindings cimport Bindings
from media.web.handshakes cimport Handshake, HandshakeRing, handshake_done, handshake_next
from media.web.repair_state cimport NO_RED, Repair
from media.web.side cimport BrowserSide
from media.video.state cimport Video, video_lost
from media.wheel cimport wheel_init
from media.worker cimport Worker

cdef extern from * nogil:
    """
    #include <pthread.h>
    #include <sched.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <sys/epoll.h>
    #include <sys/eventfd.h>
    #include <sys/prctl.h>
    #include <sys/resource.h>
    #include <sys/socket.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>

    static void *aligned_zeroed(size_t size) {
        void *memory = NULL;
        if (posix_memalign(&memory, 64, size)) return NULL;
        memset(memory, 0, size);
        return memory;
    }
    /* 0, or the errno that refused real-time priority; then the thread at least gets the best nice value it may. */
    static int raise_priority(int priority) {
        struct sched_param wanted = {0};
        int refused;
        prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
        if (priority <= 0) return 0;
        wanted.sched_priority = priority;
        refused = pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted);
        if (refused && setpriority(PRIO_PROCESS, (id_t) syscall(SYS_gettid), -10) < 0) return refused;
        return refused;
    }
    static void widen_socket(int fd, int octets) { setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets); }
    static int last_errno(void) { return errno; }
    static void name_thread(int worker) {
        char name[16];
        snprintf(name, sizeof name, "media-%d", worker);
        prctl(PR_SET_NAME, name, 0, 0, 0);
    }
    static int64_t thread_cpu_ns(pthread_t thread) {
        clockid_t clock;
        struct timespec t;
        if (pthread_getcpuclockid(thread, &clock) || clock_gettime(clock, &t)) return 0;
        return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
    }
    """
    ctypedef unsigned long pthread_t
    pthread_t pthread_self()
    void* aligned_zeroed(size_t size)
    int raise_priority(int priority)
    void widen_socket(int fd, int octets)
    int last_errno()
    void name_thread(int worker)
    int64_t thread_cpu_ns(pthread_t thread)
    int epoll_create1(int flags)
    int eventfd(unsigned int initial, int flags)
    enum:
        EPOLL_CLOEXEC
        EFD_NONBLOCK
        EFD_CLOEXEC
    int close(int fd)

cdef enum:
    ROOM_SIZES = 7           # pools of rooms, each for twice the size of the one before ...
    SMALLEST_ROOM = 8192     # ... from so many octets, a room of four
    SLOT_BITS = 20           # of a leg id: its place; the rest is the generation
    SHARED_BUFFER = 16 << 20 # doubled as well: 50 ms of a full core's packets, as the kernel counts them
    RECEIVE_BUFFER = 32768   # doubled by the kernel: some 50 packets of G.711, a second of a call
    MOST_HANDSHAKES = 64     # the same of read_handshakes(): each is a message to be checked and answered
    VIDEO_BUFFER = 524288    # as far as net.core.rmem_max lets it: a key frame comes in a burst
    MOST_EVENTS = 1024       # read() hands over at most so many, so that the event loop gets its turn


cdef tuple _drops32(const uint32_t* drops):
    cdef int i
    return tuple([drops[i] for i in range(<int> DROP_REASONS)])


cdef tuple _drops64(const uint64_t* drops):
    cdef int i
    return tuple([drops[i] for i in range(<int> DROP_REASONS)])


cdef int _payload_types(uint64_t* bits, list types) except -1:
    for payload_type in types:
        if not 0 <= payload_type <= 127:
            raise ValueError(f"an RTP payload type is 0-127, got {payload_type}")
        bits[payload_type >> 6] |= <uint64_t> 1 << (payload_type & 63)
    return 0


cdef class EngineCore:
    """The leg table, the rings and the threads' state. A leg id is place | generation << 20."""

    cdef Worker** workers
    cdef readonly int worker_count
    cdef epoll_event** ready
    cdef pthread_t* threads
    cdef Leg** legs              # by place; one never moves, and is not given back while the engine lasts
    cdef uint32_t leg_count
    cdef uint32_t most_legs
    cdef Pool leg_pool
    cdef Pool voice_pool
    cdef Pool playout_pool
    cdef Pool listener_pool
    cdef Pool browser_pool
    cdef Pool repair_pool
    cdef Pool video_pool
    cdef Pool room_pools[ROOM_SIZES]
    cdef uint64_t generation
    cdef Address local
    cdef int traffic_class
    cdef int jitter_buffer_ms    # most delay of a leg that is played out
    cdef Steering steering
    cdef Leg** by_port
    cdef readonly bint accelerated
    cdef list _free
    cdef Room* rooms
    cdef list _waiting
    cdef readonly uint32_t open_legs
    cdef readonly bint backlog   # commands that found their ring full wait here for `flush`

    def __cinit__(
        self, bytes host, int workers, uint32_t most_legs, *, double latch_window, double latch_grace,
        double rtcp_interval, double wall_clock, int dscp=46, double jitter_buffer=0.2,
    ):
        cdef int i
        cdef Worker* w
        cdef epoll_event wake
        cdef int64_t now = monotonic_ns() // 1000
        self.steering.ports = self.steering.sockets = self.steering.program = self.steering.link = -1
        if most_legs >= (1 << SLOT_BITS):
            raise ValueError(f"at most {1 << SLOT_BITS} legs, got {most_legs}")
        address_make(&self.local, host, <int> len(host), 0)
        self.worker_count = workers
        self.most_legs = most_legs
        self.generation = 1
        self.traffic_class = dscp << 2
        self.jitter_buffer_ms = round(jitter_buffer * 1000)
        self._free = []
        self._waiting = [deque() for _ in range(workers)]
        self.workers = <Worker**> calloc(workers, sizeof(Worker*))
        self.ready = <epoll_event**> calloc(workers, sizeof(epoll_event*))
        self.threads = <pthread_t*> calloc(workers, sizeof(pthread_t))
        self.legs = <Leg**> calloc(most_legs, sizeof(Leg*))
        pool_init(&self.leg_pool, sizeof(Leg))
        pool_init(&self.voice_pool, sizeof(Voice))
        pool_init(&self.playout_pool, sizeof(Playout))
        pool_init(&self.listener_pool, sizeof(KeyListener))
        pool_init(&self.browser_pool, sizeof(BrowserSide))
        pool_init(&self.repair_pool, sizeof(Repair))
        pool_init(&self.video_pool, sizeof(Video))
        for i in range(ROOM_SIZES):
            pool_init(&self.room_pools[i], SMALLEST_ROOM << i)
        if not (self.workers and self.ready and self.threads and self.legs):
            raise MemoryError("no memory for the media engine")
        for i in range(workers):
            w = self.workers[i] = <Worker*> aligned_zeroed(sizeof(Worker))
            self.ready[i] = <epoll_event*> calloc(READY, sizeof(epoll_event))
            if w == NULL or self.ready[i] == NULL:
                raise MemoryError("no memory for a media worker")
            wheel_init(w)
            w.epoll = w.wake_fd = w.event_fd = w.browser_fd = -1
            w.commands = <CommandRing*> aligned_zeroed(sizeof(CommandRing))
            w.events = <EventRing*> aligned_zeroed(sizeof(EventRing))
            w.handshakes = <HandshakeRing*> calloc(1, sizeof(HandshakeRing))    # pages nobody uses cost nothing
            w.active = <Leg**> calloc(most_legs, sizeof(Leg*))
            if not (w.commands and w.events and w.handshakes and w.active):
                raise MemoryError("no memory for a media worker")
            w.epoll = epoll_create1(EPOLL_CLOEXEC)
            w.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
            w.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
            if w.epoll < 0 or w.wake_fd < 0 or w.event_fd < 0:
                raise OSError("no file descriptors for a media worker")
            wake.events = EPOLLIN
            wake.data.ptr = NULL
            epoll_ctl(w.epoll, EPOLL_CTL_ADD, w.wake_fd, &wake)
            w.latch_window = <int64_t> (latch_window * 1e6)
            w.latch_grace = <int64_t> (latch_grace * 1e6)
            w.rtcp_interval = <int64_t> (rtcp_interval * 1e6)
            w.ntp_start = <uint64_t> ((wall_clock + 2208988800.0 - now / 1e6) * 4294967296.0)
            w.dice = int.from_bytes(os.urandom(8), "big") | 1

    def __dealloc__(self):
        cdef int i
        cdef uint32_t place
        cdef Worker* w
        cdef Room* room
        self._stop_sharing()
        for i in range(self.worker_count):
            w = self.workers[i] if self.workers else NULL
            if w == NULL:
                continue
            if w.epoll >= 0:
                close(w.epoll)
            if w.wake_fd >= 0:
                close(w.wake_fd)
            if w.event_fd >= 0:
                close(w.event_fd)
            if w.browser_fd >= 0:
                close(w.browser_fd)
            free(w.bindings)
            free(w.commands)
            free(w.events)
            free(w.handshakes)
            free(w.active)
            free(w)
            free(self.ready[i])
        while self.rooms != NULL:
            room = self.rooms
            self.rooms = room.after
            self._give_room(room)
        for place in range(self.leg_count):
            self._give_memories(self.legs[place])
            pool_give(&self.leg_pool, self.legs[place])
        for i in range(ROOM_SIZES):
            pool_close(&self.room_pools[i])
        pool_close(&self.repair_pool)
        pool_close(&self.browser_pool)
        pool_close(&self.video_pool)
        pool_close(&self.listener_pool)
        pool_close(&self.playout_pool)
        pool_close(&self.voice_pool)
        pool_close(&self.leg_pool)
        free(self.workers)
        free(self.ready)
        free(self.threads)
        free(self.legs)

    def accelerate(self):
        """Let settled legs share one socket a worker (media.net.steer). Before `run`. 0, or the errno that refused it."""
        cdef int i, refused
        cdef uint8_t host[16]
        if address_host(&self.local, host) != 4:
            return errno.EAFNOSUPPORT
        refused = steer_open(&self.steering, self.worker_count)
        self.by_port = <Leg**> calloc(STEER_PORTS, sizeof(Leg*))
        if not refused and self.by_port == NULL:
            refused = errno.ENOMEM
        for i in range(self.worker_count):
            if not refused:
                refused = self._share(i)
        if not refused:
            refused = steer_begin(&self.steering)
        if refused:
            self._stop_sharing()
        self.accelerated = not refused
        return refused

    def share_port(self, int worker, uint16_t port):
        """Bind the port that browser legs of a worker share. Before `run`. Raises OSError when it is taken."""
        cdef Worker* w = self.workers[worker]
        cdef epoll_event ready
        w.bindings = <Bindings*> calloc(1, sizeof(Bindings))
        if w.bindings == NULL:
            raise MemoryError("no memory for the port that browsers share")
        w.bindings.seed = int.from_bytes(os.urandom(8), "big") | 1
        w.browser_fd = self._bind(port)
        w.browser_port = port
        udp_shared(w.browser_fd, SHARED_BUFFER)
        ready.events = EPOLLIN
        ready.data.u64 = BROWSER_TAG
        epoll_ctl(w.epoll, EPOLL_CTL_ADD, w.browser_fd, &ready)

    # Threads

    def run(self, int worker):
        """A worker thread's whole life. Returns after `stop_worker`."""
        cdef Worker* w = self.workers[worker]
        self.threads[worker] = pthread_self()
        name_thread(worker)
        w.running = 1
        with nogil:
            run_worker(w, self.ready[worker])
        w.running = 0

    @staticmethod
    def raise_priority(int priority):
        """Ask for SCHED_FIFO for the calling thread: 0, or the errno that refused it."""
        return raise_priority(priority)

    def stop_worker(self, int worker):
        """Ask a worker to return; its legs stay as they are."""
        self._post_plain(worker, COMMAND_STOP_WORKER)

    def close(self):
        """Close what the threads used, after all of them have returned. Legs must have been reaped."""
        cdef int i
        cdef Worker* w
        for i in range(self.worker_count):
            w = self.workers[i]
            for fd in (w.epoll, w.wake_fd, w.event_fd, w.browser_fd):
                if fd >= 0:
                    close(fd)
            w.epoll = w.wake_fd = w.event_fd = w.browser_fd = -1
        self._stop_sharing()

    def event_fd(self, int worker):
        """Becomes readable when `read` has something to give."""
        return self.workers[worker].event_fd

    # Legs

    def open_leg(self, int worker, uint16_t port, bytes dice not None, double media_timeout, *, bint browser=False):
        """Bind `port` and `port + 1` and hand the leg to the worker. Gives the id; raises OSError when either is taken.

        `browser`: `port` alone is bound, or none (0) where the leg has the one of `share_port`; media waits for
        `set_path` and `set_keys`.
        `dice`: 22 random bytes for SSRC, first sequence number, first timestamp and CNAME (RFC 3550 5.1, RFC 7022).
        """
        cdef uint32_t place
        cdef int fd, rtcp_fd = -1
        cdef const uint8_t* random = dice
        cdef Address local = self.local
        cdef Leg* leg
        cdef BrowserSide* side = NULL
        cdef Command command
        if len(dice) < 22:
            raise ValueError(f"22 random bytes expected, got {len(dice)}")
        fd = self._bind(port) if port else self.workers[worker].browser_fd
        try:
            rtcp_fd = -1 if browser else self._bind(port + 1)
        except OSError:
            close(fd)
            raise
        place = self._free.pop() if self._free else self._new_place()
        if browser:
            side = <BrowserSide*> pool_take(&self.browser_pool)
            if side == NULL:
                raise MemoryError("no memory for a browser's leg")
        leg = self.legs[place]
        memset(leg, 0, sizeof(Leg))
        leg.id = place | self.generation << SLOT_BITS
        self.generation += 1
        leg.fd = fd
        leg.rtcp_fd = rtcp_fd
        leg.port = port or self.workers[worker].browser_port
        leg.worker = worker
        leg.may_send = 1
        leg.may_receive = 1
        leg.ptime = 20
        leg.media_timeout = <int64_t> (media_timeout * 1e6)
        memset(leg.format_of, NO_FORMAT, sizeof(leg.format_of))
        memcpy(&leg.sent.ssrc, random, 4)
        memcpy(&leg.sent.sequence, random + 4, 2)
        # Half the range: were it near the end, losing the first packets would put a receiver one rollover behind
        # (RFC 4568 6.4).
        leg.sent.sequence &= 0x7FFF
        memcpy(&leg.sent.timestamp, random + 6, 4)
        leg.reports.rtt = -1
        leg.reports.our_r = XR_UNAVAILABLE
        leg.reports.our_mos_lq = XR_UNAVAILABLE
        leg.reports.our_mos_cq = XR_UNAVAILABLE
        name = dice[10:22].hex().encode()
        leg.reports.cname_length = <uint8_t> len(name)
        memcpy(leg.reports.cname, <const uint8_t*> name, len(name))
        leg.keys.format = NO_FORMAT
        if browser:
            leg.browser = side
            leg.is_browser = 1
            leg.rtcp_mux = 1
            side.shares_port = port == 0
        leg.state = LEG_OPEN
        self.open_legs += 1
        self._begin(&command, leg, COMMAND_OPEN)
        self._post(&command, leg)
        return leg.id

    def reap(self, uint64_t leg_id):
        """After the leg's EVENT_GONE: close its sockets, free its place and its voice. Gives its own RTP port, or 0.

        Whatever it had been given (coders, a source that plays) may go from now on.
        """
        cdef Leg* leg = self._find(leg_id)
        if leg == NULL or leg.state != LEG_GONE:
            raise KeyError(f"leg {leg_id} is not waiting to be reaped")
        port = leg.port
        if leg.is_browser and leg.browser.shares_port:
            port = 0
        else:
            close(leg.fd)
        if leg.rtcp_fd >= 0:
            close(leg.rtcp_fd)
        self._give_memories(leg)
        leg.state = LEG_FREE
        leg.id = 0
        self._free.append(leg_id & ((1 << SLOT_BITS) - 1))
        self.open_legs -= 1
        return port

    def streams(self, uint64_t leg_id):
        """(received, reported | None, round trip ms | None): the streams in the order of StreamCounters."""
        cdef Leg* leg = self._find(leg_id)
        cdef const ReceiveStream* r
        cdef const Reports* told
        cdef uint32_t expected, unique
        if leg == NULL:
            return None
        r = &leg.received
        told = &leg.reports
        expected = r.expected_before + stream_expected(r)
        unique = r.unique_before + r.unique
        return (
            (
                expected, unique, expected - unique if expected > unique else 0, r.discarded, stream_loss_events(r),
                (r.jitter >> 4) * 1000.0 / (r.rate or 8000), r.duplicates,
            ),
            (
                told.told_expected, told.told_expected - told.told_lost, told.told_lost, 0, 0,
                told.told_jitter * 1000.0 / (leg.sent.rate or 8000), 0,
            ) if told.told else None,
            told.rtt / 1000.0 if told.rtt >= 0 else None,
        )

    def stream_numbers(self, uint64_t leg_id):
        """(SSRC sent, its rollover counter, SSRC received, its rollover counter, its highest sequence number) (RFC 3711
        3.3.1), or None."""
        cdef Leg* leg = self._find(leg_id)
        if leg == NULL:
            return None
        return (
            leg.sent.ssrc, leg.sent.wraps >> 16, leg.received.ssrc, leg.received.cycles >> 16,
            leg.received.max_sequence,
        )

    def reading(self, uint64_t leg_id):
        """What the verdict on a leg is made of, as CoreReading (engine.pyi); None when the leg is gone."""
        cdef Leg* leg = self._find(leg_id)
        cdef const ReceiveStream* r
        cdef const SendStream* s
        cdef const Reports* told
        cdef const VoipBlock* m
        if leg == NULL:
            return None
        r = &leg.received
        s = &leg.sent
        told = &leg.reports
        m = &told.metrics
        return (
            *self.streams(leg_id), bool(told.rtt_extended), stream_depth_ms(r),
            (r.payload_type, r.first_octet, r.packets, r.octets) if r.timed else None,
            (s.payload_type, s.first_octet, s.packets, s.octets) if s.packets else None,
            send_skipped(s), told.metrics_told,
            (
                m.loss_rate, m.discard_rate, m.burst_density, m.gap_density, m.burst_duration, m.gap_duration,
                m.round_trip, m.end_system, m.signal_level, m.noise_level, m.rerl, m.gmin, m.r, m.external_r, m.mos_lq,
                m.mos_cq, m.config, m.jb_nominal, m.jb_maximum, m.jb_absolute,
            ) if told.has_metrics else None,
        )

    def lateness(self, int worker):
        """Microseconds the worker came late at most since this was last asked, while it gathered packets."""
        cdef Worker* w = self.workers[worker]
        cdef int64_t worst = w.worst_lately
        w.worst_lately = 0
        return worst

    def statistics(self, uint64_t leg_id):
        """A snapshot as CoreStatistics (engine.pyi). Raises KeyError when the leg was reaped."""
        cdef Leg* leg = self._find(leg_id)
        if leg == NULL:
            raise KeyError(f"leg {leg_id} is gone")
        return (
            *self.streams(leg_id),
            self._text(&leg.latch.source) if leg.latch.locked else None,
            leg.received.packets, leg.received.octets, leg.sent.packets, leg.sent.octets,
            leg.received.ssrc, leg.sent.ssrc, _drops32(leg.drops), leg.tap_overruns,
        )

    def video(self, uint64_t leg_id):
        """In the order of VideoStatistics; None when the leg is gone, or never had video."""
        cdef Leg* leg = self._find(leg_id)
        cdef const Video* v
        if leg == NULL or leg.video_memory == NULL:
            return None
        v = leg.video_memory
        return (
            v.packets, v.octets, video_lost(v), v.relayed, v.nowhere, v.refused, v.pictures_asked, v.pictures_wanted,
            v.repairs_asked, v.tap_overruns,
        )

    # Commands: each gives nothing and never blocks, and takes effect after `wake`; ids of legs that are gone are ignored

    def set_remote(self, uint64_t leg_id, bytes host, uint16_t port, bytes rtcp_host, uint16_t rtcp_port, bint mux):
        """Hosts as 4 or 16 bytes, empty for none."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_REMOTE)
        if leg == NULL:
            return
        address_make(&command.order.remote.address, host, <int> len(host), port)
        address_make(&command.order.remote.rtcp_address, rtcp_host, <int> len(rtcp_host), rtcp_port)
        command.flag = mux
        self._post(&command, leg)

    def set_formats(self, uint64_t leg_id, list receive, list send, int ptime):
        """Lists of (payload type, codec number, clock rate), at most FORMATS each; the rest is left out.

        `ptime`: milliseconds of audio in the packets we make, rounded to tens from 10 to 60.
        """
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_FORMATS)
        if leg == NULL:
            return
        command.order.formats.count = self._formats(command.order.formats.formats, receive)
        command.order.formats.send_count = self._formats(command.order.formats.send_formats, send)
        command.order.formats.ptime = min(max(ptime // 10 * 10, 10), 60)
        self._post(&command, leg)

    def make_voice(self, uint64_t leg_id):
        """Give the leg what it needs to be heard and spoken to as audio, once. False when the leg is gone."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_VOICE)
        if leg == NULL:
            return False
        if leg.voice_memory == NULL:
            leg.voice_memory = <Voice*> pool_take(&self.voice_pool)
            if leg.voice_memory == NULL:
                raise MemoryError("no memory for a leg's voice")
            command.pointer = leg.voice_memory
            self._post(&command, leg)
        return True

    def set_playout(self, uint64_t leg_id, bint on):
        """Keep what the far end of a leg with a voice says for whoever pulls it, or no longer. False: the leg is gone."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_PLAYOUT)
        if leg == NULL:
            return False
        if on and leg.playout_memory == NULL:
            leg.playout_memory = <Playout*> pool_take(&self.playout_pool)
            if leg.playout_memory == NULL:
                raise MemoryError("no memory for a leg's playout")
        command.pointer = leg.playout_memory if on else NULL
        command.number = self.jitter_buffer_ms
        self._post(&command, leg)
        return True

    def set_coders(self, uint64_t leg_id, int64_t token, list decoders, uintptr_t encoder):
        """The coders of a leg with a voice from now on: addresses (audiocodecs.coding), 0 for no encoder.

        They stay until the worker tells EVENT_RELEASED with their `token` (not 0, never used twice), or the leg is
        reaped: so does whoever owns them. False when the leg is gone.
        """
        cdef Command command
        cdef int i
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_CODERS)
        if leg == NULL:
            return False
        command.order.coders.token = token
        command.order.coders.encoder = <audio_encoder*> encoder
        command.order.coders.count = min(len(decoders), FORMATS)
        for i in range(command.order.coders.count):
            command.order.coders.decoders[i] = <audio_decoder*> <uintptr_t> decoders[i]
        self._post(&command, leg)
        return True

    def set_direction(self, uint64_t leg_id, bint send, bint receive, bint expected):
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_DIRECTION)
        if leg != NULL:
            command.flag = send
            command.second_flag = receive
            command.number = expected
            self._post(&command, leg)

    def connect(self, uint64_t a, uint64_t b, bint connected):
        """Raises ValueError when the two legs live on different workers."""
        cdef Command command
        cdef Leg* leg = self._start(&command, a, COMMAND_CONNECT if connected else COMMAND_DISCONNECT)
        cdef Leg* other = self._find(b)
        if leg == NULL or other == NULL:
            return
        if leg.worker != other.worker:
            raise ValueError(f"legs {a} and {b} are on different workers: open legs of one call with the same group")
        command.pointer = other
        command.other = b
        self._post(&command, leg)

    def play(self, uint64_t leg_id, int64_t playback, list sources, bint repeat, int first, uint32_t position):
        """`sources`: addresses of play_sources that outlive the playback, begun `position` ticks into the `first`.

        False when the leg is gone.
        """
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_PLAY)
        if leg == NULL:
            return False
        self._sounds(&command, playback, sources)
        command.flag = repeat
        command.order.play.first = <uint8_t> first
        command.order.play.position = position
        self._post(&command, leg)
        return True

    def announce(self, uint64_t leg_id, int64_t playback, list sources, int ducked):
        """Over what plays, which sinks to the gain `ducked` meanwhile. False when the leg is gone."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_ANNOUNCE)
        if leg == NULL:
            return False
        self._sounds(&command, playback, sources)
        command.order.play.ducked = ducked
        self._post(&command, leg)
        return True

    def start_tap(self, uint64_t leg_id, uintptr_t ring):
        """False when the leg is gone: then the caller closes the ring."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_START_TAP)
        if leg == NULL:
            return False
        command.pointer = <void*> ring
        self._post(&command, leg)
        return True

    def set_video(self, uint64_t leg_id, list takes, list repairs, bint send, bint receive, int64_t octets_a_second):
        """The payload types of agreed video, and which of them only repair others; none: no video."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_VIDEO)
        if leg == NULL:
            return
        if takes:
            if leg.video_memory == NULL:
                leg.video_memory = <Video*> pool_take(&self.video_pool)
                if leg.video_memory == NULL:
                    raise MemoryError("no memory for a leg's video")
                widen_socket(leg.fd, VIDEO_BUFFER)
            command.pointer = leg.video_memory
        command.flag = send
        command.second_flag = receive
        command.number = octets_a_second
        _payload_types(command.order.video.takes, takes)
        _payload_types(command.order.video.repairs, repairs)
        self._post(&command, leg)

    def start_video_tap(self, uint64_t leg_id, uintptr_t ring):
        """A ring as for `start_tap`, filled as media.video.tap says. False when the leg is gone."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_START_VIDEO_TAP)
        if leg == NULL:
            return False
        command.pointer = <void*> ring
        self._post(&command, leg)
        return True

    def stop_video_tap(self, uint64_t leg_id):
        self._simple(leg_id, COMMAND_STOP_VIDEO_TAP, 0)

    def ask_for_picture(self, uint64_t leg_id):
        """Ask the far end for a key frame of each of its pictures, unless that was done just now."""
        self._simple(leg_id, COMMAND_ASK_FOR_PICTURE, 0)

    def set_keys(self, uint64_t leg_id, uintptr_t opening, uintptr_t sealing, uint32_t new_ssrc):
        """Addresses of SrtpSessions that outlive their use, 0 for plain packets. `new_ssrc`: 0 keeps the stream."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_KEYS)
        if leg != NULL:
            command.pointer = <void*> opening
            command.other = sealing
            command.number = new_ssrc
            self._post(&command, leg)

    def set_path(self, uint64_t leg_id, bytes host, uint16_t port):
        """Where a browser leg's media comes from and goes to; an empty host: nowhere."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_PATH)
        if leg != NULL:
            address_make(&command.order.remote.address, host, <int> len(host), port)
            self._post(&command, leg)

    def bind_address(self, uint64_t leg_id, bytes host, uint16_t port):
        """What comes from there to the shared port is this browser leg's."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_BIND_ADDRESS)
        if leg != NULL and host:
            address_make(&command.order.remote.address, host, <int> len(host), port)
            self._post(&command, leg)

    def set_repair(self, uint64_t leg_id, bint asks, red_in, red_out, uint8_t red_of):
        """What was agreed on about packets that are lost on a browser's way: whether either side asks for them again, and
        the payload types of redundant packets (RFC 2198), None for none; those we send repeat packets of type `red_of`."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_REPAIR)
        if leg == NULL or not leg.is_browser:
            return
        if asks or red_in is not None or red_out is not None:
            if leg.browser.repair_memory == NULL:
                leg.browser.repair_memory = <Repair*> pool_take(&self.repair_pool)
                if leg.browser.repair_memory == NULL:
                    raise MemoryError("no memory to repair a leg's losses")
            command.pointer = leg.browser.repair_memory
        command.flag = asks
        command.number = (
            (NO_RED if red_in is None else red_in) | (NO_RED if red_out is None else red_out) << 8 | red_of << 16
        )
        self._post(&command, leg)

    def retire_keys(self, uint64_t leg_id, uintptr_t session):
        """Ask for EVENT_RELEASED with the address as token: then nothing uses the session any more."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_RETIRE_KEYS)
        if leg != NULL:
            command.pointer = <void*> session
            self._post(&command, leg)

    def set_digits(self, uint64_t leg_id, bint sends, bint listens):
        """Whether keys go to the far end as media, and whether they are listened for in its audio."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SET_DIGITS)
        if leg == NULL:
            return
        if listens and leg.keys.memory == NULL:
            leg.keys.memory = <KeyListener*> pool_take(&self.listener_pool)
            if leg.keys.memory == NULL:
                raise MemoryError("no memory to hear digits")
        command.flag = sends
        command.pointer = leg.keys.memory if listens else NULL
        self._post(&command, leg)

    def send_digits(self, uint64_t leg_id, bytes events, uint16_t duration_ms, uint16_t gap_ms):
        """At most 32 RFC 4733 events."""
        cdef Command command
        cdef int i
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SEND_DIGITS)
        if leg == NULL:
            return
        command.order.digits.count = <uint8_t> min(len(events), DIGITS_ORDERED)
        for i in range(command.order.digits.count):
            command.order.digits.events[i] = events[i]
        command.order.digits.duration_ms = duration_ms
        command.order.digits.gap_ms = gap_ms
        self._post(&command, leg)

    def stop_play(self, uint64_t leg_id):
        self._simple(leg_id, COMMAND_STOP_PLAY, 0)

    def echo(self, uint64_t leg_id, bint on):
        self._simple(leg_id, COMMAND_ECHO, on)

    def stop_tap(self, uint64_t leg_id):
        self._simple(leg_id, COMMAND_STOP_TAP, 0)

    def close_leg(self, uint64_t leg_id):
        self._simple(leg_id, COMMAND_CLOSE, 0)

    def set_extended(self, uint64_t leg_id, bint reference, bint metrics):
        """What was agreed to go into extended reports (RFC 3611): reference times, VoIP Metrics."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_EXTENDED)
        if leg != NULL:
            command.flag = reference
            command.second_flag = metrics
            self._post(&command, leg)

    def set_scores(self, uint64_t leg_id, int r, int mos_lq, int mos_cq):
        """What extended reports say of their stream: R, and scores times ten; 127 for none."""
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_SCORES)
        if leg != NULL:
            command.number = (r & 0xFF) << 16 | (mos_lq & 0xFF) << 8 | mos_cq & 0xFF
            self._post(&command, leg)

    def set_media_timeout(self, uint64_t leg_id, double seconds):
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, COMMAND_MEDIA_TIMEOUT)
        if leg != NULL:
            command.number = <int64_t> (seconds * 1e6)
            self._post(&command, leg)

    # Rooms: the number names one from `open_room` until `free_room`; a number nobody has is a KeyError

    def open_room(self, int64_t number, int worker, uint32_t rate, int most):
        """A room of `most` seats that mixes at `rate` Hz; ends with `close_room`, EVENT_ROOM_CLOSED and `free_room`."""
        cdef Room* room = self._take_room(room_size(most))
        if room == NULL:
            raise MemoryError(f"no memory for a room of {most}")
        room_lay_out(room, number, rate, most, worker)
        room.after = self.rooms
        self.rooms = room
        self._post_room(room, COMMAND_OPEN_ROOM, 0, 0, 0, False, NULL)

    def free_room(self, int64_t number):
        """After EVENT_ROOM_CLOSED."""
        cdef Room* room = self._room(number)
        cdef Room** link = &self.rooms
        while link[0] != room:
            link = &link[0].after
        link[0] = room.after
        self._give_room(room)

    def close_room(self, int64_t number):
        self._post_room(self._room(number), COMMAND_CLOSE_ROOM, 0, 0, 0, False, NULL)

    def room_rate(self, int64_t number, uint32_t rate):
        self._post_room(self._room(number), COMMAND_ROOM_RATE, 0, 0, rate, False, NULL)

    def join_room(self, int64_t number, uint64_t leg_id, bint speaks, bint hears, bint fade):
        """Raises ValueError when the leg lives on another worker than the room."""
        cdef Room* room = self._room(number)
        cdef Leg* leg = self._find(leg_id)
        if leg == NULL:
            return
        if leg.worker != room.worker:
            raise ValueError(
                f"leg {leg_id} is on worker {leg.worker}, room {number} on worker {room.worker}: "
                "open the leg with the group of the room"
            )
        self._post_room(
            room, COMMAND_JOIN_ROOM, leg_id, 0, (HEARS_MIX if hears else HEARS_NOTHING) | (FADES_IN if fade else 0),
            speaks, leg,
        )

    def join_stream(self, int64_t number, uint64_t stream, uintptr_t rings, bint speaks, int hears):
        """`rings`: of a media.mix.stream.StreamRings that stays until EVENT_STREAM_LEFT or EVENT_ROOM_CLOSED."""
        self._post_room(
            self._room(number), COMMAND_JOIN_STREAM, stream, 0, hears | FADES_IN, speaks, <void*> rings
        )

    def leave_room(self, int64_t number, uint64_t party):
        self._post_room(self._room(number), COMMAND_LEAVE_ROOM, party, 0, 0, False, NULL)

    def let_speak(self, int64_t number, uint64_t party, bint speaks):
        self._post_room(self._room(number), COMMAND_LET_SPEAK, party, 0, 0, speaks, NULL)

    def set_gain(self, int64_t number, uint64_t speaker, uint64_t listener, int gain):
        """`gain` from 0 to 32767, 8192 is 0 dB."""
        self._post_room(self._room(number), COMMAND_SET_GAIN, speaker, listener, gain, False, NULL)

    cdef Room* _room(self, int64_t number) except NULL:
        cdef Room* room = self.rooms
        while room != NULL and room.id != number:
            room = room.after
        if room == NULL:
            raise KeyError(f"there is no room {number}")
        return room

    cdef int _post_room(
        self, Room* room, CommandKind kind, uint64_t party, uint64_t other, int64_t number, bint flag, void* pointer
    ) except -1:
        cdef Command command
        memset(&command, 0, sizeof(command))
        command.kind = kind
        command.target = room
        command.leg = party
        command.other = other
        command.number = number
        command.flag = flag
        command.pointer = pointer
        self._write(&command, room.worker)
        return 0

    # Events

    def read(self, int worker):
        """Take what the worker has told, at most MOST_EVENTS: (kind, leg, number, second number, address | None) each.

        Call when `event_fd` is readable. Commands that found the ring full are posted now.
        """
        cdef Worker* w = self.workers[worker]
        cdef const Event* event
        cdef list out = []
        try:
            os.eventfd_read(w.event_fd)
        except BlockingIOError:
            pass
        store_ordered(&w.told, 0)
        event = event_next(w.events)
        while event != NULL and len(out) < MOST_EVENTS:
            out.append((
                event.kind, event.leg, event.number, event.second_number,
                self._text(&event.address) if event.kind == EVENT_STARTED else None,
            ))
            event_done(w.events)
            event = event_next(w.events)
        if event != NULL:
            eventfd_ring(w.event_fd)
        return out

    def read_handshakes(self, int worker):
        """Take what came to browser legs' ports and is no media: (leg, data, host, port) each, the oldest first. Leg 0: to
        the shared port, from an address of no leg.

        Call behind `read`, whose `event_fd` announces these, too.
        """
        cdef Worker* w = self.workers[worker]
        cdef const Handshake* entry = handshake_next(w.handshakes)
        cdef list out = []
        while entry != NULL:
            out.append((entry.leg, (<const uint8_t*> entry.data)[:entry.length], *self._text(&entry.source)))
            handshake_done(w.handshakes)
            entry = handshake_next(w.handshakes)
            if len(out) == MOST_HANDSHAKES and entry != NULL:
                eventfd_ring(w.event_fd)
                break
        return out

    def send_datagram(self, uint64_t leg_id, bytes data not None, bytes host, uint16_t port):
        """From the leg's RTP socket, now. What the kernel refuses is lost, as anywhere behind it."""
        cdef Address to
        cdef Leg* leg = self._find(leg_id)
        if leg != NULL and leg.state == LEG_OPEN:
            address_make(&to, host, <int> len(host), port)
            udp_send(leg.fd, data, len(data), &to)

    def flush(self):
        """Post what found its ring full. True when nothing waits any more."""
        cdef int i
        for i in range(self.worker_count):
            self._flush(i)
        self.backlog = any(self._waiting)
        self.wake()
        return not self.backlog

    def wake(self):
        """Wake the workers that sleep on commands. One wake-up for all that was posted since the last."""
        cdef int i
        cdef Worker* w
        for i in range(self.worker_count):
            w = self.workers[i]
            # The exchange is also the barrier that puts the posted commands before the look at the flag.
            if w.commands.head != load_acquire(&w.commands.tail) and exchange_ordered(&w.sleeping, 0):
                eventfd_ring(w.wake_fd)

    def worker_counters(self, int worker):
        """(packets received, sent, RTCP received, sent, drops by reason, events lost, wake-ups, CPU ns, gathering,
        worst delay in microseconds since last asked, packets received by the shared socket)."""
        cdef Worker* w = self.workers[worker]
        cdef int64_t delay = w.worst_delay
        w.worst_delay = 0
        return (
            w.packets_received, w.packets_sent, w.rtcp_received, w.rtcp_sent,
            _drops64(w.drops), w.events_lost, w.wakeups,
            thread_cpu_ns(self.threads[worker]) if w.running else 0, bool(w.gathering), delay,
            w.packets_steered,
        )

    # Inside

    cdef int _share(self, int worker):
        """Give a worker its shared socket: 0, or the errno that refused it."""
        cdef Worker* w = self.workers[worker]
        cdef epoll_event ready
        cdef int fd = steer_socket(&self.steering, worker)
        if fd < 0:
            return -fd
        w.batch = batch_make(fd, self.traffic_class)
        if w.batch == NULL:
            return last_errno()
        w.number = worker
        w.steer = self.steering.entries
        w.by_port = self.by_port
        ready.events = EPOLLIN
        ready.data.u64 = SHARED_TAG
        return 0 if epoll_ctl(w.epoll, EPOLL_CTL_ADD, fd, &ready) == 0 else last_errno()

    cdef void _stop_sharing(self) noexcept:
        """The program goes first, so that nothing is handed to a socket that closes."""
        cdef int i
        steer_close(&self.steering)
        for i in range(self.worker_count):
            if self.workers and self.workers[i]:
                batch_free(self.workers[i].batch)
                self.workers[i].batch = NULL
        free(self.by_port)
        self.by_port = NULL

    cdef int _bind(self, int port) except -1:
        cdef Address local = self.local
        cdef uint8_t host[16]
        cdef int length = address_host(&self.local, host)
        cdef int fd
        address_make(&local, host, length, <uint16_t> port)
        fd = udp_open(&local, RECEIVE_BUFFER, self.traffic_class)
        if fd < 0:
            raise OSError(-fd, os.strerror(-fd))
        return fd

    cdef int64_t _new_place(self) except -1:
        """Of a leg more than there ever were at once."""
        cdef uint32_t place = self.leg_count
        if place >= self.most_legs:
            raise MemoryError(f"all {self.most_legs} legs are in use")
        self.legs[place] = <Leg*> pool_take(&self.leg_pool)
        if self.legs[place] == NULL:
            raise MemoryError("no memory for more legs")
        self.leg_count += 1
        return place

    cdef void _give_memories(self, Leg* leg) noexcept:
        """What was made for the leg on the way."""
        pool_give(&self.voice_pool, leg.voice_memory)
        pool_give(&self.playout_pool, leg.playout_memory)
        pool_give(&self.listener_pool, leg.keys.memory)
        if leg.browser != NULL:
            pool_give(&self.repair_pool, leg.browser.repair_memory)
            pool_give(&self.browser_pool, leg.browser)
        leg.browser = NULL
        pool_give(&self.video_pool, leg.video_memory)
        leg.voice = leg.voice_memory = NULL
        leg.playout_memory = NULL
        leg.video = leg.video_memory = NULL
        leg.keys.listener = leg.keys.memory = NULL

    cdef Pool* _room_pool(self, size_t size) noexcept:
        """Where rooms of so many octets are; NULL: large ones have memory of their own."""
        cdef int i = 0
        while i < ROOM_SIZES and size > (<size_t> SMALLEST_ROOM << i):
            i += 1
        return &self.room_pools[i] if i < ROOM_SIZES else NULL

    cdef Room* _take_room(self, size_t size) noexcept:
        cdef Pool* pool = self._room_pool(size)
        return <Room*> (aligned_zeroed(size) if pool == NULL else pool_take(pool))

    cdef void _give_room(self, Room* room) noexcept:
        cdef Pool* pool = self._room_pool(room_size(room.most))
        if pool == NULL:
            free(room)
        else:
            pool_give(pool, room)

    cdef Leg* _find(self, uint64_t leg_id) noexcept:
        cdef uint32_t place = leg_id & ((1 << SLOT_BITS) - 1)
        cdef Leg* leg
        if place >= self.leg_count:
            return NULL
        leg = self.legs[place]
        return leg if leg.id == leg_id and leg_id else NULL

    cdef void _begin(self, Command* command, Leg* leg, CommandKind kind) noexcept:
        memset(command, 0, sizeof(Command))
        command.target = leg
        command.leg = leg.id
        command.kind = kind

    cdef Leg* _start(self, Command* command, uint64_t leg_id, CommandKind kind) noexcept:
        cdef Leg* leg = self._find(leg_id)
        if leg != NULL:
            self._begin(command, leg, kind)
        return leg

    cdef int _simple(self, uint64_t leg_id, CommandKind kind, bint flag) except -1:
        cdef Command command
        cdef Leg* leg = self._start(&command, leg_id, kind)
        if leg != NULL:
            command.flag = flag
            self._post(&command, leg)
        return 0

    cdef int _post_plain(self, int worker, CommandKind kind) except -1:
        cdef Command command
        memset(&command, 0, sizeof(command))
        command.kind = kind
        self._write(&command, worker)
        return 0

    cdef int _post(self, const Command* command, const Leg* leg) except -1:
        self._write(command, leg.worker)
        return 0

    cdef int _write(self, const Command* command, int worker) except -1:
        """Into the ring, or behind what already waits for room."""
        cdef Worker* w = self.workers[worker]
        cdef Command* room = NULL
        if not self._waiting[worker]:
            room = command_room(w.commands)
        if room == NULL:
            self._waiting[worker].append((<const uint8_t*> command)[:sizeof(Command)])
            self.backlog = True
            self._flush(worker)
            return 0
        memcpy(room, command, sizeof(Command))
        command_post(w.commands)
        return 0

    cdef int _flush(self, int worker) except -1:
        cdef Worker* w = self.workers[worker]
        cdef Command* room
        cdef bytes packed
        queue = self._waiting[worker]
        while queue:
            room = command_room(w.commands)
            if room == NULL:
                break
            packed = queue.popleft()
            memcpy(room, <const uint8_t*> packed, sizeof(Command))
            command_post(w.commands)
        return 0

    cdef int _sounds(self, Command* command, int64_t playback, list sources) except -1:
        cdef int i
        cdef uintptr_t address
        command.number = playback
        command.order.play.count = <uint8_t> len(sources)
        for i in range(<int> len(sources)):
            address = sources[i]
            command.order.play.sounds[i] = <const play_source*> address
        return 0

    cdef int _formats(self, Format* out, list formats) except -1:
        cdef int n = 0
        for payload_type, codec, rate in formats[:FORMATS]:
            if not 0 <= payload_type <= 127 or codec == CODEC_UNKNOWN or rate <= 0:
                continue
            out[n].payload_type = payload_type
            out[n].codec = codec
            out[n].rate = rate
            out[n].translation = NOWHERE
            n += 1
        return n

    cdef object _text(self, const Address* address):
        """(host bytes, port)."""
        cdef uint8_t host[16]
        cdef int length = address_host(address, host)
        return (<const uint8_t*> host)[:length], address_port(address)
