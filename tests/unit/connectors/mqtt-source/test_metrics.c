/* test_metrics.c - what is declared as a metric is in the status, in every state of the link. */
#include "stage.h"

#include "metrics.h"

static const char *const none[] = {NULL};

static void until_up(stage *s)
{
    uint8_t connect[20], subscribe[8];

    broker_reads(s, connect, sizeof(connect));
    broker_says(s, "\x20\x02\x00\x00", 4);
    broker_reads(s, subscribe, sizeof(subscribe));
    s->now_ms++;
    broker_says(s, "\x90\x03\x00\x01\x01", 5);
    until_status(s, "\"connected\":true");
}

/* Is the member there at its path? Objects in the status hold no such names as keys of others. */
static bool is_told(const char *json, const char *path)
{
    const char *at = json;

    for (size_t size; at && *path; path += size + (path[size] == '.')) {
        char key[64];

        size = strcspn(path, ".");
        snprintf(key, sizeof(key), "\"%.*s\":%s", (int)size, path, path[size] ? "{" : "");
        at = strstr(at, key);
    }
    return at != NULL;
}

static void all_are_told(stage *s)
{
    for (const weir_metric *metric = mqtt_metrics; metric->name; metric++)
        ck_assert_msg(is_told(status(s), metric->path), "%s: no %s in %s", metric->name,
                      metric->path, status(s));
}

/* Is the state that the status names among those declared? */
static void state_is_declared(stage *s, const char *word)
{
    const char *const *states = NULL;
    char text[64];
    bool found = false;

    snprintf(text, sizeof(text), "\"link\":\"%s\"", word);
    until_status(s, text);
    for (const weir_metric *metric = mqtt_metrics; metric->name; metric++)
        if (metric->type == WEIR_STATE)
            states = metric->states;
    ck_assert_ptr_nonnull(states);
    for (; *states; states++)
        found |= strcmp(*states, word) == 0;
    ck_assert(found);
}

START_TEST(every_metric_is_in_the_status_from_the_first_moment_on)
{
    stage *s = stage_new(NULL, none);

    all_are_told(s);
    ck_assert_ptr_nonnull(strstr(status(s), "\"connected\":false"));
    until_up(s);
    all_are_told(s);
    ck_assert_ptr_nonnull(strstr(status(s), "\"connected\":true"));
    state_is_declared(s, "connected");
    stage_free(s);
}
END_TEST

static const char *const hold[] = {"mqtt.pause.behavior", "hold", NULL};

START_TEST(every_state_of_the_link_is_declared)
{
    const weir_source *source = weir_plugin_entry.source;
    stage *s = stage_new(NULL, hold);

    state_is_declared(s, "connecting");
    until_up(s);
    ck_assert(source->pause(s->self, true));
    state_is_declared(s, "held");
    ck_assert(source->pause(s->self, false));
    state_is_declared(s, "connected");
    close(s->broker);
    s->broker = -1;
    s->now_ms += 10; /* the socket has rested */
    state_is_declared(s, "waiting");
    s->not_owned = true;
    s->now_ms += 60000;
    state_is_declared(s, "not_owned");
    source->drain(s->self);
    state_is_declared(s, "draining");
    stage_free(s);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source metrics",
               tcase_add_test(tests, every_metric_is_in_the_status_from_the_first_moment_on);
               tcase_add_test(tests, every_state_of_the_link_is_declared);)
