"""Many datagrams a system call: taken from a worker's shared socket, and sent through one raw socket.

A UDP socket sends from one port only, so what leaves for many legs at once carries headers written here (IP_HDRINCL):
the same bytes their own sockets would put on the wire, checksum included.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from media.net.udp cimport Address

cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    #include <netinet/in.h>
    #include <sys/socket.h>
    #include <sys/syscall.h>
    #include <sys/uio.h>

    #ifndef MEDIA_NET_BATCH
    #define MEDIA_NET_BATCH
    #define BATCH 64
    #define BATCH_ROOM 2048
    #define BATCH_HEAD 64             /* room for the headers in front of what was received */
    #define BATCH_TAIL 32             /* and for what sealing a packet adds behind it (media.srtp.session) */
    #define BATCH_HEADERS 28          /* IPv4 without options, UDP */
    #define BATCH_LONGEST 1200        /* what any path carries whole; of longer ones their own socket makes fragments */
    #define BATCH_SEND_BUFFER (8 << 20)
    #define BATCH_TTL 64

    struct batch_message { struct msghdr header; unsigned int length; };      /* struct mmsghdr, without _GNU_SOURCE */
    typedef struct {
        int in_fd, out_fd;
        unsigned int queued;
        uint16_t identification;
        uint8_t traffic_class;
        struct batch_message in[BATCH], out[BATCH];
        struct iovec in_data[BATCH], out_data[BATCH];
        media_address in_from[BATCH];
        struct sockaddr_in out_to[BATCH];
        void *out_leg[BATCH];
        union { struct cmsghdr item; uint8_t room[CMSG_SPACE(sizeof(struct sockaddr_in))]; } in_control[BATCH];
        uint8_t data[BATCH][BATCH_HEAD + BATCH_ROOM + BATCH_TAIL];
    } media_batch;

    static inline void batch_free(media_batch *b) {
        if (!b) return;
        if (b->out_fd >= 0) close(b->out_fd);
        if (b->in_fd >= 0) close(b->in_fd);
        free(b);
    }
    /* Takes over `in_fd`. NULL, and errno, when the raw socket is refused. */
    static inline media_batch *batch_make(int in_fd, int traffic_class) {
        int i, refused, buffer = BATCH_SEND_BUFFER;
        void *memory = NULL;
        media_batch *b;
        if (posix_memalign(&memory, 64, sizeof *b)) { close(in_fd); errno = ENOMEM; return NULL; }
        b = (media_batch *) memory;
        memset(b, 0, sizeof *b);
        b->in_fd = in_fd;
        b->traffic_class = (uint8_t) traffic_class;
        b->out_fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
        if (b->out_fd < 0 || setsockopt(b->out_fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) < 0) {
            refused = errno;
            batch_free(b);
            errno = refused;
            return NULL;
        }
        for (i = 0; i < BATCH; i++) {
            struct msghdr *in = &b->in[i].header, *out = &b->out[i].header;
            b->in_data[i].iov_base = b->data[i] + BATCH_HEAD;
            b->in_data[i].iov_len = BATCH_ROOM;
            in->msg_iov = &b->in_data[i];
            in->msg_iovlen = 1;
            in->msg_name = &b->in_from[i];
            in->msg_control = &b->in_control[i];
            out->msg_iov = &b->out_data[i];
            out->msg_iovlen = 1;
            out->msg_name = &b->out_to[i];
            out->msg_namelen = sizeof b->out_to[i];
            b->out_to[i].sin_family = AF_INET;
        }
        return b;
    }
    /* How many datagrams were taken from a socket that tells where they were sent to; at most BATCH. */
    static inline int batch_receive(media_batch *b, int fd) {
        int i;
        for (i = 0; i < BATCH; i++) {
            b->in[i].header.msg_namelen = sizeof b->in_from[i];
            b->in[i].header.msg_controllen = sizeof b->in_control[i];
        }
        return (int) syscall(SYS_recvmmsg, fd, b->in, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
    }
    static inline uint8_t *batch_data(media_batch *b, int i) { return b->data[i] + BATCH_HEAD; }
    static inline int batch_length(const media_batch *b, int i) { return (int) b->in[i].length; }
    static inline const media_address *batch_source(const media_batch *b, int i) { return &b->in_from[i]; }
    /* Where a datagram was sent to; NULL when the kernel did not say. */
    static inline const struct sockaddr_in *batch_to(const media_batch *b, int i) {
        const struct cmsghdr *item = &b->in_control[i].item;
        if (b->in[i].header.msg_controllen < sizeof *item) return NULL;
        if (item->cmsg_level != IPPROTO_IP || item->cmsg_type != IP_ORIGDSTADDR) return NULL;
        return (const struct sockaddr_in *) CMSG_DATA(item);
    }
    static inline uint16_t batch_port(const media_batch *b, int i) {
        const struct sockaddr_in *to = batch_to(b, i);
        return to ? ntohs(to->sin_port) : 0;
    }
    /* Network order; 0: unknown. */
    static inline uint32_t batch_host(const media_batch *b, int i) {
        const struct sockaddr_in *to = batch_to(b, i);
        return to ? to->sin_addr.s_addr : 0;
    }
    /* One's complement sum (RFC 1071), eight bytes at a time, in the machine's own order. */
    static inline uint16_t batch_checksum(const uint8_t *at, unsigned int length, uint64_t sum) {
        uint64_t eight;
        uint32_t four = 0;
        while (length >= 8) {
            memcpy(&eight, at, 8);
            sum += eight;
            sum += sum < eight;
            at += 8;
            length -= 8;
        }
        eight = 0;
        memcpy(&eight, at, length);
        sum += eight;
        sum += sum < eight;
        sum = (sum & 0xFFFFFFFF) + (sum >> 32);
        sum = (sum & 0xFFFFFFFF) + (sum >> 32);
        four = (uint32_t) sum;
        four = (four & 0xFFFF) + (four >> 16);
        four = (four & 0xFFFF) + (four >> 16);
        return (uint16_t) ~four;
    }
    static inline int batch_owns(const media_batch *b, const uint8_t *data) {
        return data >= b->data[0] && data < b->data[0] + sizeof b->data;
    }
    static inline int batch_fits(const media_batch *b, int length) {
        return length <= BATCH_LONGEST && b->queued < BATCH;
    }
    /* `data` lies in the batch's own memory, with BATCH_HEADERS of room in front, and stays there till it is sent. */
    static inline void batch_queue(media_batch *b, void *leg, uint8_t *data, int length, const media_address *to,
                                   uint32_t local_host, uint16_t local_port) {
        uint8_t *head = data - BATCH_HEADERS;
        unsigned int whole = BATCH_HEADERS + (unsigned int) length;
        uint16_t udp_length = htons((uint16_t) (whole - 20)), port = htons(local_port), check = 0;
        uint64_t pseudo;
        /* Total length and header checksum are the kernel's to fill in. Identification means nothing beside "do not
           fragment" (RFC 6864); 0 would make the kernel draw one. */
        b->identification += b->identification == 0xFFFF ? 2 : 1;
        memset(head, 0, BATCH_HEADERS);
        head[0] = 0x45;
        head[1] = b->traffic_class;
        memcpy(head + 4, &b->identification, 2);
        head[6] = 0x40;
        head[8] = BATCH_TTL;
        head[9] = IPPROTO_UDP;
        memcpy(head + 12, &local_host, 4);
        memcpy(head + 16, &to->v4.sin_addr, 4);
        memcpy(head + 20, &port, 2);
        memcpy(head + 22, &to->v4.sin_port, 2);
        memcpy(head + 24, &udp_length, 2);
        pseudo = (uint64_t) local_host + to->v4.sin_addr.s_addr + htons(IPPROTO_UDP) + udp_length;
        check = batch_checksum(head + 20, whole - 20, pseudo);
        if (!check) check = 0xFFFF;
        memcpy(head + 26, &check, 2);
        b->out_data[b->queued].iov_base = head;
        b->out_data[b->queued].iov_len = whole;
        b->out_to[b->queued].sin_addr = to->v4.sin_addr;
        b->out_leg[b->queued] = leg;
        b->queued++;
    }
    /* Bytes of a queued datagram, without its headers. */
    static inline int batch_queued(const media_batch *b, unsigned int i) {
        return (int) b->out_data[i].iov_len - BATCH_HEADERS;
    }
    /* Sends what is queued from `done` on; how many went, or -1: the first was refused. */
    static inline int batch_send(media_batch *b, unsigned int done) {
        return (int) syscall(SYS_sendmmsg, b->out_fd, b->out + done, b->queued - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    #endif
    """
    enum:
        BATCH
    ctypedef struct Batch "media_batch":
        int in_fd
        unsigned int queued
        void** out_leg

    Batch* batch_make(int in_fd, int traffic_class)
    void batch_free(Batch* b)
    int batch_receive(Batch* b, int fd)
    uint8_t* batch_data(Batch* b, int i)
    int batch_length(const Batch* b, int i)
    const Address* batch_source(const Batch* b, int i)
    uint16_t batch_port(const Batch* b, int i)
    uint32_t batch_host(const Batch* b, int i)
    bint batch_owns(const Batch* b, const uint8_t* data)
    bint batch_fits(const Batch* b, int length)
    void batch_queue(
        Batch* b, void* leg, uint8_t* data, int length, const Address* to, uint32_t local_host, uint16_t local_port
    )
    int batch_queued(const Batch* b, unsigned int i)
    int batch_send(Batch* b, unsigned int done)
