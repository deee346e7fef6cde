"""A leg as audio: what is said to its far end is packed, encoded, numbered and sent; what that says is given steadily.

A `Voice` hangs on `leg.voice` of the legs that need one (transcoding, mixing, what is played without a track of their
codec); control gives it its coders, and a playout where somebody pulls (media.coding). Numbering is the voice's own, whoever speaks through it, and goes
through send_number like that of every source of the leg.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from audiocodecs.coder cimport audio_decoder, audio_encoder
from audiocodecs.registry cimport CODEC_CN, CODEC_L16, CODEC_OPUS
from audiocodecs.resampling cimport resampler_init, resampler_run
from media.leg cimport FORMATS, PACKED, WIRE_SHARED, Coders, Leg, Voice
from media.mix.bridge cimport send_packet, send_queued
from media.net.batch cimport BATCH, batch_data
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known
from media.receive.playout cimport (
    SILENT, Playout, playout_decoder, playout_init, playout_judge, playout_noise, playout_pull, playout_put,
    playout_rate, playout_restart,
)
from media.receive.statistics cimport stream_unbuffered
from media.rtp.packet cimport RTP_HEADER, RtpPacket, rtp_write_header
from media.send.packetize cimport send_number
from media.send.telephone_event cimport press_busy
from media.worker cimport CONVERTED, DATAGRAM_ROOM, Worker

cdef enum:
    SEAL_ROOM = 64               # bytes kept free behind a payload for what encryption adds
    PAYLOAD_ROOM = DATAGRAM_ROOM - RTP_HEADER - SEAL_ROOM


cdef inline uint32_t _frame(const audio_encoder* encoder, uint32_t ptime) noexcept nogil:
    """Samples of a packet: `ptime`, or the longest shorter time that can be packed (Opus: 10, 20, 40, 60 ms; L16: what
    fits a datagram)."""
    cdef uint32_t samples
    if encoder.codec == CODEC_OPUS:
        ptime = 60 if ptime >= 60 else 40 if ptime >= 40 else 20 if ptime >= 20 else 10
    while encoder.codec == CODEC_L16 and ptime > 10 and encoder.sample_rate * ptime // 1000 * 2 > PAYLOAD_ROOM:
        ptime -= 10
    samples = encoder.sample_rate * ptime // 1000
    if encoder.grain > 1:
        samples = max(samples - samples % encoder.grain, encoder.grain)
    return min(samples, <uint32_t> PACKED)


cdef inline void voice_route(Leg* leg) noexcept nogil:
    """After the leg's formats or coders changed: which decoder reads which format, and as what the encoder's go out."""
    cdef Voice* voice = leg.voice
    cdef audio_encoder* encoder
    cdef audio_decoder* former
    cdef uint32_t frame = 0
    cdef int i, k
    if voice == NULL:
        return
    for i in range(FORMATS):
        former = voice.decoder_of[i]
        voice.decoder_of[i] = NULL
        for k in range(voice.coders.count if i < leg.format_count else 0):
            if (
                voice.coders.decoders[k].codec == leg.formats[i].codec
                and voice.coders.decoders[k].clock_rate == leg.formats[i].rate
            ):
                voice.decoder_of[i] = voice.coders.decoders[k]
                break
        if voice.playout != NULL and former != voice.decoder_of[i]:
            playout_decoder(voice.playout, i, voice.decoder_of[i])
            # What waits under this index is of another codec.
            voice.playout.buffer.count = 0
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
    leg.voice.loss = 0
    leg.voice.arrival.decoder = NULL
    voice_route(leg)


cdef inline uint64_t _source(const Leg* leg) noexcept nogil:
    """Of our numbering: the top bits keep it apart from a bridged leg's (media.mix.bridge) and a playback's."""
    return (<uint64_t> 3 << 62) | leg.id


cdef inline uint32_t _units_since(const Worker* w, const Voice* voice) noexcept nogil:
    """What the RTP clock has moved since a packet was sent, beyond what that packet holds."""
    cdef int64_t units = (w.now - voice.sent_at) * voice.coders.encoder.clock_rate // 1000000 - voice.frame_units
    return <uint32_t> max(<int64_t> 0, units) if voice.sent_at else 0


cdef inline void voice_begin(Worker* w, Leg* leg) noexcept nogil:
    """Somebody else speaks from now on: what the former has left unfinished is dropped."""
    cdef Voice* voice = leg.voice
    voice.filled = 0
    voice.timestamp += _units_since(w, voice)
    voice.after_silence = 1


cdef inline void _send_frame(Worker* w, Leg* leg, const int16_t* pcm) noexcept nogil:
    """Encode and send one packet. On hold, or without an address, time goes on and nothing is sent."""
    cdef Voice* voice = leg.voice
    cdef audio_encoder* encoder = voice.coders.encoder
    cdef uint32_t timestamp = voice.timestamp
    cdef uint16_t sequence = voice.sequence
    cdef uint8_t batching = w.batching
    cdef uint8_t* made = w.made
    cdef int octets
    cdef bint marker
    voice.timestamp += voice.frame_units
    if not leg.may_send or not address_known(latch_destination(&leg.latch)):
        return
    if w.making and leg.wire == WIRE_SHARED:
        if w.batch.queued == BATCH:
            send_queued(w)
        made = batch_data(w.batch, w.batch.queued)
    octets = encoder.encode(
        encoder, pcm, <int> voice.frame, made + RTP_HEADER, PAYLOAD_ROOM
    )
    if octets <= 0:
        voice.after_silence = 1
        return
    voice.sequence += 1
    marker = send_number(&leg.sent, _source(leg), encoder.clock_rate, w.now, &sequence, &timestamp)
    rtp_write_header(
        made, voice.payload_type, marker or voice.after_silence, sequence, timestamp, leg.sent.ssrc
    )
    voice.after_silence = 0
    voice.sent_at = w.now
    # What is made in `w.made` goes at once: the next packet is made there, too.
    w.batching = made != w.made
    send_packet(w, leg, made, octets)
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

    Nothing when the leg has no encoder, while it is sent a key, or when the rate is none the resampler knows.
    """
    cdef Voice* voice = leg.voice
    cdef int part, made
    if voice == NULL or voice.frame == 0 or (press_busy(&leg.keys.presses) and not leg.keys.speaking):
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


cdef inline int voice_room(const Voice* voice, uint32_t rate) noexcept nogil:
    """Samples at `rate` that are missing from the packet that has been begun; 0: none has."""
    if voice.filled == 0:
        return 0
    return <int> (<uint64_t> (voice.frame - voice.filled) * rate // voice.coders.encoder.sample_rate)


cdef inline int voice_skip(Voice* voice, int samples, uint32_t rate) noexcept nogil:
    """Let as many whole packets as `samples` hold be lost on their way to the far end. Gives the samples they hold."""
    cdef int whole = <int> (<uint64_t> voice.frame * rate // voice.coders.encoder.sample_rate)
    cdef int packets = 0 if voice.filled else samples // whole
    voice.sequence += <uint16_t> packets
    voice.timestamp += <uint32_t> packets * voice.frame_units
    return packets * whole


cdef inline void voice_pause(Worker* w, Leg* leg, int64_t samples, uint32_t rate) noexcept nogil:
    """Say nothing for so long. A packet that has been begun is filled up and goes."""
    cdef Voice* voice = leg.voice
    cdef int64_t units = samples * voice.coders.encoder.clock_rate // rate
    cdef uint32_t rest
    if samples <= 0:
        return
    if voice.filled:
        rest = voice.frame - voice.filled
        memset(voice.pending + voice.filled, 0, rest * sizeof(int16_t))
        voice.filled = 0
        units -= <int64_t> rest * voice.coders.encoder.clock_rate // voice.coders.encoder.sample_rate
        _send_frame(w, leg, voice.pending)
    voice.timestamp += <uint32_t> max(<int64_t> 0, units)
    voice.after_silence = 1


cdef inline bint voice_beside(
    Worker* w, Leg* leg, uint32_t source, uint16_t* sequence, uint32_t* timestamp
) noexcept nogil:
    """Number a packet that is made elsewhere among the voice's own: all that share the timestamp `source` share one.

    True: it needs the marker bit.
    """
    cdef Voice* voice = leg.voice
    if source != voice.beside_source or voice.beside_timestamp == 0:
        voice.beside_source = source
        voice.beside_timestamp = voice.timestamp + _units_since(w, voice)
    sequence[0] = voice.sequence
    timestamp[0] = voice.beside_timestamp
    voice.sequence += 1
    return send_number(&leg.sent, _source(leg), voice.coders.encoder.clock_rate, w.now, sequence, timestamp)


cdef inline void voice_reported(Leg* leg) noexcept nogil:
    """The far end has reported on what we send: its losses decide how much the encoder repeats."""
    cdef Voice* voice = leg.voice
    cdef int64_t expected = <int64_t> leg.reports.told_expected - voice.loss_expected
    cdef int64_t lost = <int64_t> leg.reports.told_lost - voice.loss_lost
    cdef uint8_t percent
    if expected < 0:             # another stream of ours, from its beginning (a new key)
        voice.loss_expected = voice.loss_lost = 0
    if voice.frame == 0 or voice.coders.encoder.expect_loss == NULL or expected <= 0:
        return
    voice.loss_expected = leg.reports.told_expected
    voice.loss_lost = leg.reports.told_lost
    percent = <uint8_t> (min(max(lost, <int64_t> 0), expected) * 100 // expected)
    # Up at once, down slowly: losses come in groups.
    voice.loss = percent if percent >= voice.loss else <uint8_t> ((3 * voice.loss + percent) // 4)
    voice.coders.encoder.expect_loss(voice.coders.encoder, voice.loss)


cdef inline void voice_playout(Leg* leg, Playout* playout) noexcept nogil:
    """Keep what they say for whoever pulls, from now on; NULL: no longer. What had been kept before is forgotten, but
    not how long it may be kept (playout_bound)."""
    cdef int32_t most_delay = 0 if leg.voice.playout == NULL else leg.voice.playout.most_delay
    cdef int i
    leg.voice.playout = playout
    stream_unbuffered(&leg.received)
    if playout == NULL:
        return
    memset(playout, 0, sizeof(Playout))
    playout_init(playout)
    if most_delay:
        playout.most_delay = most_delay
    for i in range(FORMATS):
        playout_decoder(playout, i, leg.voice.decoder_of[i])


cdef inline void voice_put(Worker* w, Leg* leg, uint8_t index, const RtpPacket* packet) noexcept nogil:
    """An accepted packet of a leg with a playout; what is neither audio nor comfort noise is not its affair."""
    cdef Playout* playout = leg.voice.playout
    if packet.ssrc != leg.voice.playout_ssrc:
        leg.voice.playout_ssrc = packet.ssrc
        playout_restart(playout)
    if leg.formats[index].codec == CODEC_CN:
        playout_noise(playout, w.now, packet.sequence, packet.timestamp, packet.payload, packet.payload_length)
    elif leg.voice.decoder_of[index] != NULL:
        playout_put(
            playout, w.now, index, packet.sequence, packet.timestamp, packet.marker, packet.payload,
            packet.payload_length,
        )


cdef inline int voice_pull(Worker* w, Leg* leg, int16_t* pcm, int samples, uint32_t rate) noexcept nogil:
    """The next `samples` (whole milliseconds, at most 60) at `rate` of what the far end says; what they are, as Heard.

    Silence when the leg has no playout, or `rate` is none the resampler knows.
    """
    cdef Voice* voice = leg.voice
    cdef uint32_t given
    cdef int heard
    if voice == NULL or voice.playout == NULL:
        memset(pcm, 0, samples * sizeof(int16_t))
        return SILENT
    given = playout_rate(voice.playout)
    if given == rate:
        heard = playout_pull(voice.playout, w.now, pcm, samples)
        playout_judge(voice.playout, &leg.received)
        return heard
    if voice.from_playout.from_rate != given or voice.from_playout.to_rate != rate:
        if resampler_init(&voice.from_playout, given, rate) < 0:
            memset(pcm, 0, samples * sizeof(int16_t))
            return SILENT
    heard = playout_pull(voice.playout, w.now, w.pcm, <int> (<int64_t> samples * given // rate))
    playout_judge(voice.playout, &leg.received)
    resampler_run(&voice.from_playout, w.pcm, <int> (<int64_t> samples * given // rate), pcm)
    return heard
