/* fuzz_kept.c - whatever stands in the offset topic, nothing is read out of bounds, and what is
 * understood is written back so that it is understood again, and the same.
 */
#include "kept.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *kept_text;

static const char *look(const weir_host *host, const char *partition)
{
    (void)host;
    (void)partition;
    return kept_text;
}

static weir_status keep(const weir_host *host, const char *partition, const char *offset)
{
    (void)host;
    (void)partition;
    free(kept_text);
    kept_text = offset ? strdup(offset) : NULL;
    return WEIR_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mqtt_endpoint broker = {.host = (char *)"h", .port = (char *)"1883"};
    const weir_host host = {.size = sizeof(host), .offset = look, .keep_offset = keep};
    mqtt_kept kept;
    char *once;

    free(kept_text);
    kept_text = malloc(size + 1);
    if (!kept_text)
        abort();
    memcpy(kept_text, data, size);
    kept_text[size] = '\0';
    mqtt_kept_load(&kept, &host, "me", &broker);
    if (kept.known) {
        mqtt_kept_store(&kept, &host, false, NULL, 0);
        once = strdup(kept_text);
        mqtt_kept_clear(&kept);
        mqtt_kept_load(&kept, &host, "me", &broker);
        if (!kept.known)
            abort();
        mqtt_kept_store(&kept, &host, false, NULL, 0);
        if (strcmp(once, kept_text) != 0)
            abort();
        free(once);
    }
    mqtt_kept_clear(&kept);
    return 0;
}
