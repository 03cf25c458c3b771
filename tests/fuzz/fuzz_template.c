/* fuzz_template.c - no template reads out of bounds or hangs, whatever the message, and what it
 * renders from text is text.
 *
 * Four parts, divided by 0x1e: template, regex of a rule, MQTT topic, payload.
 */
#include "json_check.h"
#include "moment.h"
#include "template.h"
#include "topic_names.h"
#include "topic_regex.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct slice {
    uint8_t *bytes; /* exactly as large as it is, for the sanitizer; a NUL behind where said */
    size_t size;
} slice;

static slice take(const uint8_t **at, const uint8_t *end, size_t nul)
{
    const uint8_t *stop = memchr(*at, 0x1e, (size_t)(end - *at));
    slice s = {.size = (size_t)((stop ? stop : end) - *at)};

    s.bytes = malloc(s.size + nul ? s.size + nul : 1);
    if (s.size)
        memcpy(s.bytes, *at, s.size);
    if (nul)
        s.bytes[s.size] = '\0';
    *at = stop ? stop + 1 : end;
    return s;
}

/* Properties: two user properties, of which one is not text. */
static const uint8_t user[] = "\x26\0\1a\0\2vw\x26\0\1b\0\1\xff";

static void render(const mqtt_template *made, const mqtt_publish *publish, const mqtt_text *groups,
                   bool text_only)
{
    static char *const filters[] = {"$share/g/a/+", "+/b/#"};
    mqtt_view view = {.publish = publish, .filters = filters, .filter_count = 2, .groups = groups};
    mqtt_bytes out = {0}, name = {0};
    char why[256] = "";
    int64_t ms;

    if (mqtt_template_render(made, &view, &out, why, sizeof(why))) {
        if (text_only && out.data && !mqtt_is_utf8(out.data, mqtt_bytes_size(&out)))
            abort();
        mqtt_moment_read(out.data ? (char *)out.data : "", mqtt_bytes_size(&out), MQTT_UNIT_GUESS,
                         &ms);
        mqtt_put_topic_name(&name, out.data, mqtt_bytes_size(&out), "_");
        for (size_t i = 0; i < mqtt_bytes_size(&name); i++)
            if (!mqtt_is_name_char((char)name.data[i]))
                abort();
    } else if (!*why) {
        abort();
    }
    mqtt_bytes_free(&out);
    mqtt_bytes_free(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    slice text = take(&at, end, 1), pattern = take(&at, end, 1);
    slice topic = take(&at, end, 0), payload = take(&at, end, 0);
    mqtt_text groups[MQTT_REGEX_GROUPS] = {{NULL, 0}};
    mqtt_places places = {0};
    mqtt_publish publish = {.qos = 1,
                            .topic = (const char *)topic.bytes,
                            .topic_size = topic.size,
                            .payload = payload.bytes,
                            .payload_size = payload.size};
    char why[256] = "";
    mqtt_fault fault;
    mqtt_regex *regex = mqtt_regex_new((const char *)pattern.bytes, why, sizeof(why));
    mqtt_template *made;

    if (!regex && !*why)
        abort();
    if (regex && mqtt_regex_match(regex, publish.topic, publish.topic_size, groups))
        places.groups = mqtt_regex_groups(regex);
    places.payload = size % 2;
    if (!mqtt_check_properties(MQTT_IN(MQTT_TYPE_PUBLISH), user, sizeof(user) - 1,
                               &publish.properties, &fault))
        abort();
    *why = '\0';
    made = mqtt_template_new((const char *)text.bytes, &places, why, sizeof(why));
    if (made)
        render(made, &publish, groups,
               !places.groups && !places.payload && mqtt_is_utf8(text.bytes, text.size) &&
                   mqtt_is_utf8(topic.bytes, topic.size));
    else if (!*why)
        abort();
    mqtt_template_free(made);
    mqtt_regex_free(regex);
    free(text.bytes);
    free(pattern.bytes);
    free(topic.bytes);
    free(payload.bytes);
    return 0;
}
