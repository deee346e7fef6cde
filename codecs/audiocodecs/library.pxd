# Shared libraries found at run time: a codec that is not installed is missing then, and nothing else is.

from posix.dlfcn cimport RTLD_LOCAL, RTLD_NOW, dlopen, dlsym


cdef inline int library_open(const char *soname, const char **names, void **functions, int count) noexcept:
    """Look `count` functions up in a library, which stays loaded for the life of the process; 0, or -1: not here."""
    cdef void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL)
    cdef int i
    if library == NULL:
        return -1
    for i in range(count):
        functions[i] = dlsym(library, names[i])
        if functions[i] == NULL:
            return -1
    return 0
