"""Comfort noise said for a far end that stops sending in pauses, to one that cannot be told of them.

A comfort noise packet (RFC 3389) that the partner has no format for, and the discontinuous transmission of a codec that
is decoded, would leave holes: a gateway that does not expect them plays the last sound again, or takes the line for
dead. So the noise is made here, packet by packet on the wheel, until the far end speaks again. Speech itself takes the
way it always takes, and is not delayed.

A relayed leg has no voice to say it with: it asks for one, and begins when it has come.
"""

from libc.stdint cimport int16_t, int64_t, uint32_t
from libc.string cimport memcpy, memset

from audiocodecs.coder cimport audio_decoder
from media.leg cimport (
    DROP_UNROUTABLE, NOISE_OCTETS, PAUSE_BY_CODEC, PAUSE_BY_NOISE, PAUSE_NONE, WHEEL_PAUSE, Leg, Pause, Voice,
)
from media.receive.comfort_noise cimport noise_make, noise_read
from media.ring cimport EVENT_SILENCE
from media.rtp.packet cimport RtpPacket
from media.voice cimport voice_begin, voice_send
from media.wheel cimport wheel_add, wheel_remove
from media.worker cimport Worker, drop, tell

cdef enum:
    NOISE_RATE = 8000
    CODEC_PAUSE = 2000000        # microseconds without any packet for which a codec's own noise goes on


cdef inline void silence_end(Worker* w, Leg* leg) noexcept nogil:
    """The far end speaks again, or nobody listens any more."""
    if leg.voice != NULL and leg.voice.pause != PAUSE_NONE:
        leg.voice.pause = PAUSE_NONE
        wheel_remove(w, &leg.voice.pause_turn)


cdef inline void _say(Worker* w, Leg* leg, Leg* target, int milliseconds) noexcept nogil:
    cdef Voice* voice = leg.voice
    cdef audio_decoder* decoder = voice.arrival.decoder
    cdef int samples, part, done = 0, given
    if voice.pause == PAUSE_BY_NOISE:
        noise_make(&voice.noise, w.pcm, 0, NOISE_RATE // 1000 * milliseconds)
        voice_send(w, target, w.pcm, NOISE_RATE // 1000 * milliseconds, NOISE_RATE)
        return
    samples = <int> decoder.sample_rate * milliseconds // 1000
    part = <int> decoder.sample_rate // 100
    while done < samples:
        given = decoder.conceal(decoder, w.pcm + done, min(part, samples - done))
        if given <= 0:
            given = min(part, samples - done)
            memset(w.pcm + done, 0, given * sizeof(int16_t))
        done += given
    voice_send(w, target, w.pcm, samples, decoder.sample_rate)


cdef inline void silence_turn(Worker* w, Leg* leg) noexcept nogil:
    """The next packet of noise is due."""
    cdef Leg* target = leg if leg.echo else leg.peer
    cdef Voice* voice = leg.voice
    cdef int milliseconds
    if target == NULL or target.voice == NULL or target.voice.frame == 0 or not leg.may_receive:
        voice.pause = PAUSE_NONE
        return
    if voice.pause == PAUSE_BY_CODEC and (voice.arrival.decoder == NULL or w.now - leg.heard_at > CODEC_PAUSE):
        voice.pause = PAUSE_NONE
        return
    milliseconds = <int> (target.voice.frame * 1000 // target.voice.coders.encoder.sample_rate)
    wheel_add(w, &voice.pause_turn, milliseconds)
    if not target.playing and not target.mixed:
        _say(w, leg, target, milliseconds)


cdef inline void _begin(Worker* w, Leg* leg, Pause pause) noexcept nogil:
    leg.voice.pause = pause
    leg.voice.pause_turn.kind = WHEEL_PAUSE
    leg.voice.pause_turn.owner = leg


cdef inline bint _may_say(Leg* leg) noexcept nogil:
    cdef Leg* target = leg if leg.echo else leg.peer
    return leg.voice != NULL and target != NULL and target.voice != NULL and target.voice.frame != 0


cdef inline void silence_again(Worker* w, Leg* leg) noexcept nogil:
    """The leg, or its partner, has been given what was missing: say the noise that was heard last, if it lasts."""
    cdef Leg* target = leg if leg.echo else leg.peer
    if not leg.quiet_codec or leg.noise_length == 0 or not _may_say(leg):
        return
    noise_read(&leg.voice.noise, leg.noise, leg.noise_length)
    if leg.voice.pause == PAUSE_NONE:
        _begin(w, leg, PAUSE_BY_NOISE)
        voice_begin(w, target)
        silence_turn(w, leg)


cdef inline void silence_packet(Worker* w, Leg* leg, const RtpPacket* packet) noexcept nogil:
    """A comfort noise packet came that nothing the leg is connected to can carry."""
    if leg.peer == NULL and not leg.echo or packet.payload_length == 0:
        return
    leg.noise_length = <uint32_t> min(packet.payload_length, <int> NOISE_OCTETS)
    memcpy(leg.noise, packet.payload, leg.noise_length)
    if _may_say(leg):
        silence_again(w, leg)
        return
    drop(w, leg, DROP_UNROUTABLE)
    if not leg.silence_told:
        leg.silence_told = tell(w, leg.id, EVENT_SILENCE, False, 0, 0)


cdef inline void silence_by_codec(Worker* w, Leg* leg) noexcept nogil:
    """A packet said, in its codec, that nothing will come for a while; itself it has been said."""
    cdef Leg* target = leg if leg.echo else leg.peer
    if leg.voice.pause == PAUSE_NONE:
        _begin(w, leg, PAUSE_BY_CODEC)
        wheel_add(
            w, &leg.voice.pause_turn, <int> (target.voice.frame * 1000 // target.voice.coders.encoder.sample_rate)
        )
