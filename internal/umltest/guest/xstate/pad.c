/*
 * Preloaded into the User-mode Linux kernel, and only there.
 *
 * At each switch to a guest process that kernel sets the vector registers with
 * PTRACE_SETREGSET(NT_X86_XSTATE) from a buffer of a size that was fixed before
 * processors had AMX. A host with more register state refuses anything but the
 * full size with EFAULT, and the guest dies with "ptrace set fp regs failed".
 * This stands between the two: it widens the buffer with zeroes. The state that
 * the kernel does not know is marked as unused in the header of the area, so the
 * processor takes its initial value.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PEEKTEXT = 1, PEEKUSER = 3, GETREGSET = 0x4204, SETREGSET = 0x4205, X86_XSTATE = 0x202 };
enum { XSTATE_BV = 512 };            /* offset of the bit vector of state in use */
#define KNOWN UINT64_C(0x3ff)        /* up to protection keys, all that fits in the small buffer */

static unsigned char area[65536] __attribute__((aligned(64)));
static size_t full;

static long set_state(pid_t pid, struct iovec *v)
{
	struct iovec wide = { area, sizeof area };
	uint64_t bv;

	if (!full) {
		if (syscall(SYS_ptrace, GETREGSET, pid, X86_XSTATE, &wide) < 0)
			return -1;
		full = wide.iov_len;
	}
	if (full <= v->iov_len || v->iov_len < XSTATE_BV + sizeof bv)
		return syscall(SYS_ptrace, SETREGSET, pid, X86_XSTATE, v);
	memcpy(area, v->iov_base, v->iov_len);
	memset(area + v->iov_len, 0, full - v->iov_len);
	memcpy(&bv, area + XSTATE_BV, sizeof bv);
	bv &= KNOWN;
	memcpy(area + XSTATE_BV, &bv, sizeof bv);
	wide.iov_base = area;
	wide.iov_len = full;
	return syscall(SYS_ptrace, SETREGSET, pid, X86_XSTATE, &wide);
}

long ptrace(int request, ...)
{
	va_list ap;
	pid_t pid;
	void *addr, *data;
	long word;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);

	if (request == SETREGSET && (uintptr_t)addr == X86_XSTATE)
		return set_state(pid, data);
	if (request >= PEEKTEXT && request <= PEEKUSER) {
		/* The C library returns the word, the system call stores it. */
		if (syscall(SYS_ptrace, request, pid, addr, &word) < 0)
			return -1;
		errno = 0;
		return word;
	}
	return syscall(SYS_ptrace, request, pid, addr, data);
}
