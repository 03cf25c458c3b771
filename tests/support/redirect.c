/* redirect.c - for LD_PRELOAD: a worker's connections go where the test wants them.
 *
 * WEIR_REDIRECT names a file of 65536 port numbers, 16 bits each in this machine's order: entry n
 * says where a connection to 127.0.0.1:n goes instead, 0 leaves it alone. The file is mapped, so
 * the test may change it while the worker runs. network.py writes it.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PORTS 65536

static const volatile uint16_t *table; /* NULL: nothing is redirected */

__attribute__((constructor)) static void map_table(void)
{
    const char *path = getenv("WEIR_REDIRECT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped;

    if (fd < 0)
        return;
    mapped = mmap(NULL, PORTS * sizeof(*table), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        table = mapped;
}

/* The system call itself and not the next library's: a sanitizer's may not be ready yet. */
__attribute__((visibility("default"))) int connect(int fd, const struct sockaddr *address,
                                                   socklen_t size)
{
    struct sockaddr_in other;

    if (table && size >= sizeof(other) && address->sa_family == AF_INET) {
        memcpy(&other, address, sizeof(other));
        if (other.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && table[ntohs(other.sin_port)]) {
            other.sin_port = htons(table[ntohs(other.sin_port)]);
            address = (const struct sockaddr *)&other;
            size = sizeof(other);
        }
    }
    return (int)syscall(SYS_connect, fd, address, size);
}
