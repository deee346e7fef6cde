"""A leg as audio: what is said to its far end is packed, encoded, numbered and sent.

A `Voice` hangs on `leg.voice` of the legs that need one (transcoding, mixing, what is played without a track of their
codec); control gives it its coders (media.coding). Numbering is the voice's own, whoever speaks through it, and goes
through send_number like that of every source of the leg.
"""

from libc.stdint cimport int16_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from audiocodecs.coder cimport audio_encoder
from audiocodecs.registry cimport CODEC_OPUS
from audiocodecs.resampling cimport resampler_init, resampler_run
from media.leg cimport FORMATS, PACKED, Coders, Leg, Voice
from media.mix.bridge cimport send_packet
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known
from media.rtp.packet cimport RTP_HEADER, rtp_write_header
from media.send.packetize cimport send_number
from media.worker cimport CONVERTED, DATAGRAM_ROOM, Worker

cdef enum:
    SEAL_ROOM = 64               # bytes kept free behind a payload for what encryption adds


cdef inline uint32_t _frame(const audio_encoder* encoder, uint32_t ptime) noexcept nogil:
    """Samples of a packet: `ptime`, or the longest shorter time the codec can pack (Opus: 10, 20, 40, 60 ms)."""
    cdef uint32_t samples
    if encoder.codec == CODEC_OPUS:
        ptime = 60 if ptime >= 60 else 40 if ptime >= 40 else 20 if ptime >= 20 else 10
    samples = encoder.sample_rate * ptime // 1000
    if encoder.grain > 1:
        samples = max(samples - samples % encoder.grain, encoder.grain)
    return min(samples, <uint32_t> PACKED)


cdef inline void voice_route(Leg* leg) noexcept nogil:
    """After the leg's formats or coders changed: which decoder reads which format, and as what the encoder's go out."""
    cdef Voice* voice = leg.voice
    cdef audio_encoder* encoder
    cdef uint32_t frame = 0
    cdef int i, k
    if voice == NULL:
        return
    for i in range(FORMATS):
        voice.decoder_of[i] = NULL
        for k in range(voice.coders.count if i < leg.format_count else 0):
            if (
                voice.coders.decoders[k].codec == leg.formats[i].codec
                and voice.coders.decoders[k].clock_rate == leg.formats[i].rate
            ):
                voice.decoder_of[i] = voice.coders.decoders[k]
                break
    encoder = voice.coders.encoder
    for i in range(leg.send_format_count if encoder != NULL else 0):
        if leg.send_formats[i].codec == encoder.codec and leg.send_formats[i].rate == encoder.clock_rate:
            voice.payload_type = leg.send_formats[i].payload_type
            frame = _frame(encoder, leg.ptime)
            break
    if frame != voice.frame:
        voice.frame = frame
        voice.filled = 0
    if frame:
        voice.frame_units = <uint32_t> (<uint64_t> frame * encoder.clock_rate // encoder.sample_rate)


cdef inline void voice_coders(Leg* leg, const Coders* coders) noexcept nogil:
    """Take over another set of coders; the voice touches the former no more."""
    leg.voice.coders = coders[0]
    leg.voice.frame = 0
    voice_route(leg)


cdef inline void _send_frame(Worker* w, Leg* leg, const int16_t* pcm) noexcept nogil:
    """Encode and send one packet. On hold, or without an address, time goes on and nothing is sent."""
    cdef Voice* voice = leg.voice
    cdef audio_encoder* encoder = voice.coders.encoder
    cdef uint32_t timestamp = voice.timestamp
    cdef uint16_t sequence = voice.sequence
    cdef uint8_t batching = w.batching
    cdef int octets
    cdef bint marker
    voice.timestamp += voice.frame_units
    if not leg.may_send or not address_known(latch_destination(&leg.latch)):
        return
    octets = encoder.encode(
        encoder, pcm, <int> voice.frame, w.made + RTP_HEADER, DATAGRAM_ROOM - RTP_HEADER - SEAL_ROOM
    )
    if octets <= 0:
        voice.after_silence = 1
        return
    voice.sequence += 1
    # The top bits keep this source apart from a bridged leg's (media.mix.bridge) and a playback's.
    marker = send_number(
        &leg.sent, (<uint64_t> 3 << 62) | leg.id, encoder.clock_rate, w.now, &sequence, &timestamp
    )
    rtp_write_header(
        w.made, voice.payload_type, marker or voice.after_silence, sequence, timestamp, leg.sent.ssrc
    )
    voice.after_silence = 0
    w.batching = 0               # what waits in a batch must stay where it is, and the next packet is made here too
    send_packet(w, leg, w.made, octets)
    w.batching = batching


cdef inline void _pack(Worker* w, Leg* leg, const int16_t* pcm, int samples) noexcept nogil:
    """Cut into packets; what does not fill one waits for more."""
    cdef Voice* voice = leg.voice
    cdef uint32_t part
    while samples > 0:
        if voice.filled == 0 and samples >= <int> voice.frame:
            _send_frame(w, leg, pcm)
            part = voice.frame
        else:
            part = min(voice.frame - voice.filled, <uint32_t> samples)
            memcpy(voice.pending + voice.filled, pcm, part * sizeof(int16_t))
            voice.filled += part
            if voice.filled == voice.frame:
                voice.filled = 0
                _send_frame(w, leg, voice.pending)
        pcm += part
        samples -= <int> part


cdef inline void voice_send(Worker* w, Leg* leg, const int16_t* pcm, int samples, uint32_t rate) noexcept nogil:
    """Say `samples` (whole milliseconds) at `rate` to the leg's far end, in packets of its ptime.

    Nothing when the leg has no encoder, or when the rate is none the resampler knows.
    """
    cdef Voice* voice = leg.voice
    cdef int part, made
    if voice == NULL or voice.frame == 0:
        return
    if rate == voice.coders.encoder.sample_rate:
        _pack(w, leg, pcm, samples)
        return
    if voice.to_encoder.from_rate != rate or voice.to_encoder.to_rate != voice.coders.encoder.sample_rate:
        if resampler_init(&voice.to_encoder, rate, voice.coders.encoder.sample_rate) < 0:
            return
    while samples > 0:
        part = min(samples, <int> CONVERTED)
        made = resampler_run(&voice.to_encoder, pcm, part, w.converted)
        _pack(w, leg, w.converted, made)
        pcm += part
        samples -= part
