cdef extern from *:
    """
    static void full_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
    """
    void full_fence() noexcept nogil
