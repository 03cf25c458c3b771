/* setup_dedupe.c - what is a duplicate. See settings.h. */
#include "content.h"
#include "setup_internal.h"

#include <string.h>

static void read_content(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    char why[192];
    mqtt_content *tried = mqtt_content_new(s->dedupe_key, 1, s->dedupe_ms, why, sizeof(why));

    if (!tried)
        mqtt_note(m, WEIR_ERROR, "dedupe.key", "%s", why);
    else if (!*s->dedupe_key || !strstr(s->dedupe_key, "${"))
        mqtt_note(m, WEIR_ERROR, "dedupe.key",
                  "says that all messages are the same: it needs a place such as ${payload}");
    else if (strcmp(s->dedupe_key, "${payload}") == 0)
        mqtt_note(
            m, WEIR_WARN, "dedupe.key",
            "equal readings vanish: a device that says the same twice within %lld ms is heard "
            "once, and so are two devices that say the same",
            (long long)s->dedupe_ms);
    mqtt_content_free(tried);
}

void mqtt_read_dedupe(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;

    m->setup->dedupe = mqtt_says(s->dedupe, "none")      ? MQTT_DEDUPE_NONE
                       : mqtt_says(s->dedupe, "content") ? MQTT_DEDUPE_CONTENT
                                                         : MQTT_DEDUPE_REDELIVERY;
    if (m->setup->dedupe == MQTT_DEDUPE_CONTENT)
        read_content(m);
}
