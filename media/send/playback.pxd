"""Playing prompts and tones: a leg that plays is on the wheel, once every packet time."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from audiocodecs.registry cimport CODEC_PCMA, CODEC_PCMU
from media.leg cimport WHEEL_PLAYBACK, Leg
from media.mix.bridge cimport send_packet
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known
from media.play.source cimport play_read, play_source, play_track_for
from media.ring cimport PLAYBACK_END, PLAYBACK_NO_ENCODER, PLAYBACK_STOPPED, PlaybackEnd
from media.rtp.packet cimport RTP_HEADER, rtp_write_header
from media.send.packetize cimport send_number
from media.wheel cimport wheel_add, wheel_begin, wheel_remove
from media.worker cimport Worker, tell_playback

cdef enum:
    SAMPLES_MS = 8           # G.711


cdef inline bint _choose_encoder(Leg* leg) noexcept nogil:
    cdef int i
    for i in range(leg.send_format_count):
        if leg.send_formats[i].codec == CODEC_PCMA or leg.send_formats[i].codec == CODEC_PCMU:
            leg.playback.payload_type = leg.send_formats[i].payload_type
            leg.playback.a_law = leg.send_formats[i].codec == CODEC_PCMA
            return True
    return False


cdef inline void playback_end(Worker* w, Leg* leg, PlaybackEnd end) noexcept nogil:
    """Stop what plays, if anything does, and tell why."""
    if leg.playback.source == NULL:
        return
    leg.playback.source = NULL
    wheel_remove(w, &leg.playback.turn)
    tell_playback(w, leg, leg.playback.id, end)


cdef inline void playback_begin(
    Worker* w, Leg* leg, const play_source* source, int64_t playback, bint repeat
) noexcept nogil:
    playback_end(w, leg, PLAYBACK_STOPPED)
    if not _choose_encoder(leg):
        tell_playback(w, leg, playback, PLAYBACK_NO_ENCODER)
        return
    leg.playback.source = source
    leg.playback.id = playback
    leg.playback.repeat = repeat
    leg.playback.position = 0
    leg.playback.sequence = 0
    leg.playback.timestamp = 0
    wheel_begin(w, &leg.playback.turn, WHEEL_PLAYBACK, leg, leg.ptime)


cdef inline void playback_formats_changed(Worker* w, Leg* leg) noexcept nogil:
    """The far end wants other payload types from now on."""
    if leg.playback.source != NULL and not _choose_encoder(leg):
        playback_end(w, leg, PLAYBACK_NO_ENCODER)


cdef inline void playback_turn(Worker* w, Leg* leg) noexcept nogil:
    """Send the next packet. On hold, or without an address, time goes on and nothing is sent."""
    cdef uint32_t samples = leg.ptime * <uint32_t> SAMPLES_MS
    cdef uint16_t sequence
    cdef uint32_t timestamp
    cdef bint marker
    if play_read(
        leg.playback.source,
        play_track_for(leg.playback.source, CODEC_PCMA if leg.playback.a_law else CODEC_PCMU, 8000, samples),
        leg.playback.repeat, &leg.playback.position, samples, w.buffer + RTP_HEADER, <int> samples,
    ) <= 0:
        playback_end(w, leg, PLAYBACK_END)
        return
    wheel_add(w, &leg.playback.turn, leg.ptime)
    sequence = leg.playback.sequence
    timestamp = leg.playback.timestamp
    leg.playback.timestamp += samples
    if not leg.may_send or not address_known(latch_destination(&leg.latch)):
        return
    leg.playback.sequence += 1
    marker = send_number(
        &leg.sent, (<uint64_t> 1 << 63) | <uint64_t> leg.playback.id, 8000, w.now, &sequence, &timestamp
    )
    rtp_write_header(w.buffer, leg.playback.payload_type, marker, sequence, timestamp, leg.sent.ssrc)
    send_packet(w, leg, w.buffer, <int> samples)
