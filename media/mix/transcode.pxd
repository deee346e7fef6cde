"""Transcoding on arrival: a packet one leg received is decoded, and said to its partner at once, in packets of its own.

No jitter buffer: what comes late or twice is dropped, what is lost is made up for at the packet behind it.

- The decoder can rebuild the packet before (Opus FEC): it does. That is what was really said, one packet late, as for
  any receiver of Opus.
- Otherwise whole packets of ours stay lost, numbers and all. The far end conceals them at the moment they are due, and
  its reports tell the truth about the path; a guess of ours would come a packet time late, behind its playout point or
  stretching it.
- What is only a part of a packet of ours (the packet times differ) is guessed, and so is everything towards an encoder
  that repeats itself (Opus FEC): it would repeat what went before the gap as what was in it. The decoder guesses, or
  media.receive.concealment where it cannot.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memmove, memset

from audiocodecs.coder cimport CODER_MOST_SAMPLES, audio_decoder
from media.leg cimport (
    DROP_OUT_OF_ORDER, DROP_UNDECODABLE, DROP_UNROUTABLE, PAUSE_NONE, Arrival, Format, Leg, Voice,
)
from media.mix.bridge cimport send_packet
from media.mix.silence cimport silence_by_codec, silence_end
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known
from media.receive.concealment cimport conceal_begin, conceal_join, conceal_make
from media.receive.statistics cimport DUPLICATE, JUMPED, MAX_DROPOUT, MAX_MISORDER, Verdict
from media.rtp.packet cimport RTP_HEADER, RtpPacket, rtp_write_header
from media.send.telephone_event cimport press_busy
from media.voice cimport voice_begin, voice_beside, voice_pause, voice_room, voice_send, voice_skip
from media.worker cimport Worker, drop

cdef enum:
    GUESSED_MS = 60              # of a longer gap nothing is guessed beyond
    PAUSE_OCTETS = 2             # Opus (DTX) and G.729 (annex B): so short a packet describes noise, and more may not come
    SHORTEST_PAUSE_MS = 10       # timestamps that stray by less are the far end's clumsiness


cdef inline int _history(const audio_decoder* decoder) noexcept nogil:
    return <int> decoder.sample_rate // 20


cdef inline void _remember(Voice* voice, const audio_decoder* decoder, const int16_t* pcm, int samples) noexcept nogil:
    """Keep what was decoded, where a guess would have to begin with it."""
    cdef int history = _history(decoder)
    if samples < history:
        memmove(voice.heard, voice.heard + samples, (history - samples) * sizeof(int16_t))
        memcpy(voice.heard + history - samples, pcm, samples * sizeof(int16_t))
    else:
        memcpy(voice.heard, pcm + samples - history, history * sizeof(int16_t))


cdef inline void _guess(
    Worker* w, Leg* leg, Leg* target, audio_decoder* decoder, int samples, bint say
) noexcept nogil:
    """Go on for so long with what was heard. Not aloud, it is for a decoder that joins better behind it."""
    cdef Voice* voice = leg.voice
    cdef int most = <int> decoder.sample_rate // 50
    cdef int part
    if decoder.conceal == NULL and not say:
        return
    while samples > 0:
        part = min(samples, most)
        if decoder.conceal != NULL:
            if decoder.conceal(decoder, w.pcm, part) <= 0:
                memset(w.pcm, 0, part * sizeof(int16_t))
        else:
            if not voice.guessing:
                voice.guessing = 1
                conceal_begin(&voice.guess, <int> decoder.sample_rate, voice.heard, _history(decoder))
            conceal_make(&voice.guess, w.pcm, 0, part)
        if say:
            voice_send(w, target, w.pcm, part, decoder.sample_rate)
        samples -= part


cdef inline void _lost(Worker* w, Leg* leg, Leg* target, audio_decoder* decoder, int samples) noexcept nogil:
    """So much that nothing can rebuild: guess what must be, let our packets be lost otherwise."""
    cdef int most = <int> decoder.sample_rate * GUESSED_MS // 1000
    cdef int begun, whole
    if target.voice.coders.encoder.expect_loss != NULL:
        _guess(w, leg, target, decoder, min(samples, most), True)
        voice_pause(w, target, max(samples - most, 0), decoder.sample_rate)
        return
    begun = min(voice_room(target.voice, decoder.sample_rate), samples)
    _guess(w, leg, target, decoder, begun, True)
    samples -= begun
    whole = voice_skip(target.voice, samples, decoder.sample_rate)
    _guess(w, leg, target, decoder, min(whole, most), False)
    _guess(w, leg, target, decoder, samples - whole, True)


cdef inline void _gap(
    Worker* w, Leg* leg, Leg* target, audio_decoder* decoder, int ahead, int32_t missing, const RtpPacket* packet,
    int samples,
) noexcept nogil:
    """What lies between the last packet that was passed on and this one: `missing` in units of the RTP clock."""
    cdef int32_t clock = <int32_t> decoder.clock_rate
    cdef int lost, before, given
    if missing <= 0 or ahead == 0 and <int64_t> missing * 1000 < clock * SHORTEST_PAUSE_MS:
        return
    if ahead == 0 or missing > clock:
        voice_pause(w, target, <int64_t> missing * decoder.sample_rate // clock, decoder.sample_rate)
        return
    lost = <int> (<int64_t> missing * decoder.sample_rate // clock)
    if decoder.recover == NULL:
        _lost(w, leg, target, decoder, lost)
        return
    before = max(lost - samples, 0)
    _lost(w, leg, target, decoder, before)
    given = decoder.recover(decoder, packet.payload, packet.payload_length, w.pcm, lost - before)
    if given > 0:
        voice_send(w, target, w.pcm, given, decoder.sample_rate)
    _lost(w, leg, target, decoder, lost - before - max(given, 0))


cdef inline void transcode_packet(
    Worker* w, Leg* leg, uint8_t index, Verdict verdict, const RtpPacket* packet
) noexcept nogil:
    """Say an accepted packet to the leg this one feeds; `index` of its format, which is routed as TRANSCODE."""
    cdef Leg* target = leg if leg.echo else leg.peer
    cdef Arrival* arrival = &leg.voice.arrival
    cdef audio_decoder* decoder = leg.voice.decoder_of[index]
    cdef int samples, ahead
    cdef bint said = False
    if not target.may_send or target.playing or target.mixed:
        arrival.decoder = NULL
        return
    if not address_known(latch_destination(&target.latch)):
        arrival.decoder = NULL
        drop(w, leg, DROP_UNROUTABLE)
        return
    if verdict == DUPLICATE:
        return
    ahead = <int16_t> (packet.sequence - arrival.next_sequence)
    samples = decoder.samples(decoder, packet.payload, packet.payload_length)
    if samples <= 0 or samples > CODER_MOST_SAMPLES:
        drop(w, leg, DROP_UNDECODABLE)
        return
    if verdict == JUMPED:
        drop(w, leg, DROP_OUT_OF_ORDER)
        return
    if (
        arrival.decoder != decoder or arrival.ssrc != packet.ssrc or ahead >= MAX_DROPOUT or ahead < -MAX_MISORDER
    ):
        decoder.reset(decoder)
        arrival.decoder = decoder
        arrival.ssrc = packet.ssrc
        leg.voice.guessing = 0
        memset(leg.voice.heard, 0, sizeof(leg.voice.heard))
        voice_begin(w, target)
    elif ahead < 0:
        drop(w, leg, DROP_OUT_OF_ORDER)
        return
    elif leg.voice.pause != PAUSE_NONE:
        said = decoder.conceal != NULL and packet.payload_length <= PAUSE_OCTETS
    else:
        _gap(w, leg, target, decoder, ahead, <int32_t> (packet.timestamp - arrival.next_timestamp), packet, samples)
    samples = decoder.decode(decoder, packet.payload, packet.payload_length, w.pcm, CODER_MOST_SAMPLES)
    if samples <= 0:
        drop(w, leg, DROP_UNDECODABLE)
        samples = 0
    arrival.next_sequence = packet.sequence + 1
    arrival.next_timestamp = packet.timestamp + <uint32_t> (<int64_t> samples * decoder.clock_rate // decoder.sample_rate)
    if said:
        return                   # the noise goes on; the decoder knows now how
    if decoder.conceal == NULL:
        if leg.voice.guessing:
            leg.voice.guessing = 0
            conceal_join(&leg.voice.guess, w.pcm, 0, samples)
        _remember(leg.voice, decoder, w.pcm, samples)
    voice_send(w, target, w.pcm, samples, decoder.sample_rate)
    if decoder.conceal != NULL and packet.payload_length <= PAUSE_OCTETS and samples:
        silence_by_codec(w, leg)
    else:
        silence_end(w, leg)


cdef inline bint transcode_beside(
    Worker* w, Leg* leg, const Format* format, Verdict verdict, RtpPacket* packet
) noexcept nogil:
    """Pass on what needs no decoding (telephone events, comfort noise) among the packets of a transcoded stream.

    False when the leg's audio is not being transcoded just now: then the bridge carries it.
    """
    cdef Leg* target = leg if leg.echo else leg.peer
    cdef Arrival* arrival = &leg.voice.arrival
    cdef uint16_t sequence
    cdef uint32_t timestamp
    cdef bint marker
    cdef int ahead
    if arrival.decoder == NULL or arrival.ssrc != packet.ssrc:
        return False
    ahead = <int16_t> (packet.sequence - arrival.next_sequence)
    if verdict == DUPLICATE or verdict == JUMPED or ahead < 0:
        return True
    arrival.next_sequence = packet.sequence + 1
    if not target.may_send or target.playing or target.mixed:
        return True
    if not address_known(latch_destination(&target.latch)):
        return True
    if press_busy(&target.keys.presses):
        return True
    marker = voice_beside(w, target, packet.timestamp, &sequence, &timestamp)
    rtp_write_header(
        packet.payload - RTP_HEADER, format.out_payload_type, packet.marker or marker, sequence, timestamp,
        target.sent.ssrc,
    )
    send_packet(w, target, packet.payload - RTP_HEADER, packet.payload_length)
    return True
