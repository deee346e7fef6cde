"""Playing: prompts, tones and music to a leg's far end, with announcements over it.

A leg that plays is on the wheel once every packet time. Most packets are copied from a track (media.play.track). Only
where sounds meet is PCM mixed and encoded: an announcement over music that sinks and rises again, the beginning of a
song resumed, the end of one that is stopped or replaced; there every gain moves in a straight line for 20 ms or more.
Mixing needs an encoder: G.711's are here, others stand in the leg's voice; a leg without hears the announcement alone,
and the music afterwards.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from audiocodecs.g711 cimport g711_encode_alaw, g711_encode_ulaw
from audiocodecs.registry cimport CODEC_CN, CODEC_G729, CODEC_OPUS, CODEC_PCMA, CODEC_PCMU, CODEC_TELEPHONE_EVENT
from media.leg cimport PLAY_SOUNDS, WHEEL_PLAYBACK, Leg, Playback, PlayQueue
from media.mix.bridge cimport send_packet
from media.mix.gain cimport limit, mix_scaled
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known
from media.play.source cimport PLAY_TICKS_A_MS, play_read, play_source, play_track, play_track_for, play_wide
from media.ring cimport PLAYBACK_END, PLAYBACK_NO_ENCODER, PLAYBACK_STOPPED, PlaybackEnd, PlayOrder
from media.rtp.packet cimport RTP_HEADER, rtp_write_header
from media.send.packetize cimport send_number
from media.send.telephone_event cimport press_busy
from media.voice cimport SEAL_ROOM, voice_send
from media.wheel cimport wheel_add, wheel_begin, wheel_remove
from media.worker cimport DATAGRAM_ROOM, Worker, tell_playback

cdef enum:
    PLAY_UNITY = 8192        # UNITY of media.mix.gain
    PIECE = 40               # ticks: gains are set anew every 5 ms
    FADE = 160               # ticks of a crossfade: 20 ms
    DUCK = 800               # ticks in which music sinks, and rises again: 100 ms
    LONGEST = 480            # ticks of the longest packet
    LIMITED = 160            # ticks the limiter takes at once, and the block it works in
    LIMIT_BLOCK = 10


cdef inline uint32_t _packet_ms(uint8_t codec, uint32_t ptime) noexcept nogil:
    """As media.play.track.packet_ms."""
    if codec == CODEC_OPUS:
        return 60 if ptime >= 60 else 40 if ptime >= 40 else 20 if ptime >= 20 else 10
    if codec == CODEC_G729:
        return max(<uint32_t> 10, ptime - ptime % 10)
    return min(max(ptime, <uint32_t> 10), <uint32_t> 60)


cdef inline bint _is_g711(uint8_t codec) noexcept nogil:
    return codec == CODEC_PCMA or codec == CODEC_PCMU


cdef inline bint _has_live(const Leg* leg, uint8_t codec, uint32_t clock_rate) noexcept nogil:
    """Whether PCM can be encoded for this leg here and now."""
    if _is_g711(codec):
        return True
    return (
        leg.voice != NULL and leg.voice.frame != 0 and leg.voice.coders.encoder.codec == codec
        and leg.voice.coders.encoder.clock_rate == clock_rate
    )


cdef inline bint _has_tracks(const PlayQueue* queue, uint8_t codec, uint32_t clock_rate, uint32_t ticks) noexcept nogil:
    cdef int i
    for i in range(queue.count):
        if play_track_for(queue.sounds[i], codec, clock_rate, ticks) == NULL:
            return False
    return True


cdef inline bint _choose_format(Leg* leg, const PlayQueue* queue) noexcept nogil:
    """The far end's best format in which these sounds can be sent."""
    cdef Playback* p = &leg.playback
    cdef uint8_t codec
    cdef uint32_t rate
    cdef int i
    for i in range(leg.send_format_count):
        codec = leg.send_formats[i].codec
        rate = leg.send_formats[i].rate
        if codec == CODEC_TELEPHONE_EVENT or codec == CODEC_CN:
            continue
        if _has_live(leg, codec, rate) or _has_tracks(
            queue, codec, rate, _packet_ms(codec, leg.ptime) * <uint32_t> PLAY_TICKS_A_MS
        ):
            p.payload_type = leg.send_formats[i].payload_type
            p.codec = codec
            p.clock_rate = rate
            return True
    return False


cdef inline void _finish(Worker* w, Leg* leg, PlayQueue* queue, PlaybackEnd end) noexcept nogil:
    if queue.count:
        tell_playback(w, leg, queue, end)
        queue.count = 0


cdef inline void _rest(Worker* w, Leg* leg) noexcept nogil:
    """Off the wheel, once nothing plays any more."""
    cdef Playback* p = &leg.playback
    if leg.playing and p.music.count == 0 and p.over.count == 0 and p.leaving.count == 0:
        wheel_remove(w, &p.turn)
        leg.playing = p.begun = p.stopping = 0


cdef inline void playback_end(Worker* w, Leg* leg, PlaybackEnd end) noexcept nogil:
    """End what plays, if anything does, at once, and tell why."""
    _finish(w, leg, &leg.playback.leaving, PLAYBACK_STOPPED)
    _finish(w, leg, &leg.playback.music, end)
    _finish(w, leg, &leg.playback.over, end)
    _rest(w, leg)


cdef inline void _aim(PlayQueue* queue, int target, int ticks) noexcept nogil:
    """Let the gain move to `target`, as fast as it takes to come all the way from nothing in `ticks`."""
    queue.target = target
    queue.step = max(PLAY_UNITY * PIECE // ticks, 1)


cdef inline void playback_stop(Worker* w, Leg* leg) noexcept nogil:
    """End with the next packet, in which everything fades away: within a packet time, and without a click."""
    cdef Playback* p = &leg.playback
    cdef int ticks
    if not leg.playing or p.stopping:
        return
    if not p.begun or not _has_live(leg, p.codec, p.clock_rate):
        playback_end(w, leg, PLAYBACK_STOPPED)
        return
    p.stopping = 1
    ticks = <int> min(_packet_ms(p.codec, leg.ptime) * <uint32_t> PLAY_TICKS_A_MS, <uint32_t> FADE)
    _aim(&p.music, 0, ticks)
    _aim(&p.over, 0, ticks)
    _aim(&p.leaving, 0, ticks)


cdef inline void _load(PlayQueue* queue, int64_t playback, const PlayOrder* order, bint repeat) noexcept nogil:
    cdef int i
    queue.id = playback
    for i in range(order.count):
        queue.sounds[i] = order.sounds[i]
    queue.count = order.count
    queue.at = order.first
    queue.position = order.position
    queue.repeat = repeat
    queue.ended = 0
    queue.gain = queue.target = PLAY_UNITY


cdef inline void playback_begin(
    Worker* w, Leg* leg, int64_t playback, const PlayOrder* order, bint repeat
) noexcept nogil:
    """Play these instead of what plays; an announcement over it goes on."""
    cdef Playback* p = &leg.playback
    cdef bint from_silence = order.position == 0 and order.first == 0
    if p.stopping:
        p.stopping = 0
        _finish(w, leg, &p.over, PLAYBACK_STOPPED)
    if p.music.count:
        _finish(w, leg, &p.leaving, PLAYBACK_STOPPED)
        if p.begun and _has_live(leg, p.codec, p.clock_rate):
            p.leaving = p.music
            _aim(&p.leaving, 0, FADE)
            from_silence = False
        else:
            _finish(w, leg, &p.music, PLAYBACK_STOPPED)
    _load(&p.music, playback, order, repeat)
    if not _choose_format(leg, &p.music):
        _finish(w, leg, &p.music, PLAYBACK_NO_ENCODER)
        _rest(w, leg)
        return
    if p.over.count:
        p.music.gain = 0
        _aim(&p.music, p.ducked, FADE)
    elif not from_silence:
        p.music.gain = 0
        _aim(&p.music, PLAY_UNITY, FADE)
    if leg.playing:
        return
    leg.playing = 1
    p.begun = 0
    p.sequence = 0
    p.timestamp = 0
    p.stream = (<uint64_t> 1 << 63) | (<uint64_t> playback & ~(<uint64_t> 1 << 62))
    if leg.sent.source == p.stream:
        leg.sent.source = 0      # it goes on after a change of codec: numbered anew from 0
    p.limiter.gain = 1.0
    p.limiter.hold = 0
    wheel_begin(w, &p.turn, WHEEL_PLAYBACK, leg, leg.ptime)


cdef inline void playback_announce(Worker* w, Leg* leg, int64_t playback, const PlayOrder* order) noexcept nogil:
    """Play these over the music, which sinks meanwhile; without music just play them. Replaces an announcement."""
    cdef Playback* p = &leg.playback
    if p.music.count == 0 or p.stopping:
        playback_begin(w, leg, playback, order, False)
        return
    if p.over.count and p.begun and _has_live(leg, p.codec, p.clock_rate):
        _finish(w, leg, &p.leaving, PLAYBACK_STOPPED)
        p.leaving = p.over
        _aim(&p.leaving, 0, FADE)
    else:
        _finish(w, leg, &p.over, PLAYBACK_STOPPED)
    _load(&p.over, playback, order, False)
    if not _has_live(leg, p.codec, p.clock_rate) and not _has_tracks(
        &p.over, p.codec, p.clock_rate, _packet_ms(p.codec, leg.ptime) * <uint32_t> PLAY_TICKS_A_MS
    ):
        _finish(w, leg, &p.over, PLAYBACK_NO_ENCODER)
        return
    p.ducked = order.ducked
    p.over.gain = 0
    _aim(&p.over, PLAY_UNITY, FADE)
    _aim(&p.music, order.ducked, DUCK)


cdef inline void playback_formats_changed(Worker* w, Leg* leg) noexcept nogil:
    """The far end wants other payload types, or packet times, from now on."""
    if leg.playback.music.count and not _choose_format(leg, &leg.playback.music):
        playback_end(w, leg, PLAYBACK_NO_ENCODER)
    elif leg.playback.music.count == 0 and leg.playback.over.count and not _choose_format(leg, &leg.playback.over):
        playback_end(w, leg, PLAYBACK_NO_ENCODER)


cdef inline bint _advance(PlayQueue* queue) noexcept nogil:
    """To the next sound, when this one is over; False when that was the last."""
    if queue.position < queue.sounds[queue.at].length:
        return True
    if queue.at + 1 < queue.count:
        queue.at += 1
    elif queue.repeat:
        queue.at = 0
    else:
        queue.ended = 1
        return False
    queue.position = 0
    return True


cdef inline void _add(PlayQueue* queue, int32_t* total, uint32_t ticks, bint wide) noexcept nogil:
    """The next piece of a queue, on top of `total`, its gain on its way."""
    cdef int start = queue.gain
    cdef int end = min(start + queue.step, queue.target) if queue.target > start else max(
        start - queue.step, queue.target
    )
    cdef uint32_t done = 0, part
    cdef int scale = 2 if wide else 1
    cdef const play_source* sound
    cdef const int16_t* pcm
    while done < ticks and _advance(queue):
        sound = queue.sounds[queue.at]
        part = min(ticks - done, sound.length - queue.position)
        pcm = play_wide(sound) if wide else sound.narrow
        mix_scaled(
            total + done * <uint32_t> scale, pcm + queue.position * <uint32_t> scale, <int> part * scale,
            start + (end - start) * <int> done // <int> ticks, start + (end - start) * <int> (done + part) // <int> ticks,
        )
        queue.position += part
        done += part
    queue.gain = end


cdef inline bint _is_wide(const PlayQueue* queue) noexcept nogil:
    cdef int i
    for i in range(queue.count):
        if play_wide(queue.sounds[i]) == NULL:
            return False
    return True


cdef inline bint _is_ending(const PlayQueue* queue) noexcept nogil:
    """Whether the last 20 ms of the last sound have begun."""
    return (
        not queue.repeat and queue.at + 1 == queue.count
        and queue.position + <uint32_t> FADE >= queue.sounds[queue.at].length
    )


cdef inline int _clip(Playback* p, const int32_t* total, int samples, int rate, int16_t* out) noexcept nogil:
    cdef int i
    if samples % (LIMIT_BLOCK * rate // 8000) == 0:
        limit(&p.limiter, total, samples, rate, out)
        return 0
    for i in range(samples):
        out[i] = <int16_t> min(max(total[i], -32768), 32767)
    return 0


cdef inline void _mix(Leg* leg, uint32_t ticks, bint wide, int16_t* out) noexcept nogil:
    """The next `ticks` of all that plays, at 8 or 16 kHz."""
    cdef Playback* p = &leg.playback
    cdef int32_t[2 * LONGEST] total
    cdef uint32_t done = 0, part
    cdef int scale = 2 if wide else 1
    memset(total, 0, sizeof(total))
    while done < ticks:
        part = min(ticks - done, <uint32_t> PIECE)
        if p.over.count and not p.over.ended and not p.stopping and _is_ending(&p.over):
            _aim(&p.over, 0, FADE)
            if p.music.count:
                _aim(&p.music, PLAY_UNITY, DUCK)
        if p.leaving.count:
            _add(&p.leaving, total + done * <uint32_t> scale, part, wide)
        if p.music.count:
            _add(&p.music, total + done * <uint32_t> scale, part, wide)
        if p.over.count:
            _add(&p.over, total + done * <uint32_t> scale, part, wide)
        done += part
    done = 0
    while done < ticks:
        part = min(ticks - done, <uint32_t> LIMITED)
        _clip(
            p, total + done * <uint32_t> scale, <int> part * scale, 8000 * scale, out + done * <uint32_t> scale
        )
        done += part


cdef inline void _send(Worker* w, Leg* leg, uint16_t sequence, uint32_t timestamp, int octets) noexcept nogil:
    """A packet of our own numbering, its payload in the worker's buffer."""
    cdef Playback* p = &leg.playback
    cdef bint marker = send_number(&leg.sent, p.stream, p.clock_rate, w.now, &sequence, &timestamp)
    rtp_write_header(w.buffer, p.payload_type, marker, sequence, timestamp, leg.sent.ssrc)
    send_packet(w, leg, w.buffer, octets)


cdef inline void _mixed_packet(Worker* w, Leg* leg, uint32_t ticks, bint sends) noexcept nogil:
    cdef Playback* p = &leg.playback
    cdef int16_t[2 * LONGEST] pcm
    cdef bint wide = (
        not _is_g711(p.codec) and _is_wide(&p.music) and _is_wide(&p.over) and _is_wide(&p.leaving)
    )
    cdef uint32_t i
    _mix(leg, ticks, wide, pcm)
    if not sends:
        return
    if not _is_g711(p.codec):
        voice_send(w, leg, pcm, <int> ticks * (2 if wide else 1), 16000 if wide else 8000)
        return
    if p.codec == CODEC_PCMA:
        for i in range(ticks):
            w.buffer[RTP_HEADER + i] = g711_encode_alaw(pcm[i])
    else:
        for i in range(ticks):
            w.buffer[RTP_HEADER + i] = g711_encode_ulaw(pcm[i])
    _send(w, leg, p.sequence, p.timestamp, <int> ticks)
    p.sequence += 1


cdef inline bint _plain_packet(Worker* w, Leg* leg, PlayQueue* queue, uint32_t ticks, bint sends) noexcept nogil:
    """Copy the next packet of a track. False: there is no such track."""
    cdef Playback* p = &leg.playback
    cdef const play_track* track
    cdef int octets = 0
    while octets == 0 and _advance(queue):
        track = play_track_for(queue.sounds[queue.at], p.codec, p.clock_rate, ticks)
        if track == NULL:
            return False
        octets = play_read(
            queue.sounds[queue.at], track, queue.repeat and queue.count == 1, &queue.position, ticks,
            w.buffer + RTP_HEADER, DATAGRAM_ROOM - RTP_HEADER - SEAL_ROOM,
        )
    if octets > 0 and sends:
        _send(w, leg, p.sequence, p.timestamp, octets)
        p.sequence += 1
    return True


cdef inline bint _packet(Worker* w, Leg* leg, uint32_t ticks, bint sends) noexcept nogil:
    """The next packet, copied where that is all there is to do. False: it cannot be encoded."""
    cdef Playback* p = &leg.playback
    cdef bint live = _has_live(leg, p.codec, p.clock_rate)
    if p.over.count == 0 and p.leaving.count == 0 and p.music.gain == PLAY_UNITY and p.music.target == PLAY_UNITY:
        if _plain_packet(w, leg, &p.music, ticks, sends):
            return True
    if live:
        _mixed_packet(w, leg, ticks, sends)
        return True
    p.leaving.ended = 1
    p.music.gain = p.music.target = PLAY_UNITY
    return _plain_packet(w, leg, &p.over if p.over.count else &p.music, ticks, sends)


cdef inline void playback_turn(Worker* w, Leg* leg) noexcept nogil:
    """Send the next packet. On hold, without an address, or while a key is sent, time goes on and nothing is sent."""
    cdef Playback* p = &leg.playback
    cdef uint32_t ms = _packet_ms(p.codec, leg.ptime)
    cdef bint sends = (
        leg.may_send and address_known(latch_destination(&leg.latch)) and not press_busy(&leg.keys.presses)
    )
    if p.music.count and p.over.count == 0 and p.leaving.count == 0 and not _advance(&p.music):
        playback_end(w, leg, PLAYBACK_END)
        return
    p.begun = 1
    if not _packet(w, leg, ms * <uint32_t> PLAY_TICKS_A_MS, sends):
        playback_end(w, leg, PLAYBACK_NO_ENCODER)
        return
    p.timestamp += ms * (p.clock_rate // 1000)
    if p.stopping:
        playback_end(w, leg, PLAYBACK_STOPPED)
        return
    if p.leaving.ended or p.leaving.gain == 0:
        _finish(w, leg, &p.leaving, PLAYBACK_STOPPED)
    if p.over.count and not _advance(&p.over):
        _finish(w, leg, &p.over, PLAYBACK_END)
        if p.music.count:
            _aim(&p.music, PLAY_UNITY, DUCK)
    if p.music.ended:
        _finish(w, leg, &p.music, PLAYBACK_END)
    if p.music.count == 0 and p.over.count == 0 and p.leaving.count == 0:
        _rest(w, leg)
    else:
        wheel_add(w, &p.turn, <int> ms)
