/* footprint.h - how little memory this process may do with.
 *
 * Some forty shared libraries come with our dependencies (libmicrohttpd and libcurl bring GnuTLS,
 * Kerberos and LDAP, librdkafka brings SASL), and starting each of them reads pages that nobody
 * reads again. They are not ours alone and not dirty, so the kernel could have them back whenever
 * it is short of memory; until then they count as resident, and more than half of what an idle
 * worker showed was of that kind. docs/performance.md has the figures.
 */
#ifndef WEIR_BASE_FOOTPRINT_H
#define WEIR_BASE_FOOTPRINT_H

/* Once, at the very beginning of main: two malloc arenas for all threads. Each thread of librdkafka
 * would have one of its own otherwise, and what one thread allocates and another one frees would
 * wander between them. glibc only. */
void weir_footprint_keep_small(void);

/* [any] Gives back what only the start has needed: free memory of malloc's, and the pages of
 * programs and libraries that the file on disk still has. What is needed after all is read again,
 * from the page cache, at the price of a minor fault for every 64 KiB. Takes about a millisecond.
 * A debugger's breakpoints and uprobes are in such pages, too, and are gone if they were set
 * before. */
void weir_footprint_let_go(void);

#endif
