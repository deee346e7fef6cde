"""Memory for what the packet path goes round: many pieces of one size, in huge pages where the kernel has them.

Every 20 ms a worker visits thousands of legs, and each of them lies elsewhere. In pages of 4 KB, finding the page took
longer than what was done on it: in a room of three a leg and tick cost a quarter more. A piece is an odd number of
cache lines long: at a round distance the same field of every leg would compete for the same few places in the cache.

A pool belongs to one thread. Blocks of 2 MB are taken from the kernel as they are needed, and given back when nothing
is left in them, but for one.
"""

from libc.stddef cimport size_t

cdef extern from * nogil:
    """
    #ifndef MEDIA_POOL
    #define MEDIA_POOL
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/mman.h>

    #define POOL_LINE 64
    #define POOL_BLOCK ((size_t) 2 << 20)        /* a huge page */

    typedef struct pool_block {                  /* at the beginning of its memory */
        struct pool_block *next, *previous;
        void *given_back;                        /* each piece begins with the address of the next */
        size_t used, fresh;                      /* pieces in use; the offset from which no piece was ever handed out */
    } pool_block;
    typedef struct {
        size_t stride;
        pool_block *blocks;                      /* those with room */
    } media_pool;

    static inline void pool_init(media_pool *p, size_t size) {
        p->stride = ((size + POOL_LINE - 1) / POOL_LINE | 1) * POOL_LINE;
        p->blocks = NULL;
    }
    static inline void pool_link(media_pool *p, pool_block *b) {
        b->previous = NULL;
        b->next = p->blocks;
        if (b->next) b->next->previous = b;
        p->blocks = b;
    }
    static inline void pool_unlink(media_pool *p, pool_block *b) {
        if (b->previous) b->previous->next = b->next;
        else p->blocks = b->next;
        if (b->next) b->next->previous = b->previous;
    }
    static inline pool_block *pool_grow(void) {
        uintptr_t at, first;
        void *found = mmap(NULL, 2 * POOL_BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED) return NULL;
        at = (uintptr_t) found;
        first = (at + POOL_BLOCK - 1) & ~(uintptr_t) (POOL_BLOCK - 1);
        if (first > at) munmap(found, first - at);
        munmap((void *) (first + POOL_BLOCK), at + POOL_BLOCK - first);
        madvise((void *) first, POOL_BLOCK, MADV_HUGEPAGE);
        return (pool_block *) first;
    }
    static inline int pool_has_room(const media_pool *p, const pool_block *b) {
        return b->given_back || b->fresh + p->stride <= POOL_BLOCK;
    }
    /* A piece of zeros, or NULL. */
    static inline void *pool_take(media_pool *p) {
        pool_block *b = p->blocks;
        void *piece;
        if (!b) {
            b = pool_grow();
            if (!b) return NULL;
            b->fresh = POOL_LINE;
            pool_link(p, b);
        }
        if (b->given_back) {
            piece = b->given_back;
            b->given_back = *(void **) piece;
            memset(piece, 0, p->stride);
        } else {
            piece = (uint8_t *) b + b->fresh;    /* the kernel's zeros */
            b->fresh += p->stride;
        }
        b->used++;
        if (!pool_has_room(p, b)) pool_unlink(p, b);
        return piece;
    }
    /* Nothing, for NULL. */
    static inline void pool_give(media_pool *p, void *piece) {
        pool_block *b = (pool_block *) ((uintptr_t) piece & ~(uintptr_t) (POOL_BLOCK - 1));
        if (!piece) return;
        if (!pool_has_room(p, b)) pool_link(p, b);
        *(void **) piece = b->given_back;
        b->given_back = piece;
        if (--b->used == 0 && (b->next || b->previous)) {
            pool_unlink(p, b);
            munmap(b, POOL_BLOCK);
        }
    }
    /* After the last piece has been given back. */
    static inline void pool_close(media_pool *p) {
        pool_block *b = p->blocks;
        p->blocks = NULL;
        if (b) munmap(b, POOL_BLOCK);
    }
    #endif
    """
    ctypedef struct Pool "media_pool":
        size_t stride

    void pool_init(Pool* p, size_t size)
    void* pool_take(Pool* p)
    void pool_give(Pool* p, void* piece)
    void pool_close(Pool* p)
