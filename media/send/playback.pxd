"""Playing prompts and tones: legs that play are spread over twenty slots, one per millisecond of a 20 ms packet."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from audiocodecs.registry cimport CODEC_PCMA, CODEC_PCMU
from media.leg cimport Leg
from media.mix.bridge cimport send_packet
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known
from media.play.source cimport play_read, play_source
from media.ring cimport PLAYBACK_END, PLAYBACK_NO_ENCODER, PLAYBACK_STOPPED, PlaybackEnd
from media.rtp.packet cimport RTP_HEADER, rtp_write_header
from media.send.packetize cimport send_number
from media.worker cimport SAMPLES, SLOTS, Worker, tell_playback

cdef enum:
    LATE_SLOTS = 100         # a worker held up for longer skips the time, rather than sending it all at once


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
    if leg.slot_previous != NULL:
        leg.slot_previous.slot_next = leg.slot_next
    else:
        w.slots[leg.playback.slot] = leg.slot_next
    if leg.slot_next != NULL:
        leg.slot_next.slot_previous = leg.slot_previous
    leg.slot_next = NULL
    leg.slot_previous = NULL
    w.playing -= 1
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
    leg.playback.slot = w.next_slot
    w.next_slot = (w.next_slot + 1) % SLOTS
    leg.slot_previous = NULL
    leg.slot_next = w.slots[leg.playback.slot]
    if leg.slot_next != NULL:
        leg.slot_next.slot_previous = leg
    w.slots[leg.playback.slot] = leg
    w.playing += 1


cdef inline void playback_formats_changed(Worker* w, Leg* leg) noexcept nogil:
    """The far end wants other payload types from now on."""
    if leg.playback.source != NULL and not _choose_encoder(leg):
        playback_end(w, leg, PLAYBACK_NO_ENCODER)


cdef inline void _play_packet(Worker* w, Leg* leg) noexcept nogil:
    """Send the next 20 ms. On hold, or without an address, time goes on and nothing is sent."""
    cdef uint16_t sequence
    cdef uint32_t timestamp
    cdef bint marker
    if play_read(
        leg.playback.source, leg.playback.a_law, leg.playback.repeat, &leg.playback.position, w.buffer + RTP_HEADER,
        SAMPLES,
    ) == 0:
        playback_end(w, leg, PLAYBACK_END)
        return
    sequence = leg.playback.sequence
    timestamp = leg.playback.timestamp
    leg.playback.timestamp += SAMPLES
    if not leg.may_send or not address_known(latch_destination(&leg.latch)):
        return
    leg.playback.sequence += 1
    marker = send_number(
        &leg.sent, (<uint64_t> 1 << 63) | <uint64_t> leg.playback.id, 8000, w.now, &sequence, &timestamp
    )
    rtp_write_header(w.buffer, leg.playback.payload_type, marker, sequence, timestamp, leg.sent.ssrc)
    send_packet(w, leg, w.buffer, SAMPLES)


cdef inline void playback_slots(Worker* w) noexcept nogil:
    """Serve every slot whose millisecond has come."""
    cdef Leg* leg
    cdef Leg* after
    cdef int64_t millisecond = w.now // 1000
    if w.playing == 0 or w.slot_due < millisecond - LATE_SLOTS:
        w.slot_due = millisecond
    while w.slot_due <= millisecond:
        leg = w.slots[w.slot_due % SLOTS]
        while leg != NULL:
            after = leg.slot_next
            _play_packet(w, leg)
            leg = after
        w.slot_due += 1


cdef inline int64_t playback_next(const Worker* w) noexcept nogil:
    """When the next slot with a leg in it is due (microseconds), or -1."""
    cdef int i
    if w.playing == 0:
        return -1
    for i in range(SLOTS):
        if w.slots[(w.slot_due + i) % SLOTS] != NULL:
            return (w.slot_due + i) * 1000
    return -1
