/* footprint.c - see footprint.h. */
#include "base/footprint.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Its code was relocated in place: these pages are not the file's any more. */
static bool has_text_relocations(const struct dl_phdr_info *object)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        const ElfW(Dyn) * entry;

        if (segment->p_type != PT_DYNAMIC)
            continue;
        entry = (const void *)(uintptr_t)(object->dlpi_addr + segment->p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_TEXTREL ||
                (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_TEXTREL))
                return true;
    }
    return false;
}

/* Only segments that were never writable: what the loader writes into and protects afterwards is in
 * one that says PF_W. */
static int let_go_of(struct dl_phdr_info *object, size_t size, void *ctx)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size;
    (void)ctx;
    if (has_text_relocations(object))
        return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;

        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
            continue;
        start -= start % page;
        madvise((void *)start, end - start, MADV_DONTNEED); /* refused: then they stay */
    }
    return 0;
}

void weir_footprint_keep_small(void)
{
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 2);
#endif
}

void weir_footprint_let_go(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    dl_iterate_phdr(let_go_of, NULL); /* under the loader's lock: nothing is unloaded meanwhile */
}
