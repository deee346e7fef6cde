"""Commands, carried out by the worker that owns the leg. One for a leg that is gone is nothing."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from media.leg cimport LEG_GONE, LEG_OPEN, NO_FORMAT, Coders, KeyListener, Leg, Voice
from media.mix.bridge cimport bridge_route
from media.mix.room cimport room_leave
from media.mix.room_orders cimport obey_room
from media.mix.seat cimport Seat
from media.mix.silence cimport silence_again, silence_end
from media.net.latch cimport latch_open, latch_signal
from media.net.udp cimport Address, address_clear, address_known, address_same_host
from media.net.wiring cimport wire_close, wire_release
from media.receive.comfort_noise cimport noise_begin
from media.receive.playout cimport Playout, playout_bound
from media.record.tap cimport tap_close, tap_ring
from media.ring cimport COMMAND_EXTENDED, COMMAND_OPEN_ROOM, COMMAND_SCORES
from media.ring cimport (
    COMMAND_ASK_FOR_PICTURE, COMMAND_SET_VIDEO, COMMAND_START_VIDEO_TAP, COMMAND_STOP_VIDEO_TAP
)
from media.ring cimport (
    COMMAND_ANNOUNCE, COMMAND_BIND_ADDRESS, COMMAND_CLOSE, COMMAND_CONNECT, COMMAND_DISCONNECT, COMMAND_ECHO,
    COMMAND_MEDIA_TIMEOUT, COMMAND_OPEN, COMMAND_PLAY, COMMAND_RETIRE_KEYS, COMMAND_SEND_DIGITS, COMMAND_SET_CODERS, COMMAND_SET_DIGITS,
    COMMAND_SET_DIRECTION, COMMAND_SET_FORMATS, COMMAND_SET_KEYS, COMMAND_SET_PATH, COMMAND_SET_PLAYOUT,
    COMMAND_SET_REMOTE, COMMAND_SET_REPAIR,
    COMMAND_SET_VOICE, COMMAND_START_TAP,
    COMMAND_STOP_PLAY, COMMAND_STOP_TAP, COMMAND_STOP_WORKER, PLAYBACK_STOPPED,
    Command, DigitsOrder, FormatsOrder, RemoteOrder, command_done, command_next, event_crowded,
)
from media.send.keys cimport keys_formats_changed, keys_part, keys_press, keys_set, keys_stop
from media.send.playback cimport (
    playback_announce, playback_begin, playback_end, playback_formats_changed, playback_stop,
)
from media.srtp.guard cimport retire_keys, set_keys
from media.srtp.session cimport SrtpSession
from media.video.orders cimport video_close, video_set, video_start_tap
from media.video.relay cimport video_ask, video_connected
from media.video.tap cimport video_untap
from media.sweep cimport report_interval, send_report
from media.voice cimport voice_coders, voice_playout, voice_route
from media.web.bindings cimport binding_add, binding_end
from media.web.path cimport path_settle
from media.web.repair_state cimport Repair
from media.web.side cimport BrowserSide
from media.worker cimport Worker, tell_gone, tell_released

cdef extern from "<sys/epoll.h>" nogil:
    enum:
        EPOLLIN
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
    ctypedef union epoll_data_t:
        void* ptr
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)

cdef enum:
    RTCP_TAG = 1             # in the pointer epoll gives back: the leg's RTCP socket
    SHARED_TAG = 2           # alone: the worker's shared socket
    BROWSER_TAG = 4          # alone: that of its browser legs
    LAST_TAG = 4             # no leg lies at so low an address


cdef inline void _open(Worker* w, Leg* leg) noexcept nogil:
    cdef epoll_event ready
    ready.events = EPOLLIN
    ready.data.ptr = leg
    if not (leg.is_browser and leg.browser.shares_port):
        epoll_ctl(w.epoll, EPOLL_CTL_ADD, leg.fd, &ready)
    if leg.rtcp_fd >= 0:
        ready.data.u64 |= RTCP_TAG
        epoll_ctl(w.epoll, EPOLL_CTL_ADD, leg.rtcp_fd, &ready)
    leg.heard_at = w.now
    leg.reports.next_at = w.now + report_interval(w) // 2
    leg.active_index = w.active_count
    w.active[w.active_count] = leg
    w.active_count += 1


cdef inline void _reroute(Leg* leg) noexcept nogil:
    """What the leg receives, and what it is fed, may take another way from now on."""
    bridge_route(leg)
    if leg.peer != NULL:
        bridge_route(leg.peer)


cdef inline void _turn_away(Worker* w, Leg* leg) noexcept nogil:
    """The leg feeds somebody else from now on, or nobody."""
    silence_end(w, leg)
    leg.silence_told = 0
    leg.noise_length = 0
    if leg.voice != NULL:
        leg.voice.arrival.decoder = NULL
    bridge_route(leg)


cdef inline void _part(Worker* w, Leg* leg) noexcept nogil:
    """Leave the partner, if there is one."""
    cdef Leg* peer = leg.peer
    if peer == NULL:
        return
    keys_part(leg)
    keys_part(peer)
    leg.peer = NULL
    peer.peer = NULL
    _turn_away(w, leg)
    _turn_away(w, peer)


cdef inline void _drop_tap(Leg* leg) noexcept nogil:
    if leg.tap != NULL:
        tap_close(leg.tap)
        leg.tap = NULL


cdef inline void _close(Worker* w, Leg* leg) noexcept nogil:
    cdef epoll_event unused
    send_report(w, leg, True)
    playback_end(w, leg, PLAYBACK_STOPPED)
    silence_end(w, leg)          # one that echoes says noise to itself
    _part(w, leg)
    room_leave(w, <Seat*> leg.seat)
    keys_stop(w, leg)
    _drop_tap(leg)
    video_close(leg)
    wire_close(w, leg)
    if leg.is_browser and leg.browser.shares_port:
        binding_end(w.bindings, leg)
    else:
        epoll_ctl(w.epoll, EPOLL_CTL_DEL, leg.fd, &unused)
    if leg.rtcp_fd >= 0:
        epoll_ctl(w.epoll, EPOLL_CTL_DEL, leg.rtcp_fd, &unused)
    w.active_count -= 1
    w.active[leg.active_index] = w.active[w.active_count]
    w.active[leg.active_index].active_index = leg.active_index
    leg.state = LEG_GONE
    tell_gone(w, leg)


cdef inline void _expect_media(Worker* w, Leg* leg) noexcept nogil:
    """From now on the far end has a reason to send: its NAT may show us its address only now."""
    latch_open(&leg.latch, w.now, w.latch_window)


cdef inline void _connect(Worker* w, Leg* a, Leg* b) noexcept nogil:
    if a == b or a.peer == b:
        return
    _part(w, a)
    _part(w, b)
    a.peer = b
    b.peer = a
    _turn_away(w, a)
    _turn_away(w, b)
    _expect_media(w, a)
    _expect_media(w, b)
    video_connected(w, a)
    video_connected(w, b)


cdef inline void _set_remote(Worker* w, Leg* leg, const RemoteOrder* order, bint mux) noexcept nogil:
    if leg.is_browser:
        return                   # where its media goes is ICE's to say
    latch_signal(&leg.latch, &order.address, w.now, w.latch_window)
    if not leg.latch.locked:
        wire_release(w, leg)
    _expect_media(w, leg)
    leg.rtcp_mux = mux
    if not address_known(&order.rtcp_address) or not address_same_host(&leg.rtcp_signalled, &order.rtcp_address):
        address_clear(&leg.rtcp_source)
    leg.rtcp_signalled = order.rtcp_address


cdef inline void _set_path(Worker* w, Leg* leg, const Address* path) noexcept nogil:
    leg.browser.path = path[0]
    if leg.browser.shares_port and address_known(path):
        binding_add(w.bindings, leg, path)
    path_settle(w, leg)


cdef inline void repair_set(BrowserSide* side, const Command* command) noexcept nogil:
    side.repair = <Repair*> command.pointer
    if side.repair != NULL:
        side.repair.asks = command.flag
        side.repair.red_in = <uint8_t> command.number
        side.repair.red_out = <uint8_t> (command.number >> 8)
        side.repair.red_of = <uint8_t> (command.number >> 16)


cdef inline void _set_formats(Worker* w, Leg* leg, const FormatsOrder* order) noexcept nogil:
    cdef int i
    memset(leg.format_of, NO_FORMAT, sizeof(leg.format_of))
    memcpy(leg.formats, order.formats, sizeof(leg.formats))
    memcpy(leg.send_formats, order.send_formats, sizeof(leg.send_formats))
    leg.format_count = order.count
    leg.send_format_count = order.send_count
    leg.ptime = order.ptime
    for i in range(leg.format_count - 1, -1, -1):
        leg.format_of[leg.formats[i].payload_type] = i
    voice_route(leg)
    keys_formats_changed(leg)
    _reroute(leg)
    playback_formats_changed(w, leg)


cdef inline void _set_coders(Worker* w, Leg* leg, const Coders* coders) noexcept nogil:
    cdef int64_t former
    if leg.voice == NULL:
        return
    former = leg.voice.coders.token
    voice_coders(leg, coders)
    _reroute(leg)
    silence_again(w, leg)
    if leg.peer != NULL:
        silence_again(w, leg.peer)
    tell_released(w, leg, former)


cdef inline void _set_direction(Worker* w, Leg* leg, bint send, bint receive, bint expected) noexcept nogil:
    leg.may_send = send
    leg.may_receive = receive
    expected = receive and expected
    if expected and not leg.receive_expected:
        leg.heard_at = w.now
        leg.timeout_told = 0
        _expect_media(w, leg)
    leg.receive_expected = expected


cdef inline void _send_digits(Worker* w, Leg* leg, const DigitsOrder* order) noexcept nogil:
    cdef int i
    for i in range(order.count):
        keys_press(w, leg, order.events[i], order.duration_ms, order.gap_ms)


cdef inline void _obey(Worker* w, Leg* leg, const Command* command) noexcept nogil:
    cdef Leg* other
    if command.kind == COMMAND_SET_REMOTE:
        _set_remote(w, leg, &command.order.remote, command.flag)
    elif command.kind == COMMAND_SET_FORMATS:
        _set_formats(w, leg, &command.order.formats)
    elif command.kind == COMMAND_SET_DIRECTION:
        _set_direction(w, leg, command.flag, command.second_flag, command.number != 0)
    elif command.kind == COMMAND_CONNECT or command.kind == COMMAND_DISCONNECT:
        other = <Leg*> command.pointer
        if other.id != command.other or other.state != LEG_OPEN:
            return
        if command.kind == COMMAND_CONNECT:
            _connect(w, leg, other)
        elif leg.peer == other:
            _part(w, leg)
    elif command.kind == COMMAND_PLAY:
        playback_begin(w, leg, command.number, &command.order.play, command.flag)
        _expect_media(w, leg)
    elif command.kind == COMMAND_ANNOUNCE:
        playback_announce(w, leg, command.number, &command.order.play)
        _expect_media(w, leg)
    elif command.kind == COMMAND_STOP_PLAY:
        playback_stop(w, leg)
    elif command.kind == COMMAND_ECHO:
        leg.echo = command.flag
        _turn_away(w, leg)
        if command.flag:
            _expect_media(w, leg)
    elif command.kind == COMMAND_START_TAP:
        _drop_tap(leg)
        leg.tap = <tap_ring*> command.pointer
    elif command.kind == COMMAND_STOP_TAP:
        _drop_tap(leg)
    elif command.kind == COMMAND_MEDIA_TIMEOUT:
        leg.media_timeout = command.number
    elif command.kind == COMMAND_SET_VOICE:
        leg.voice = <Voice*> command.pointer
        noise_begin(&leg.voice.noise)
    elif command.kind == COMMAND_SET_PLAYOUT:
        if leg.voice != NULL:
            voice_playout(leg, <Playout*> command.pointer)
            if leg.voice.playout != NULL:
                playout_bound(leg.voice.playout, <int> command.number)
            _reroute(leg)
    elif command.kind == COMMAND_SET_CODERS:
        _set_coders(w, leg, &command.order.coders)
    elif command.kind == COMMAND_SET_KEYS:
        set_keys(w, leg, command)
        if leg.is_browser:
            path_settle(w, leg)
    elif command.kind == COMMAND_SET_PATH:
        if leg.is_browser:
            _set_path(w, leg, &command.order.remote.address)
    elif command.kind == COMMAND_SET_REPAIR:
        if leg.is_browser:
            repair_set(leg.browser, command)
    elif command.kind == COMMAND_BIND_ADDRESS:
        if leg.is_browser and leg.browser.shares_port:
            binding_add(w.bindings, leg, &command.order.remote.address)
    elif command.kind == COMMAND_RETIRE_KEYS:
        retire_keys(w, leg, <SrtpSession*> command.pointer)
    elif command.kind == COMMAND_SET_VIDEO:
        video_set(w, leg, command)
    elif command.kind == COMMAND_START_VIDEO_TAP:
        video_start_tap(leg, <tap_ring*> command.pointer)
    elif command.kind == COMMAND_STOP_VIDEO_TAP:
        if leg.video != NULL:
            video_untap(leg.video)
    elif command.kind == COMMAND_ASK_FOR_PICTURE:
        if leg.video != NULL:
            video_ask(w, leg)
    elif command.kind == COMMAND_EXTENDED:
        leg.reports.by_reference = command.flag
        leg.reports.by_metrics = command.second_flag
    elif command.kind == COMMAND_SCORES:
        leg.reports.our_r = <uint8_t> (command.number >> 16)
        leg.reports.our_mos_lq = <uint8_t> (command.number >> 8)
        leg.reports.our_mos_cq = <uint8_t> command.number
    elif command.kind == COMMAND_SET_DIGITS:
        keys_set(w, leg, command.flag, <KeyListener*> command.pointer)
        _reroute(leg)
    elif command.kind == COMMAND_SEND_DIGITS:
        _send_digits(w, leg, &command.order.digits)
    elif command.kind == COMMAND_CLOSE:
        _close(w, leg)


cdef inline void obey_commands(Worker* w) noexcept nogil:
    """Carry out everything that has been posted, as long as its events find room."""
    cdef const Command* command = command_next(w.commands)
    cdef Leg* leg
    while command != NULL and not event_crowded(w.events):
        if command.kind == COMMAND_STOP_WORKER:
            w.stopping = 1
        elif command.kind >= COMMAND_OPEN_ROOM:
            obey_room(w, command)
        else:
            leg = <Leg*> command.target
            if command.kind == COMMAND_OPEN:
                _open(w, leg)
            elif leg.id == command.leg and leg.state == LEG_OPEN:
                _obey(w, leg, command)
            elif command.kind == COMMAND_START_TAP or command.kind == COMMAND_START_VIDEO_TAP:
                tap_close(<tap_ring*> command.pointer)
        command_done(w.commands)
        command = command_next(w.commands)
