"""UDP sockets and their addresses, as the packet path needs them: no allocation, no name, no errno lost.

Header only: every function is inlined into the worker that cimports it.
"""

from libc.stdint cimport uint8_t, uint16_t, uint64_t

cdef extern from * nogil:
    """
    #include <errno.h>
    #include <string.h>
    #include <unistd.h>
    #include <sys/socket.h>
    #include <netinet/in.h>

    #ifndef MEDIA_NET_ADDRESS
    #define MEDIA_NET_ADDRESS
    /* IPv4 or IPv6 socket address; the first eight bytes of an IPv4 one are family, port and host. */
    typedef union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        uint64_t head;
    } media_address;

    static inline socklen_t address_length(const media_address *a) {
        return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
    }
    static inline int address_known(const media_address *a) { return a->any.sa_family != AF_UNSPEC; }
    static inline int address_family(const media_address *a) { return a->any.sa_family; }
    static inline void address_clear(media_address *a) { memset(a, 0, sizeof *a); }
    static inline int address_same(const media_address *a, const media_address *b) {
        if (a->any.sa_family == AF_INET) return a->head == b->head;
        return a->any.sa_family == AF_INET6 && b->any.sa_family == AF_INET6 && a->v6.sin6_port == b->v6.sin6_port &&
               memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0;
    }
    static inline int address_same_host(const media_address *a, const media_address *b) {
        if (a->any.sa_family != b->any.sa_family) return 0;
        if (a->any.sa_family == AF_INET) return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
        return a->any.sa_family == AF_INET6 && memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0;
    }
    /* Of what address_same compares; not spread over its bits. */
    static inline uint64_t address_hash(const media_address *a) {
        uint64_t half[2];
        if (a->any.sa_family != AF_INET6) return a->head;
        memcpy(half, &a->v6.sin6_addr, 16);
        return (half[0] * 0x9E3779B97F4A7C15u ^ half[1]) * 0x9E3779B97F4A7C15u + a->v6.sin6_port;
    }
    /* `host`: 4 or 16 bytes in network order. */
    static inline void address_make(media_address *a, const uint8_t *host, int host_length, uint16_t port) {
        address_clear(a);
        if (host_length == 4) {
            a->v4.sin_family = AF_INET;
            a->v4.sin_port = htons(port);
            memcpy(&a->v4.sin_addr, host, 4);
        } else if (host_length == 16) {
            a->v6.sin6_family = AF_INET6;
            a->v6.sin6_port = htons(port);
            memcpy(&a->v6.sin6_addr, host, 16);
        }
    }
    static inline uint16_t address_port(const media_address *a) {
        return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
    }
    /* Copies the host bytes to `out` (16 bytes of room) and gives their number; 0 when unknown. */
    static inline int address_host(const media_address *a, uint8_t *out) {
        if (a->any.sa_family == AF_INET) { memcpy(out, &a->v4.sin_addr, 4); return 4; }
        if (a->any.sa_family == AF_INET6) { memcpy(out, &a->v6.sin6_addr, 16); return 16; }
        return 0;
    }

    /* One datagram, or -1. MSG_TRUNC: the true length is returned, so that a cut datagram is seen to be one. */
    static inline ssize_t udp_receive(int fd, uint8_t *buffer, size_t room, media_address *source) {
        socklen_t length = sizeof *source;
        return recvfrom(fd, buffer, room, MSG_DONTWAIT | MSG_TRUNC, &source->any, &length);
    }
    static inline ssize_t udp_send(int fd, const uint8_t *data, size_t length, const media_address *to) {
        return sendto(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, &to->any, address_length(to));
    }
    static inline ssize_t udp_send_connected(int fd, const uint8_t *data, size_t length) {
        return send(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    /* Ask for the local address of each datagram, or no longer. */
    static inline void udp_tell_local(int fd, int family, int on) {
        if (family == AF_INET) setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
        else setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    }
    /* As udp_receive, and the address it was sent to; port 0, unknown family when the kernel did not say. */
    static inline ssize_t udp_receive_local(int fd, uint8_t *buffer, size_t room, media_address *source,
                                            media_address *local) {
        union { struct cmsghdr align; char room[128]; } control;
        struct iovec data = {buffer, room};
        struct msghdr message = {0};
        struct cmsghdr *item;
        ssize_t length;
        message.msg_name = source;
        message.msg_namelen = sizeof *source;
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        address_clear(local);
        length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
        if (length < 0) return length;
        for (item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
            if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO)
                address_make(local, (uint8_t *) &((struct in_pktinfo *) CMSG_DATA(item))->ipi_addr, 4, 0);
            else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO)
                address_make(local, (uint8_t *) &((struct in6_pktinfo *) CMSG_DATA(item))->ipi6_addr, 16, 0);
        }
        return length;
    }
    static inline void udp_disconnect(int fd) {
        struct sockaddr none = {0};
        none.sa_family = AF_UNSPEC;
        connect(fd, &none, sizeof none);
    }
    /* Connect, unless that would move the socket to another local address than `local`. 1 = connected. */
    static inline int udp_connect(int fd, const media_address *to, const media_address *local) {
        media_address own;
        socklen_t length = sizeof own;
        if (connect(fd, &to->any, address_length(to)) < 0) return 0;
        if (getsockname(fd, &own.any, &length) == 0 && address_same_host(&own, local)) return 1;
        udp_disconnect(fd);
        return 0;
    }
    /* For a socket that many share: room for what comes while they wait, and where each datagram was sent to. */
    static inline void udp_shared(int fd, int receive_buffer) {
        int on = 1;
        setsockopt(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, &on, sizeof on);
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    /* A bound non-blocking socket, or -errno. */
    static inline int udp_open(const media_address *local, int receive_buffer, int traffic_class) {
        int fd = socket(local->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
        int off = 0, failed = 0;
        if (fd < 0) return -errno;
        if (local->any.sa_family == AF_INET6) {
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
            if (traffic_class) setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &traffic_class, sizeof traffic_class);
        }
        if (traffic_class) setsockopt(fd, IPPROTO_IP, IP_TOS, &traffic_class, sizeof traffic_class);
        if (receive_buffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        if (bind(fd, &local->any, address_length(local)) < 0) {
            failed = errno;
            close(fd);
            return -failed;
        }
        return fd;
    }
    #endif
    """
    ctypedef struct Address "media_address":
        pass

    int address_known(const Address* a)
    void address_clear(Address* a)
    bint address_same(const Address* a, const Address* b)
    bint address_same_host(const Address* a, const Address* b)
    uint64_t address_hash(const Address* a)
    void address_make(Address* a, const uint8_t* host, int host_length, uint16_t port)
    uint16_t address_port(const Address* a)
    int address_host(const Address* a, uint8_t* out)
    ssize_t udp_receive(int fd, uint8_t* buffer, size_t room, Address* source)
    ssize_t udp_send(int fd, const uint8_t* data, size_t length, const Address* to)
    ssize_t udp_send_connected(int fd, const uint8_t* data, size_t length)
    void udp_tell_local(int fd, int family, int on)
    ssize_t udp_receive_local(int fd, uint8_t* buffer, size_t room, Address* source, Address* local)
    void udp_disconnect(int fd)
    bint udp_connect(int fd, const Address* to, const Address* local)
    int address_family(const Address* a)
    void udp_shared(int fd, int receive_buffer)
    int udp_open(const Address* local, int receive_buffer, int traffic_class)
