"""ITU-T G.711 for Python: whole buffers in, whole buffers out. The engine uses `g711.pxd` directly."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, uint8_t


cdef bytes _translated(const uint8_t *table, const uint8_t[::1] data):
    cdef bytes result = PyBytes_FromStringAndSize(NULL, data.shape[0])
    if data.shape[0]:
        translate(table, &data[0], <uint8_t *>PyBytes_AS_STRING(result), <uint32_t>data.shape[0])
    return result


cdef bytes _decoded(const int16_t *table, const uint8_t[::1] data):
    cdef bytes result = PyBytes_FromStringAndSize(NULL, 2 * data.shape[0])
    cdef int16_t *out = <int16_t *>PyBytes_AS_STRING(result)
    cdef Py_ssize_t i
    for i in range(data.shape[0]):
        out[i] = table[data[i]]
    return result


cdef const uint8_t[::1] _samples(object pcm) except *:
    cdef const uint8_t[::1] octets = memoryview(pcm).cast("B")
    if octets.shape[0] % 2:
        raise ValueError(f"16-bit samples expected, got {octets.shape[0]} bytes")
    return octets


def alaw_to_linear(data):
    return _decoded(g711_from_alaw, data)


def ulaw_to_linear(data):
    return _decoded(g711_from_ulaw, data)


def alaw_to_ulaw(data):
    return _translated(g711_alaw_to_ulaw, data)


def ulaw_to_alaw(data):
    return _translated(g711_ulaw_to_alaw, data)


def linear_to_alaw(pcm):
    cdef const uint8_t[::1] octets = _samples(pcm)
    cdef Py_ssize_t count = octets.shape[0] // 2, i
    cdef bytes result = PyBytes_FromStringAndSize(NULL, count)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(result)
    cdef const int16_t *samples
    if count:
        samples = <const int16_t *>&octets[0]
        for i in range(count):
            out[i] = g711_encode_alaw(samples[i])
    return result


def linear_to_ulaw(pcm):
    cdef const uint8_t[::1] octets = _samples(pcm)
    cdef Py_ssize_t count = octets.shape[0] // 2, i
    cdef bytes result = PyBytes_FromStringAndSize(NULL, count)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(result)
    cdef const int16_t *samples
    if count:
        samples = <const int16_t *>&octets[0]
        for i in range(count):
            out[i] = g711_encode_ulaw(samples[i])
    return result
