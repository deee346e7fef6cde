# One stream laid on the recording's clock.
#
# Two clocks meet here, both in units of 125 us (a sample of 8 kHz), whatever the codec and the file. *Stream time* is the
# RTP timestamp without its wraps, moved so that it needs no jump when the source changes. *Recording time* counts from
# OpenRecording. `shift` = recording - stream is where one lies on the other, and follows the earliest arrivals: a packet
# can come late by any amount, never early, so the smallest (arrival - stream time) of the last seconds is the network at
# its quickest and the far clock as it is now. Shift moves a unit or a few at a time, in silence where there is some, so
# that speech stays whole and an hour of a clock that is 500 ppm off stays within a few milliseconds.
#
# A packet's last sample is placed at its arrival: it cannot have been spoken later, whatever the packet time.
# Audio waits REORDER before it is given out, and is decoded AHEAD of that (media.record.tape): a packet may come late by
# what is between.

from libc.stdint cimport INT64_MAX, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport abs as iabs, calloc
from libc.string cimport memcpy, memset

from media.receive.tone_detector cimport ToneDetector, tone_feed, tone_init, tone_skip, tone_suspected
from media.record.tape cimport MOST_SCALE, WINDOW, tape, tape_at, tape_clear, tape_fill, tape_put, tape_read

cdef enum:
    REORDER = 2080              # 260 ms
    BUCKET = 32000              # 4 s: the earliest arrival is that of this bucket and the one before
    ENOUGH = 25                 # arrivals to have seen before shift follows them
    CHUNK = 160                 # shift moves between chunks
    DRIFT_START = 64            # 8 ms: begin to follow; less is jitter and is left alone, so that ...
    DRIFT_END = 8               # ... a call without drift is recorded sample by sample
    FAR_OFF = 160               # 20 ms: follow faster
    QUIET = 128                 # -48 dBov: moving is not heard
    QUIET_STEP = 80
    AHEAD = CHUNK + QUIET_STEP
    KEY_BEGAN = 208             # 26 ms: a key lies back at most so far when it is first suspected (Q.24)
    KEY_STEP = 16               # 2 ms, between looks
    KEY_AHEAD = AHEAD + KEY_BEGAN
    JUMP = 16000                # 2 s between timestamp and arrival: the source has changed its mind
    LATE_RUN = 10               # newest packets in a row past the window: the network has become slower for good

ctypedef struct timeline:
    tape *held                  # NULL = no packet yet
    int scale                   # samples of the file a unit
    uint32_t clock              # kHz, of the timestamps
    int64_t base                # stream time of what is given out next
    int64_t position            # recording time of it
    int64_t first               # stream time of the earliest audio put in, until something was given out
    int64_t newest_time         # stream time and ...
    uint32_t newest_timestamp   # ... timestamp of the same packet, to unwrap the next
    uint32_t ssrc
    uint16_t newest_sequence
    int16_t last[MOST_SCALE]    # samples of the unit given out last
    bint hides_keys             # digits are kept out of what is given out
    ToneDetector *keys          # NULL until the first packet, or for ever
    int64_t listened            # stream time up to which keys were listened for
    bint settled                # audio was given out: from here on shift may only creep
    bint following              # shift is being moved
    uint32_t late_run
    uint32_t arrivals
    uint32_t arrivals_before
    int64_t bucket_end
    int64_t earliest            # min(arrival - end of packet) in this bucket ...
    int64_t earliest_before     # ... and the one before
    uint64_t packets
    uint64_t late


cdef inline int64_t target_shift(timeline *line) noexcept nogil:
    return line.earliest if line.earliest < line.earliest_before else line.earliest_before


cdef inline void observe_arrival(timeline *line, int64_t arrival, int64_t end) noexcept nogil:
    if arrival >= line.bucket_end:
        if arrival >= line.bucket_end + BUCKET:     # nothing came for a whole bucket: what was known is too old
            line.earliest_before = INT64_MAX
            line.arrivals_before = 0
        else:
            line.earliest_before = line.earliest
            line.arrivals_before = line.arrivals
        line.earliest = INT64_MAX
        line.arrivals = 0
        line.bucket_end = arrival + BUCKET
    if arrival - end < line.earliest:
        line.earliest = arrival - end
    line.arrivals += 1


cdef inline int64_t anchor(timeline *line, int64_t arrival, uint32_t length) noexcept nogil:
    """Forget the past of the source; the packet that comes now ends at its arrival. Returns its stream time."""
    cdef int64_t shift = line.position - line.base
    line.earliest_before = INT64_MAX
    line.earliest = INT64_MAX
    line.arrivals_before = 0
    line.arrivals = 0
    line.bucket_end = arrival + BUCKET
    line.late_run = 0
    line.following = False
    return arrival - length - shift


cdef inline bint timeline_begin(timeline *line, int scale) noexcept nogil:
    """Room for the first packet; False: there is no memory."""
    if line.hides_keys and line.keys == NULL:
        line.keys = <ToneDetector *>calloc(1, sizeof(ToneDetector))
        if line.keys == NULL:
            return False
        tone_init(line.keys, 8000 * scale)
        line.listened = line.position
    line.held = <tape *>calloc(1, sizeof(tape))
    if line.held == NULL:
        return False
    line.scale = scale
    line.held.scale = scale
    line.held.edge = line.position
    line.base = line.position
    line.settled = False
    return True


cdef inline void settle(timeline *line) noexcept nogil:
    """Before any audio was given out the whole stream may still be moved: the first packet is rarely the quickest."""
    cdef int64_t base = line.position - target_shift(line)
    if base > line.base:
        tape_clear(line.held, line.base, base - line.base if base - line.base < WINDOW else WINDOW)
        line.base = base
        if line.held.edge < base:
            line.held.edge = base


cdef inline int64_t stream_time(timeline *line, uint32_t timestamp) noexcept nogil:
    return line.newest_time + <int32_t>(timestamp - line.newest_timestamp) * <int64_t>8 // line.clock


cdef inline void put_packet(timeline *line, int64_t arrival, uint32_t ssrc, uint32_t timestamp, uint32_t clock,
                            uint16_t sequence, uint8_t coder, const uint8_t *payload, uint16_t octets,
                            int64_t length) noexcept nogil:
    """Place one packet of `length` units, for the decoder `coder` of the tape, that arrived at recording time `arrival`.

    Its timestamp counts `clock` kHz. Only after `timeline_begin`.
    """
    cdef int64_t start, deviation
    cdef bint newer = True
    if line.clock == 0:
        start = anchor(line, arrival, length)
        line.first = start
    elif ssrc != line.ssrc or clock != line.clock:
        start = anchor(line, arrival, length)
    else:
        start = stream_time(line, timestamp)
        newer = <int16_t>(sequence - line.newest_sequence) > 0
        deviation = arrival - (start + length + line.position - line.base)
        if deviation > JUMP or deviation < -JUMP:
            start = anchor(line, arrival, length)
            newer = True
        elif start + length <= line.base and newer:
            line.late_run += 1
            if line.late_run >= LATE_RUN:
                start = anchor(line, arrival, length)
        elif start + length > line.base + WINDOW:
            start = anchor(line, arrival, length)
            newer = True
        elif newer:
            line.late_run = 0
    if newer:
        line.ssrc = ssrc
        line.clock = clock
        line.newest_sequence = sequence
        line.newest_timestamp = timestamp
        line.newest_time = start
    observe_arrival(line, arrival, start + length)
    if not line.settled:
        if start < line.first:
            line.first = start
        settle(line)
    if start + length <= line.held.edge:
        line.late += line.settled       # else it was spoken before the recording began
        return
    line.packets += 1
    if start + length <= line.base + WINDOW:
        tape_put(line.held, start, length, sequence, coder, payload, octets)


cdef inline void put_noise(timeline *line, uint32_t ssrc, uint32_t timestamp, uint32_t clock, uint16_t sequence,
                           uint8_t mark, const uint8_t *payload, uint16_t octets) noexcept nogil:
    """Comfort noise: from its place on the sender has paused."""
    cdef int64_t start
    if line.clock == 0 or ssrc != line.ssrc or clock != line.clock:
        return
    start = stream_time(line, timestamp)
    if line.base <= start < line.base + WINDOW:
        tape_put(line.held, start, 0, sequence, mark, payload, octets)


cdef inline bint is_quiet(timeline *line, int64_t count) noexcept nogil:
    cdef int64_t i
    cdef int k
    for i in range(line.base, line.base + count):
        for k in range(line.scale):
            if iabs(tape_at(line.held, i)[k]) > QUIET:
                return False
    return True


cdef inline int64_t wanted_move(timeline *line) noexcept nogil:
    """By how many units the stream should lie later (positive) or earlier on the recording; 0 = leave it."""
    cdef int64_t error
    if line.arrivals + line.arrivals_before < ENOUGH:
        return 0
    error = target_shift(line) - (line.position - line.base)
    if line.following:
        line.following = error > DRIFT_END or error < -DRIFT_END
    else:
        line.following = error > DRIFT_START or error < -DRIFT_START
    return error if line.following else 0


cdef inline int64_t step_towards(timeline *line, int64_t move, int64_t chunk) noexcept nogil:
    cdef int64_t size = move if move > 0 else -move, limit
    if is_quiet(line, chunk + QUIET_STEP):
        limit = QUIET_STEP
    else:
        limit = 4 if size > FAR_OFF else 1
    return size if size < limit else limit


cdef inline void hide_keys(timeline *line) noexcept nogil:
    """Listen to what has been decoded, and silence every key from its first moment on, as long as it may be one."""
    cdef int16_t pcm[KEY_STEP * MOST_SCALE]
    cdef int64_t at = line.listened if line.listened > line.base else line.base, begin
    cdef bint known
    cdef int i
    if at > line.listened:
        tone_skip(line.keys, <int>(at - line.listened) * line.scale)
    while at + KEY_STEP <= line.held.edge:
        for i in range(KEY_STEP):
            memcpy(pcm + i * line.scale, tape_at(line.held, at + i), line.scale * sizeof(int16_t))
        known = tone_suspected(line.keys)
        tone_feed(line.keys, pcm, KEY_STEP * line.scale)
        at += KEY_STEP
        if tone_suspected(line.keys):
            begin = at - KEY_STEP if known else at - KEY_BEGAN
            if begin < line.base:
                begin = line.base
            tape_clear(line.held, begin, at - begin)
    line.listened = at


cdef inline void give_out(timeline *line, int16_t *out, int64_t count) noexcept nogil:
    """The next `count` units of the recording. Call it only with every packet put that arrived REORDER after them."""
    cdef int64_t done = 0, chunk, move, step, at
    cdef int k
    if line.held == NULL:
        memset(out, 0, count * line.scale * sizeof(int16_t))
        line.position += count
        return
    while done < count:
        chunk = count - done if count - done < CHUNK else CHUNK
        tape_fill(line.held, line.base + (KEY_AHEAD if line.keys != NULL else AHEAD))
        if line.keys != NULL:
            hide_keys(line)
        if not line.settled:
            line.settled = line.base + chunk > line.first
        move = wanted_move(line) if line.settled else 0
        if move < 0:
            step = step_towards(line, move, chunk)
            tape_clear(line.held, line.base, step)
            line.base += step
            tape_fill(line.held, line.base + chunk)
        elif move > 0:
            step = step_towards(line, move, chunk)
            if step > chunk:
                step = chunk
            for at in range(done, done + step):
                for k in range(line.scale):
                    out[at * line.scale + k] = line.last[line.scale - 1]
            done += step
            line.position += step
            chunk -= step
        tape_read(line.held, line.base, out + done * line.scale, chunk)
        if chunk:
            memcpy(line.last, out + (done + chunk - 1) * line.scale, line.scale * sizeof(int16_t))
        line.base += chunk
        line.position += chunk
        done += chunk
