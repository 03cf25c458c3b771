/* fuzz_filter.c - filters that are checked, held against topics: a second matcher agrees, and
 * filters that match one topic overlap.
 *
 * Three parts, divided by 0x1e: filter, another filter, topic.
 */
#include "address.h"
#include "bytes.h"
#include "filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *take(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *stop = memchr(*at, 0x1e, (size_t)(end - *at));
    char *text = mqtt_strndup((const char *)*at, (size_t)((stop ? stop : end) - *at));

    *at = stop ? stop + 1 : end;
    return text;
}

/* The rules of the protocol once more, as slow as they are plain. */
static int matches(const char *filter, const char *topic, int first)
{
    size_t wanted = strcspn(filter, "/"), there = strcspn(topic, "/");
    int wild = *filter == '+' || *filter == '#';

    if (first && wild && *topic == '$')
        return 0;
    if (*filter == '#')
        return 1;
    if (*filter != '+' && (wanted != there || strncmp(filter, topic, there) != 0))
        return 0;
    if (!topic[there])
        return !filter[wanted] || strcmp(filter + wanted, "/#") == 0;
    return filter[wanted] && matches(filter + wanted + 1, topic + there + 1, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    char *a = take(&at, end), *b = take(&at, end), *topic = take(&at, end);
    char why[160] = "";
    int good_a = mqtt_filter_check(a, why, sizeof(why)), good_b, in_a, in_b;

    if (!good_a && !*why)
        abort();
    good_b = mqtt_filter_check(b, why, sizeof(why));
    if (good_a && good_b && strlen(topic) < 4096) {
        /* Memory of exactly that size: a sanitizer sees a step too far. */
        size_t length = strlen(topic);
        char *exact = malloc(length ? length : 1);

        memcpy(exact, topic, length);
        in_a = mqtt_filter_matches(a, exact, length);
        in_b = mqtt_filter_matches(b, exact, length);
        if (in_a != matches(mqtt_filter_plain(a), topic, 1) ||
            in_b != matches(mqtt_filter_plain(b), topic, 1))
            abort();
        if (in_a && in_b && a[0] != '$' && b[0] != '$' && !mqtt_filters_overlap(a, b))
            abort();
        free(exact);
    }
    free(a);
    free(b);
    free(topic);
    return 0;
}
