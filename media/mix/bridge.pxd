"""The bridge: a packet one leg received becomes a packet its partner sends, without decoding.

The header is rewritten in front of the payload, in the receive buffer; CSRC list, extension and padding stay behind.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from audiocodecs.g711 cimport g711_alaw_to_ulaw, g711_ulaw_to_alaw, translate
from audiocodecs.registry cimport CODEC_CN, CODEC_PCMA, CODEC_PCMU, CODEC_TELEPHONE_EVENT
from media.leg cimport (
    A_TO_U, BESIDE, COPY, DROP_SEND_FAILED, DROP_UNROUTABLE, NO_FORMAT, NOWHERE, TRANSCODE, U_TO_A, WIRE_CONNECTED, WIRE_SHARED,
    Format, Leg, Translation,
)
from media.net.batch cimport batch_fits, batch_owns, batch_queue, batch_queued, batch_send
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known, udp_send, udp_send_connected
from media.rtp.packet cimport RTP_HEADER, RtpPacket, rtp_write_header
from media.send.packetize cimport send_number
from media.send.telephone_event cimport press_busy
from media.srtp.guard cimport seal_packet, sealed_tag
from media.web.repair cimport repair_keep, repair_redundant, repair_repeats
from media.web.repair_state cimport Repair
from media.worker cimport DATAGRAM_ROOM, Worker, drop


cdef inline bint _carry(Format* format, const Leg* target, uint8_t codec, Translation how) noexcept nogil:
    """Let `format` become the target's payload type for `codec`, if it has one."""
    cdef int i
    for i in range(target.send_format_count):
        if target.send_formats[i].codec == codec and target.send_formats[i].rate == format.rate:
            format.out_payload_type = target.send_formats[i].payload_type
            format.translation = how
            return True
    return False


cdef inline bint _transcode(Leg* leg, int index, const Leg* target) noexcept nogil:
    """Let a format be decoded and encoded again, if both legs have been given what that takes."""
    if leg.voice == NULL or target.voice == NULL or leg.voice.decoder_of[index] == NULL or target.voice.frame == 0:
        return False
    if leg.voice.playout != NULL:
        return False             # that has the decoders
    leg.formats[index].translation = TRANSCODE
    return True


cdef inline bint _is_g711(uint8_t codec) noexcept nogil:
    return codec == CODEC_PCMA or codec == CODEC_PCMU


cdef inline bint _improve(Leg* leg, int index, const Leg* target) noexcept nogil:
    """Decode what could be copied, where the decoder makes it better (noise reduction)."""
    if leg.voice == NULL or leg.voice.decoder_of[index] == NULL or not leg.voice.decoder_of[index].improves:
        return False
    return _transcode(leg, index, target)


cdef inline bint _repack(Leg* leg, int index, const Leg* target) noexcept nogil:
    """Cut G.711 into packets of another length, which loses nothing."""
    if leg.ptime == target.ptime or not _is_g711(leg.formats[index].codec):
        return False
    if target.voice == NULL or target.voice.frame == 0 or not _is_g711(target.voice.coders.encoder.codec):
        return False
    return _transcode(leg, index, target)


cdef inline bint _pressed_anew(const Format* format, const Leg* target) noexcept nogil:
    """Whether a telephone event is made anew for the target: its audio has another clock (media.send.keys)."""
    if format.codec != CODEC_TELEPHONE_EVENT or not target.keys.sends or target.keys.format == NO_FORMAT:
        return False
    return target.send_formats[target.keys.format].rate != format.rate


cdef inline void bridge_route(Leg* leg) noexcept nogil:
    """Decide once, not per packet, what each payload type the leg receives becomes on the leg it feeds."""
    cdef Leg* target = leg if leg.echo else leg.peer
    cdef Format* format
    cdef bint transcoded = False
    cdef int i
    for i in range(leg.format_count):
        format = &leg.formats[i]
        format.translation = NOWHERE
        if target == NULL or _repack(leg, i, target) or _improve(leg, i, target) or _pressed_anew(format, target):
            pass
        elif _carry(format, target, format.codec, COPY):
            pass
        elif format.codec == CODEC_PCMA and _carry(format, target, CODEC_PCMU, A_TO_U):
            pass
        elif format.codec == CODEC_PCMU and _carry(format, target, CODEC_PCMA, U_TO_A):
            pass
        else:
            _transcode(leg, i, target)
        transcoded = transcoded or format.translation == TRANSCODE
    for i in range(leg.format_count if transcoded else 0):
        format = &leg.formats[i]
        if format.translation == COPY and (format.codec == CODEC_CN or format.codec == CODEC_TELEPHONE_EVENT):
            format.translation = BESIDE


cdef inline void send_packet(Worker* w, Leg* leg, uint8_t* data, int payload_length) noexcept nogil:
    """Send a finished packet of the leg's own stream to where its far end is, sealed when the leg has a key for it."""
    cdef ssize_t done = 0
    cdef uint8_t payload_type = data[1] & 0x7F
    cdef uint8_t first_octet = data[RTP_HEADER]
    cdef int length = RTP_HEADER + payload_length
    cdef Repair* repair = NULL
    # What lies in the batch stays there till it is sent, has room behind it and is nobody else's.
    cdef bint batched = w.batching and leg.wire == WIRE_SHARED and batch_owns(w.batch, data) and batch_fits(
        w.batch, length + sealed_tag(leg)
    )
    if leg.sealing != NULL:
        if leg.is_browser:
            repair = leg.browser.repair
        if length > DATAGRAM_ROOM:
            drop(w, leg, DROP_SEND_FAILED)
            return
        if repair != NULL and repair_repeats(repair, data):
            length = repair_redundant(repair, data, length, w.sealed, DATAGRAM_ROOM)
            data = w.sealed
            batched = False
        elif not batched:
            memcpy(w.sealed, data, length)
            data = w.sealed
        length = seal_packet(w, leg, data, length, False)
        if length < 0:
            return
        if repair != NULL:
            repair_keep(repair, data, length)
    if batched:
        batch_queue(w.batch, leg, data, length, latch_destination(&leg.latch), leg.local_host, leg.port)
    elif leg.wire == WIRE_CONNECTED:
        done = udp_send_connected(leg.fd, data, length)
    else:
        done = udp_send(leg.fd, data, length, latch_destination(&leg.latch))
    if done < 0:
        drop(w, leg, DROP_SEND_FAILED)
        return
    leg.sent.packets += 1
    leg.sent.octets += payload_length
    leg.sent.payload_type = payload_type
    leg.sent.first_octet = first_octet
    w.packets_sent += 1


cdef inline void unsend_packet(Worker* w, Leg* leg, int payload_length) noexcept nogil:
    """A packet counted as sent when it was queued was refused."""
    leg.sent.packets -= 1
    leg.sent.octets -= payload_length
    w.packets_sent -= 1
    drop(w, leg, DROP_SEND_FAILED)


cdef inline void send_queued(Worker* w) noexcept nogil:
    """A packet that is refused is counted against its leg, and those behind it still go."""
    cdef unsigned int done = 0
    cdef Leg* leg
    cdef int sent
    while done < w.batch.queued:
        sent = batch_send(w.batch, done)
        if sent > 0:
            done += sent
            continue
        leg = <Leg*> w.batch.out_leg[done]
        unsend_packet(w, leg, batch_queued(w.batch, done) - RTP_HEADER - sealed_tag(leg))
        done += 1
    w.batch.queued = 0


cdef inline void bridge_packet(Worker* w, Leg* leg, const Format* format, RtpPacket* packet) noexcept nogil:
    """Pass an accepted packet on to the leg this one feeds, if any."""
    cdef Leg* target = leg if leg.echo else leg.peer
    cdef uint16_t sequence = packet.sequence
    cdef uint32_t timestamp = packet.timestamp
    cdef bint marker
    if target == NULL or not target.may_send or target.mixed:
        return
    if target.playing or press_busy(&target.keys.presses):
        return
    if format.translation == NOWHERE or not address_known(latch_destination(&target.latch)):
        drop(w, leg, DROP_UNROUTABLE)
        return
    if format.translation == A_TO_U:
        translate(g711_alaw_to_ulaw, packet.payload, packet.payload, packet.payload_length)
    elif format.translation == U_TO_A:
        translate(g711_ulaw_to_alaw, packet.payload, packet.payload, packet.payload_length)
    marker = send_number(
        &target.sent, (<uint64_t> <uint32_t> leg.id << 32) | packet.ssrc, format.rate, w.now, &sequence, &timestamp
    )
    rtp_write_header(
        packet.payload - RTP_HEADER, format.out_payload_type, packet.marker or marker, sequence, timestamp,
        target.sent.ssrc,
    )
    send_packet(w, target, packet.payload - RTP_HEADER, packet.payload_length)
