/* filter.c - see filter.h. Level by level, from the left. */
#include "filter.h"

#include <string.h>

const char *mqtt_filter_plain(const char *filter)
{
    const char *group_end;

    if (strncmp(filter, "$share/", 7) != 0)
        return filter;
    group_end = strchr(filter + 7, '/');
    return group_end ? group_end + 1 : filter;
}

static size_t level_size(const char *from, const char *end)
{
    const char *slash = memchr(from, '/', (size_t)(end - from));

    return (size_t)((slash ? slash : end) - from);
}

bool mqtt_filter_matches(const char *filter, const char *topic, size_t topic_size)
{
    const char *end = topic + topic_size, *filter_end;

    filter = mqtt_filter_plain(filter);
    filter_end = filter + strlen(filter);
    if (topic_size && *topic == '$' && (*filter == '+' || *filter == '#'))
        return false;
    for (;;) {
        size_t wanted = level_size(filter, filter_end), there = level_size(topic, end);

        if (*filter == '#')
            return true;
        if (*filter != '+' && (wanted != there || memcmp(filter, topic, there) != 0))
            return false;
        filter += wanted;
        topic += there;
        if (topic == end) /* "a/#" matches "a" too */
            return filter == filter_end || strcmp(filter, "/#") == 0;
        if (filter == filter_end)
            return false;
        filter++;
        topic++;
    }
}
