"""Keys of a leg: those its far end presses, those pressed for it, and how one becomes the other.

What the far end presses comes as telephone events or as tones (a listener hears them in G.711). It is told to Python
once, when it is released. Where the connected leg cannot take it as it came, it is pressed there while it is still
down here, and released when its length is known: as telephone events at the clock of that leg's audio, or as tones.
Tones that are passed on otherwise are taken out of the audio from the moment they are suspected.

While a key is sent, and in the pause behind it, nothing else is sent to that far end.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from audiocodecs.g711 cimport g711_from_alaw, g711_from_ulaw
from audiocodecs.registry cimport CODEC_CN, CODEC_PCMA, CODEC_PCMU, CODEC_TELEPHONE_EVENT
from media.leg cimport NO_FORMAT, NOWHERE, WHEEL_KEYS, Format, KeyListener, Leg
from media.mix.bridge cimport send_packet
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known
from media.receive.telephone_event cimport (
    DIGIT_DOWN, Digit, digit_length_ms, digit_lost_end, digit_packet,
)
from media.receive.tone_detector cimport TONE_BEGAN, TONE_ENDED, tone_feed, tone_init, tone_skip, tone_suspected
from media.rtp.packet cimport RTP_HEADER, RtpPacket, rtp_write_header
from media.send.dual_tone cimport dual_tone_begin, dual_tone_run
from media.send.packetize cimport send_number
from media.send.telephone_event cimport (
    FORGOTTEN_MS, PRESS_DOWN, PRESS_NONE, PRESS_PAUSE,
    EventPacket, press_begin, press_busy, press_hold, press_packet, press_queue, press_release,
)
from media.voice cimport voice_begin, voice_send
from media.wheel cimport LONGEST_DELAY, wheel_add, wheel_begin, wheel_remove, wheel_waits
from media.worker cimport Worker, tell_digit

cdef enum:
    LAST_KEY = 15            # beyond it: flash, which has no sound
    PASSED_GAP_MS = 40       # behind a key that is passed on
    TONE_FRAME = 160         # samples of a tone made at a time: 20 ms at 8 kHz
    TONE_LAG_MS = 60         # a tone for a key that is down elsewhere begins so late that news of it can be late, too
    SHORTEST_GAP_MS = 40     # between tones (Q.24)
    LISTENED = 16            # samples fed to the listener at a time: 2 ms
    MOST_LOST = 8000         # samples of a gap in the timestamps that is audio which was lost


cdef inline bint keys_as_tones(const Leg* leg) noexcept nogil:
    return leg.keys.sends and leg.keys.format == NO_FORMAT


cdef inline void keys_formats_changed(Leg* leg) noexcept nogil:
    """Choose the telephone events of the audio's clock rate (RFC 4733 2.1), else any, else tones."""
    cdef uint32_t rate = 0
    cdef int i
    leg.keys.format = NO_FORMAT
    for i in range(leg.send_format_count):
        if leg.send_formats[i].codec != CODEC_TELEPHONE_EVENT and leg.send_formats[i].codec != CODEC_CN:
            rate = leg.send_formats[i].rate
            break
    for i in range(leg.send_format_count - 1, -1, -1):
        if leg.send_formats[i].codec != CODEC_TELEPHONE_EVENT:
            continue
        if leg.keys.format == NO_FORMAT or leg.send_formats[leg.keys.format].rate != rate or (
            leg.send_formats[i].rate == rate
        ):
            leg.keys.format = i


# Sending

cdef inline void _start(Worker* w, Leg* leg, int delay_ms) noexcept nogil:
    if not wheel_waits(&leg.keys.turn):
        wheel_begin(w, &leg.keys.turn, WHEEL_KEYS, leg, 1)
        wheel_add(w, &leg.keys.turn, delay_ms)


cdef inline void keys_press(Worker* w, Leg* leg, uint8_t event, uint16_t duration_ms, uint16_t gap_ms) noexcept nogil:
    """Send a key, behind those that wait; duration 0: it is down until it is released."""
    cdef bint busy = press_busy(&leg.keys.presses)
    if not leg.keys.sends or (event > LAST_KEY and keys_as_tones(leg)):
        return
    if keys_as_tones(leg):
        if leg.voice == NULL or leg.voice.frame == 0:
            return
        gap_ms = max(gap_ms, <uint16_t> SHORTEST_GAP_MS)
    press_queue(&leg.keys.presses, event, duration_ms, gap_ms)
    if not busy:
        _start(w, leg, TONE_LAG_MS if duration_ms == 0 and keys_as_tones(leg) else 1)


cdef inline void _send_event(Worker* w, Leg* leg, const EventPacket* packet) noexcept nogil:
    cdef const Format* format = &leg.send_formats[leg.keys.format]
    cdef uint16_t sequence = leg.keys.sequence
    cdef uint32_t timestamp = packet.ahead
    cdef uint8_t batching = w.batching
    cdef bint marker
    cdef int i
    leg.keys.sequence += 1
    if not leg.may_send or not address_known(latch_destination(&leg.latch)):
        return
    for i in range(4):
        w.made[RTP_HEADER + i] = packet.payload[i]
    # Every press is a source of its own, whose timestamps begin at 0 (media.send.packetize).
    marker = send_number(
        &leg.sent, (<uint64_t> 5 << 61) | (<uint64_t> leg.keys.presses.presses << 52) | <uint32_t> leg.id,
        format.rate, w.now, &sequence, &timestamp,
    )
    rtp_write_header(w.made, format.payload_type, packet.marker or marker, sequence, timestamp, leg.sent.ssrc)
    w.batching = 0               # what waits in a batch must stay where it is, and the next packet is made here too
    send_packet(w, leg, w.made, 4)
    w.batching = batching


cdef inline int _tone_turn(Worker* w, Leg* leg) noexcept nogil:
    """The next 20 ms of tones and pauses. Gives the milliseconds until the next, 0 at the end."""
    cdef int16_t pcm[TONE_FRAME]
    cdef int made = 0, part, left
    if leg.voice == NULL or leg.voice.frame == 0:
        leg.keys.presses.count = 0
        leg.keys.presses.phase = PRESS_NONE
        return 0
    if leg.keys.presses.phase == PRESS_NONE and leg.keys.presses.count == 0:
        return 0
    memset(pcm, 0, sizeof(pcm))
    while made < TONE_FRAME:
        if leg.keys.presses.phase == PRESS_NONE:
            if not press_begin(&leg.keys.presses):
                break
            dual_tone_begin(&leg.keys.tone, leg.keys.presses.event, 8000)
            if not leg.keys.toned:
                leg.keys.toned = 1
                voice_begin(w, leg)
        if leg.keys.presses.phase == PRESS_DOWN:
            leg.keys.presses.elapsed_ms = leg.keys.tone.position // 8
            if leg.keys.presses.held and leg.keys.presses.elapsed_ms > leg.keys.presses.length_ms + FORGOTTEN_MS:
                leg.keys.presses.held = 0
            left = max(<int> leg.keys.presses.length_ms * 8 - leg.keys.tone.position, leg.keys.tone.ramp)
            part = TONE_FRAME - made
            if not leg.keys.presses.held:
                part = min(part, left)
            dual_tone_run(&leg.keys.tone, pcm, made, part, -1 if leg.keys.presses.held else left)
            if not leg.keys.presses.held and part == left:
                leg.keys.presses.phase = PRESS_PAUSE
                leg.keys.pause = leg.keys.presses.gap_ms * 8
        else:
            part = min(TONE_FRAME - made, leg.keys.pause)
            leg.keys.pause -= part
            if leg.keys.pause <= 0:
                leg.keys.presses.phase = PRESS_NONE
        made += part
    leg.keys.speaking = 1
    voice_send(w, leg, pcm, TONE_FRAME, 8000)
    leg.keys.speaking = 0
    return 20


cdef inline void keys_turn(Worker* w, Leg* leg) noexcept nogil:
    """The leg is due on the wheel."""
    cdef EventPacket packet
    cdef bint send
    if leg.keys.wait > 0:
        wheel_add(w, &leg.keys.turn, min(leg.keys.wait, <int32_t> LONGEST_DELAY))
        leg.keys.wait -= LONGEST_DELAY
        return
    if leg.keys.format == NO_FORMAT:
        leg.keys.wait = _tone_turn(w, leg)
        if leg.keys.wait == 0:
            leg.keys.toned = 0
    else:
        leg.keys.wait = press_packet(
            &leg.keys.presses, leg.send_formats[leg.keys.format].rate, &packet, &send
        )
        if send:
            _send_event(w, leg, &packet)
    if leg.keys.wait > 0:
        wheel_add(w, &leg.keys.turn, min(leg.keys.wait, <int32_t> LONGEST_DELAY))
        leg.keys.wait -= LONGEST_DELAY


cdef inline void keys_stop(Worker* w, Leg* leg) noexcept nogil:
    """Nothing is sent any more."""
    wheel_remove(w, &leg.keys.turn)
    memset(&leg.keys.presses, 0, sizeof(leg.keys.presses))


# Receiving

cdef inline Leg* _taker(const Leg* leg) noexcept nogil:
    """The leg on which a key of this one is pressed, NULL: none."""
    cdef Leg* target = leg.peer
    if leg.echo or target == NULL or not leg.may_receive or not target.keys.sends:
        return NULL
    return target


cdef inline void _pass_press(Worker* w, Leg* leg, Leg* target, uint8_t event) noexcept nogil:
    if not leg.keys.passing:
        leg.keys.passing = 1
        keys_press(w, target, event, 0, PASSED_GAP_MS)


cdef inline void _pass_release(Worker* w, Leg* leg, Leg* target, const Digit* digit) noexcept nogil:
    """The key is up: on the other leg, too. One whose beginning was lost is pressed for as long as it was down."""
    if leg.keys.passing:
        leg.keys.passing = 0
        press_release(&target.keys.presses, digit.duration_ms)
    else:
        keys_press(
            w, target, digit.event, <uint16_t> min(max(digit.duration_ms, <uint32_t> SHORTEST_GAP_MS), <uint32_t> 0xFFFF),
            PASSED_GAP_MS,
        )


cdef inline void keys_part(Leg* leg) noexcept nogil:
    """Before the leg leaves its partner: what is held there is let go."""
    if leg.keys.passing and leg.peer != NULL:
        leg.keys.passing = 0
        press_release(&leg.peer.keys.presses, 0)


cdef inline bint keys_event(Worker* w, Leg* leg, const Format* format, const RtpPacket* packet) noexcept nogil:
    """A telephone-event packet the far end sent. True: the key is pressed anew on the connected leg."""
    cdef Digit digits[2]
    cdef Leg* target = _taker(leg) if format.translation == NOWHERE else NULL
    cdef int i
    cdef int told = digit_packet(
        &leg.digit, packet.payload, packet.payload_length, packet.ssrc, packet.timestamp, packet.marker, format.rate,
        w.now, digits,
    )
    for i in range(told):
        tell_digit(w, leg, &digits[i])
        if target != NULL:
            _pass_release(w, leg, target, &digits[i])
    if target != NULL and leg.digit.state == DIGIT_DOWN:
        _pass_press(w, leg, target, leg.digit.event)
        press_hold(&target.keys.presses, digit_length_ms(&leg.digit))
    return target != NULL


cdef inline void keys_lost_end(Worker* w, Leg* leg) noexcept nogil:
    """Now and then: a key whose end never came is up."""
    cdef Digit digit
    if digit_lost_end(&leg.digit, w.now, &digit):
        tell_digit(w, leg, &digit)
        if leg.keys.passing and leg.peer != NULL:
            _pass_release(w, leg, leg.peer, &digit)


cdef inline void keys_listen(Worker* w, Leg* leg, const Format* format, RtpPacket* packet) noexcept nogil:
    """Hear keys in G.711 the far end sent. What is passed on otherwise is silenced in the packet."""
    cdef KeyListener* listener = leg.keys.listener
    cdef Leg* target = _taker(leg)
    cdef bint a_law = format.codec == CODEC_PCMA
    cdef uint8_t silence = 0xD5 if a_law else 0xFF
    cdef bint muted = leg.peer != NULL and not keys_as_tones(leg.peer)
    cdef int32_t lost = <int32_t> (packet.timestamp - listener.next_timestamp)
    cdef int16_t pcm[LISTENED]
    cdef Digit digit
    cdef int at = 0, part, i, news
    if not (format.codec == CODEC_PCMA or format.codec == CODEC_PCMU):
        return
    if listener.started and lost < 0 and lost > -MOST_LOST:
        return                # late, or for the second time
    if listener.started and 0 < lost < MOST_LOST:
        tone_skip(&listener.detector, lost)
    listener.started = 1
    listener.next_timestamp = packet.timestamp + <uint32_t> packet.payload_length
    if target != NULL and keys_as_tones(target):
        target = NULL         # it hears them itself
    while at < packet.payload_length:
        part = min(packet.payload_length - at, <int> LISTENED)
        for i in range(part):
            pcm[i] = g711_from_alaw[packet.payload[at + i]] if a_law else g711_from_ulaw[packet.payload[at + i]]
        news = tone_feed(&listener.detector, pcm, part)
        if news & TONE_ENDED:
            digit.event = <uint8_t> listener.detector.ended
            digit.duration_ms = listener.length_ms
            if not news & TONE_BEGAN:
                digit.duration_ms = <uint32_t> (
                    max(<int64_t> 0, listener.detector.ended_at - listener.detector.began_at) // 8
                )
            tell_digit(w, leg, &digit)
            if target != NULL:
                _pass_release(w, leg, target, &digit)
        if news & TONE_BEGAN and target != NULL:
            _pass_press(w, leg, target, <uint8_t> listener.detector.down)
        if muted and tone_suspected(&listener.detector):
            memset(packet.payload + at, silence, part)
        at += part
    if listener.detector.down >= 0:
        listener.length_ms = <uint32_t> (max(<int64_t> 0, listener.detector.heard_at - listener.detector.began_at) // 8)
        if target != NULL:
            press_hold(&target.keys.presses, listener.length_ms)


cdef inline void keys_set(Worker* w, Leg* leg, bint sends, KeyListener* listener) noexcept nogil:
    """How keys go to this far end (in media, or not at all) and whether they are listened for in its audio."""
    if leg.keys.sends and not sends:
        keys_stop(w, leg)
    leg.keys.sends = sends
    if listener != NULL and leg.keys.listener == NULL:
        tone_init(&listener.detector, 8000)
        listener.started = 0
    leg.keys.listener = listener
